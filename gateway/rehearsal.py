"""What the console may request of the Alipay sandbox, if there is one: an application to practise
with, and the outcome of an application's next payment.

Only the egress knows the address of the sandbox's admin API, and only the local stack sets it. With
the real Alipay both answer 404 `sandbox.absent`. Nothing here can affect a real payment.
"""

from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.http_client import HttpClient
from shared.contracts.fields import Text
from shared.errors import BadGateway, InvalidBody, NoAnswer, NotFound, NotSent, Unavailable
from shared.serve import faults

APPS_PATH, OUTCOME_PATH = "/sandbox/apps", "/sandbox/outcome"
CALLS_MAX = 4
WAIT_S = 10.0
KEY_TEXT_MAX = 16 * 1024
BodyT = TypeVar("BodyT", bound=BaseModel)


class SandboxAbsent(NotFound):
    """No sandbox stands behind this platform."""

    code = "sandbox.absent"
    title = (
        "这里接的不是沙箱，没有演练可用 This platform is not in the sandbox: nothing to rehearse."
    )


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class AppRequest(_Body):
    """A new application, identified by its public key."""

    public_key: Annotated[str, Text(KEY_TEXT_MAX, lines=True)]
    again: Literal[True] = True
    """two requests with the same key make one application"""


class OutcomeRequest(_Body):
    """The outcome of an application's next payment, or of the payment with that code."""

    app_id: Annotated[str, Text(32)]
    auth_code: Annotated[str, Text(128)] | None = None
    outcome: Literal["paid", "refused", "buyer_confirms", "unknown"]


class Rehearsal:
    """The client of the sandbox's admin API; without an address every call is SandboxAbsent."""

    def __init__(self, admin_url: str) -> None:
        self._admin = (
            HttpClient(admin_url, name="sandbox", pool=CALLS_MAX, timeout_s=WAIT_S)
            if admin_url
            else None
        )

    async def aclose(self) -> None:
        if self._admin is not None:
            await self._admin.aclose()

    async def make_app(self, body: bytes) -> dict[str, Any]:
        """A new application with that public key. Raises SandboxAbsent, InvalidBody,
        Unavailable."""
        self._require()
        made = await self._post("/apps", _parsed(AppRequest, body))
        return {name: made[name] for name in ("app_id", "seller_id", "alipay_public_key")}

    def outcome_request(self, body: bytes) -> OutcomeRequest:
        """Validates the body before the application is looked up: without a sandbox, the response
        must not reveal whether an application exists."""
        self._require()
        return _parsed(OutcomeRequest, body)

    async def choose(self, sent: OutcomeRequest) -> dict[str, Any]:
        """Sets the outcome of one payment; the last choice before that payment applies."""
        await self._post("/outcomes", sent)
        return {}

    def _require(self) -> HttpClient:
        if self._admin is None:
            raise SandboxAbsent
        return self._admin

    async def _post(self, path: str, sent: BaseModel) -> dict[str, Any]:
        try:
            reply = await self._require().request(
                "POST",
                path,
                content=sent.model_dump_json(exclude_none=True).encode(),
                headers={"Content-Type": "application/json"},
            )
        except (NotSent, NoAnswer) as error:
            raise Unavailable("the sandbox does not answer") from error
        document = reply.json()
        if reply.status == 200 and isinstance(document, dict):
            return document
        if reply.status == 400 and isinstance(document, dict):
            raise InvalidBody(str(document.get("error", "")))
        raise BadGateway(f"the sandbox answered {reply.status}")


def _parsed(model: type[BodyT], body: bytes) -> BodyT:
    try:
        return model.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise InvalidBody("not JSON") from None
    except ValidationError as error:
        raise InvalidBody(errors=faults(error)) from None
