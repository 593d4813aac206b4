"""The private egress: services ask it to call Alipay; keys never leave it, and nothing that does
not verify comes back as a fact.

    POST /alipay/{method}   {app_id, key_version?, params}  →  {outcome, code, sub_code, …}

A problem answer means that surely nothing was sent; everything after the signature is an outcome.
"""

from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.alipay.client import AlipayClient
from gateway.alipay.methods import METHODS, Method
from gateway.asgi import METRICS, Answer, Asked, Door, json_answer, running
from gateway.auth.internal import EGRESS, EGRESS_AUDIENCE, calling_service
from gateway.config import EgressConfig
from gateway.keyring import AppKeys, KeyRing
from gateway.limits import (
    ALIPAY_CALLS_MAX,
    BODY_BYTES_MAX,
    CALLS_MAX,
    SERVICE_WAIT_S,
    Admission,
)
from shared import telemetry
from shared.client import ServiceClient
from shared.clock import Clock
from shared.errors import Conflict, InvalidBody, MethodNotAllowed, NotFound
from shared.kafka import Tail
from shared.sealed import LocalKeyProvider
from shared.serve import faults
from shared.tokens import Principal, TokenSigner, TokenVerifier

PREFIX = "/alipay/"
TOPICS = ("binding.events",)


class AppNotBound(NotFound):
    """No such app for this merchant."""

    code = "egress.app_not_bound"
    title = "应用未绑定 The app is not bound."


class AppDisabled(Conflict):
    """The app's binding is switched off: no new payments, old ones may still be finished."""

    code = "egress.app_disabled"
    title = "应用已停用 The app's binding is switched off."


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: Annotated[str, Field(min_length=1, max_length=32)]
    key_version: Annotated[int, Field(strict=True, ge=1)] | None = None
    params: dict[str, Any]


class Egress:
    """The egress's parts, put together once."""

    def __init__(self, config: EgressConfig, clock: Clock) -> None:
        signer = TokenSigner.from_file(EGRESS, config.service_key_file, clock)
        self._verifier = TokenVerifier.from_file(EGRESS_AUDIENCE, config.service_trust_file, clock)
        self._binding = ServiceClient(
            config.binding_url, audience="binding", signer=signer,
            pool=CALLS_MAX["binding"], timeout_s=SERVICE_WAIT_S,
        )  # fmt: skip
        self._ring = KeyRing(self._binding, clock, LocalKeyProvider(config.kek_file))
        self._alipay = AlipayClient(
            config.alipay_gateway_url, self._ring, clock,
            public_url=config.public_url, timeout_s=config.alipay_timeout_ms / 1000,
        )  # fmt: skip
        self._admission = Admission("egress", ALIPAY_CALLS_MAX)
        self._tail = Tail(
            config.kafka_bootstrap, TOPICS, self._ring.on_event, self._ring.on_gap,
            fetch_max_wait_ms=config.kafka_fetch_max_wait_ms,
        )  # fmt: skip

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        return running([self._tail.run], self.aclose)

    async def aclose(self) -> None:
        await self._alipay.aclose()
        await self._binding.aclose()

    async def handle(self, asked: Asked) -> Answer:
        """One call to Alipay, or this process's own health."""
        path = asked.path
        if path.startswith(PREFIX):
            method = METHODS.get(path[len(PREFIX) :])
            if method is None:
                raise NotFound
            asked.route = path
            if asked.method != "POST":
                raise MethodNotAllowed(allow=["POST"])
            with self._admission:
                return await self._call(method, asked)
        asked.route = "health"
        if path == "/livez":
            return json_answer({"status": "live"})
        if path == "/readyz":
            return json_answer({"checks": {"egress": True}})
        if path == "/metrics":
            return Answer(200, telemetry.metrics_page(), (METRICS,))
        raise NotFound

    async def _call(self, method: Method, asked: Asked) -> Answer:
        caller = calling_service(self._verifier, asked)
        order, params = _read(method, await asked.read_body(BODY_BYTES_MAX))
        app = await self._app(caller, order.app_id, method)
        called = await self._alipay.call(method, app, params, order.key_version)
        return json_answer(called.document())

    async def _app(self, caller: Principal, app_id: str, method: Method) -> AppKeys:
        app = await self._ring.by_app(app_id)
        if app is None or caller.tenant_id not in (None, app.tenant_id):
            raise AppNotBound
        if method.is_payment and not app.is_enabled:
            raise AppDisabled
        return app


def _read(method: Method, body: bytes) -> tuple[_Order, Any]:
    try:
        order = _Order.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise InvalidBody("not JSON") from None
    except ValidationError as error:
        raise InvalidBody(errors=faults(error)) from None
    try:
        return order, method.params.model_validate(order.params)
    except ValidationError as error:
        errors = [{**fault, "pointer": "/params" + fault["pointer"]} for fault in faults(error)]
        raise InvalidBody(errors=errors) from None


def create_app(config: EgressConfig, clock: Clock) -> Door:
    """The egress as an ASGI app."""
    egress = Egress(config, clock)
    return Door(egress.handle, egress.lifespan)
