"""The envelope: CloudEvents 1.0 members around one frozen pydantic class per fact."""

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict

from shared import tracing
from shared.clock import Clock
from shared.contracts.instants import Instant
from shared.ids import uuid7

_REGISTRY: dict[str, type["Event"]] = {}


class UnknownEvent(ValueError):
    """A type that this process does not know: counted and skipped, never parked."""


class Event(BaseModel):
    """One fact. A subclass names its type, its topic and the member with its aggregate's id."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    type: ClassVar[str] = ""
    topic: ClassVar[str] = ""
    key_field: ClassVar[str] = ""

    event_id: UUID
    tenant_id: UUID
    occurred_at: Instant

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.type:
            _REGISTRY[cls.type] = cls

    @property
    def subject(self) -> str:
        """The aggregate's id; it is also the Kafka key, so that the facts of an aggregate stay in
        order."""
        return str(getattr(self, self.key_field))

    def encode(self) -> bytes:
        """Structured-mode CloudEvents JSON."""
        members = self.model_dump(mode="json")
        return orjson.dumps(
            {
                "specversion": "1.0",
                "id": members.pop("event_id"),
                "source": f"damselfly/{self.topic.partition('.')[0]}",
                "type": self.type,
                "time": members.pop("occurred_at"),
                "subject": self.subject,
                "tenantid": members.pop("tenant_id"),
                "datacontenttype": "application/json",
                "data": members,
                **tracing.carried(),
            }
        )


EventT = TypeVar("EventT", bound=Event)


def latest(events: Iterable[EventT], *members: str) -> list[EventT]:
    """The latest event for each combination of values of `members`, by the events' own time, and of
    several at one instant the last of the batch: after a replay an older event may follow in the
    same batch, and one statement cannot change a row twice. Ordered by those values, so that two
    consumers that write the rows never deadlock."""
    in_time = sorted(events, key=lambda event: event.occurred_at)
    last = {tuple(getattr(event, member) for member in members): event for event in in_time}
    return [last[name] for name in sorted(last)]


def stamp(tenant_id: UUID, clock: Clock) -> dict[str, Any]:
    """The envelope members of a new event: `PaymentSucceeded(**stamp(tenant, clock), …)`."""
    return {"event_id": uuid7(clock), "tenant_id": tenant_id, "occurred_at": clock.now()}


def decode(raw: bytes) -> Event:
    """The event in `raw`; UnknownEvent for a type we do not know, ValueError for a broken one."""
    try:
        document = orjson.loads(raw)
        kind = document["type"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError("not a CloudEvents document") from error
    found = _REGISTRY.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise UnknownEvent(str(kind))
    try:
        members = dict(document["data"])
        members["event_id"] = document["id"]
        members["tenant_id"] = document["tenantid"]
        members["occurred_at"] = document["time"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("a CloudEvents member is missing") from error
    return found.model_validate(members)


def known_types() -> dict[str, type[Event]]:
    """Every declared type, for the AsyncAPI document and the golden files."""
    return dict(sorted(_REGISTRY.items()))
