"""What the console may ask of the sandbox that plays Alipay, where there is one: an application to
practise with, and how the next payment of an application ends.

Only the egress knows the sandbox's admin door, and only the local stack tells it. With the real
Alipay behind us both are 404 `sandbox.absent`; nothing here can touch a payment's own way.
"""

from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.client import Client, NoAnswer, NotSent
from shared.contracts.fields import Text
from shared.errors import BadGateway, InvalidBody, NotFound, Unavailable
from shared.serve import faults

APPS_DOOR, OUTCOME_DOOR = "/sandbox/apps", "/sandbox/outcome"
CALLS_MAX = 4
WAIT_S = 10.0
KEY_TEXT_MAX = 16 * 1024
OrderT = TypeVar("OrderT", bound=BaseModel)


class SandboxAbsent(NotFound):
    """No sandbox stands behind this platform."""

    code = "sandbox.absent"
    title = (
        "这里接的不是沙箱，没有演练可用 This platform is not in the sandbox: nothing to rehearse."
    )


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class AppOrder(_Order):
    """An application to be, named by its public key."""

    public_key: Annotated[str, Text(KEY_TEXT_MAX, lines=True)]
    again: Literal[True] = True
    """the same key asked for twice is one application"""


class OutcomeOrder(_Order):
    """How the next payment of an application ends, or the one with that code."""

    app_id: Annotated[str, Text(32)]
    auth_code: Annotated[str, Text(128)] | None = None
    outcome: Literal["paid", "refused", "buyer_confirms", "unknown"]


class Rehearsal:
    """The sandbox's admin door; without an address, nobody's."""

    def __init__(self, admin_url: str) -> None:
        self._admin = (
            Client(admin_url, name="sandbox", pool=CALLS_MAX, timeout_s=WAIT_S)
            if admin_url
            else None
        )

    async def aclose(self) -> None:
        if self._admin is not None:
            await self._admin.aclose()

    async def make_app(self, body: bytes) -> dict[str, Any]:
        """A new application under that public key. SandboxAbsent, InvalidBody, Unavailable."""
        self._require()
        made = await self._post("/apps", _read(AppOrder, body))
        return {name: made[name] for name in ("app_id", "seller_id", "alipay_public_key")}

    def outcome_order(self, body: bytes) -> OutcomeOrder:
        """Read before the application is looked up: where no sandbox is, nobody learns of any."""
        self._require()
        return _read(OutcomeOrder, body)

    async def choose(self, order: OutcomeOrder) -> dict[str, Any]:
        """Once, for the payment with the code or the next; the last choice before it counts."""
        await self._post("/outcomes", order)
        return {}

    def _require(self) -> Client:
        if self._admin is None:
            raise SandboxAbsent
        return self._admin

    async def _post(self, path: str, order: BaseModel) -> dict[str, Any]:
        try:
            reply = await self._require().request(
                "POST",
                path,
                content=order.model_dump_json(exclude_none=True).encode(),
                headers={"Content-Type": "application/json"},
            )
        except (NotSent, NoAnswer) as error:
            raise Unavailable("the sandbox does not answer") from error
        found = reply.json()
        if reply.status == 200 and isinstance(found, dict):
            return found
        if reply.status == 400 and isinstance(found, dict):
            raise InvalidBody(str(found.get("error", "")))
        raise BadGateway(f"the sandbox answered {reply.status}")


def _read(order: type[OrderT], body: bytes) -> OrderT:
    try:
        return order.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise InvalidBody("not JSON") from None
    except ValidationError as error:
        raise InvalidBody(errors=faults(error)) from None
