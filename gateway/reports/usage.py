"""When keys were last used, and devices last seen, told to the service that keeps them (binding,
device): at most once a minute and key or device.

A use costs the request one write to memory, never a call and never a row; nothing secret is in the
report. What was not told when a process is killed is less than a minute of one key's life.
"""

import asyncio
from collections import OrderedDict
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts import documents
from shared.errors import Problem
from shared.telemetry import get_logger

log = get_logger("usage")

REPORT_EVERY_S = 60.0
"""of one key; the first use is told within LOOK_EVERY_S"""
CHECK_EVERY_S = 5.0
ITEMS_MAX = documents.USES_MAX
KEPT_MAX = 8192
UNREADABLE = 422


@dataclass(frozen=True, slots=True)
class AppKeyUse:
    """The egress signed with this version of an app's private key."""

    tenant_id: UUID
    app_id: str
    key_version: int


@dataclass(frozen=True, slots=True)
class ApiKeyUse:
    """A merchant's own program was believed because of this key."""

    tenant_id: UUID
    key_id: str


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """A device was believed because of its signature."""

    tenant_id: UUID
    device_id: str


UseT = TypeVar("UseT", AppKeyUse, ApiKeyUse, DeviceUse)
_REPORTED: dict[type, type[BaseModel]] = {
    AppKeyUse: documents.AppKeyUseBody,
    ApiKeyUse: documents.ApiKeyUseBody,
    DeviceUse: documents.SightingBody,
}


class LastUsed(Generic[UseT]):
    """The last use of each key or device that its keeper has not heard of yet."""

    def __init__(self, keeper: ServiceClient, path: str, clock: Clock) -> None:
        self._keeper = keeper
        self._path = path
        self._clock = clock
        self._used: dict[UseT, datetime] = {}
        self._reported_at: OrderedDict[UseT, float] = OrderedDict()

    def note(self, key: UseT) -> None:
        """It was used now."""
        if key in self._used or len(self._used) < KEPT_MAX:
            self._used[key] = self._clock.now()

    async def run(self) -> None:
        """Tells the keeper until cancelled; what it does not take is told later."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await self.report()

    async def report(self, *, is_last: bool = False) -> None:
        """Hands over the uses that are due; all of them when the process ends."""
        now = self._clock.monotonic()
        due = [key for key in self._used if is_last or self._is_due(key, now)]
        for start in range(0, len(due), ITEMS_MAX):
            batch = {key: self._used.pop(key) for key in due[start : start + ITEMS_MAX]}
            items = [_item(key, at) for key, at in batch.items()]
            try:
                await self._keeper.call_ok("POST", self._path, body={"items": items})
            except Problem as error:
                log.warning("usage.not_told", path=self._path, code=error.code)
                if error.status == UNREADABLE:
                    continue  # saying it again would stop all that come after it
                for key, at in batch.items():
                    self._used.setdefault(key, at)  # a newer use counts
                return
            self._remember(list(batch), now)

    def _is_due(self, key: UseT, now: float) -> bool:
        reported_at = self._reported_at.get(key)
        return reported_at is None or now - reported_at >= REPORT_EVERY_S

    def _remember(self, keys: list[UseT], now: float) -> None:
        for key in keys:
            self._reported_at[key] = now
            self._reported_at.move_to_end(key)
        while len(self._reported_at) > KEPT_MAX:
            self._reported_at.popitem(last=False)


def _item(key: AppKeyUse | ApiKeyUse | DeviceUse, at: datetime) -> dict[str, Any]:
    return _REPORTED[type(key)](**asdict(key), used_at=at).model_dump(mode="json")
