"""The private egress: it calls Alipay for our services. Keys never leave it, and it reports nothing
as a fact that was not verified.

    POST /alipay/{method}   {app_id, key_version?, app_auth_token?, params}
    POST /key-check         the same, for binding only: one trade query signed with that version,
                            pending or not; the response is verified with that version only
    POST /bill-file         the same, params of the bill query: the file's lines instead of its URL
                            →  {outcome, code, sub_code, sub_msg, key_version, data}
    POST /sandbox/apps, /sandbox/outcome  for binding only, with a sandbox: rehearsal.py

A problem response means that nothing was sent; everything after signing is an outcome.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, replace
from typing import Annotated, Any
from uuid import UUID

import orjson
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from gateway.alipay.bill_file import BadBill, Bill, read_bill
from gateway.alipay.client import AlipayCall, AlipayClient
from gateway.alipay.keyring import AppKeys, KeyRing
from gateway.alipay.methods.bills import BILL_METHOD, BillDownloads
from gateway.alipay.methods.row import CallResult, Method, Params
from gateway.alipay.methods.table import METHODS
from gateway.auth.internal import EGRESS_AUDIENCE, calling_service
from gateway.config import EgressConfig
from gateway.limits import (
    ALIPAY_CALLS_MAX,
    BODY_BYTES_MAX,
    CALLS_MAX,
    SERVICE_WAIT_S,
    UPLOAD_BYTES_MAX,
    Admission,
)
from gateway.rehearsal import APPS_PATH, OUTCOME_PATH, Rehearsal
from gateway.reports.usage import AppKeyUse, LastUsed
from gateway.server.asgi import METRICS, HttpApp, Request, Response, json_response, running
from gateway.tail import Tail
from shared import telemetry
from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.fields import COUNT_MAX, Secret, Text, Word
from shared.contracts.instants import rfc3339
from shared.contracts.principal import Principal
from shared.contracts.speakers import EGRESS
from shared.errors import Conflict, Forbidden, InvalidBody, MethodNotAllowed, NotFound
from shared.kafka import broker
from shared.keys.sealed import LocalKeyProvider
from shared.keys.tokens import TokenSigner, TokenVerifier
from shared.serve import faults

PREFIX = "/alipay/"
BILL_PATH = "/bill-file"
KEY_CHECK_PATH = "/key-check"
KEY_CHECK_METHOD = "alipay.trade.query"
BINDING_ONLY = frozenset({"binding"})
VERSIONS = "alipay.open.mini.version."
ASKS: Mapping[str, frozenset[str]] = {
    "device": frozenset(
        {
            "alipay.open.mini.templatelist.query",
            f"{VERSIONS}upload",
            f"{VERSIONS}build.query",
            f"{VERSIONS}list.query",
            f"{VERSIONS}detail.query",
            f"{VERSIONS}audit.apply",
            f"{VERSIONS}online",
            f"{VERSIONS}gray.online",
            "alipay.commerce.iot.device.upgradeapp.create",
        }
    )
}
"""Callers that may use some methods only: device may use those of a mini program's life, and none
that sells."""
BILL_LINES_MAX = 16_000
"""More would exceed the response limit of a service; such a merchant needs bills per store."""
TOPICS = ("binding.events",)

_bad_bills = Counter("alipay_bad_bills_total", "Bill files refused", ["reason"])


class AppUnknown(NotFound):
    """No such app for this merchant."""

    code = "egress.app_not_bound"
    title = "应用未绑定 The app is not bound."


class AppDisabled(Conflict):
    """The app's binding is switched off: no new payments; existing ones may be finished."""

    code = "egress.app_disabled"
    title = "应用已停用 The app's binding is switched off."


class _CallBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    app_id: Annotated[str, Text(32)]
    key_version: Annotated[int, Field(strict=True, ge=1, le=COUNT_MAX)] | None = None
    app_auth_token: Annotated[SecretStr, Field(min_length=1), Secret(128)] | None = None
    """a merchant's grant, used instead of the one bound with the app"""
    params: dict[Word, Any]
    """validated again as the parameters of the method"""


class Egress:
    """The egress's parts, put together once."""

    def __init__(self, config: EgressConfig, clock: Clock) -> None:
        signer = TokenSigner.from_config(EGRESS, config, clock)
        self._verifier = TokenVerifier.from_config(EGRESS_AUDIENCE, config, clock)
        self._binding = ServiceClient(
            config.binding_url, audience="binding", signer=signer,
            pool=CALLS_MAX["binding"], timeout_s=SERVICE_WAIT_S,
        )  # fmt: skip
        self._keyring = KeyRing(self._binding, clock, LocalKeyProvider(config.kek_file_app))
        self._key_uses: LastUsed[AppKeyUse] = LastUsed(
            self._binding, "/internal/app-key-uses", clock
        )
        self._alipay = AlipayClient(
            config.alipay_gateway_url, self._keyring, clock,
            public_url=config.public_url, timeout_s=config.alipay_timeout_ms / 1000,
            service_provider_id=config.alipay_service_provider_id, on_signed=self._note_use,
        )  # fmt: skip
        self._downloads = BillDownloads(
            config.alipay_gateway_url, config.alipay_bill_hosts.split(",")
        )
        self._rehearsal = Rehearsal(config.sandbox_admin_url)
        self._admission = Admission("egress", ALIPAY_CALLS_MAX)
        self._tail = Tail(
            broker(config, EGRESS), TOPICS, self._keyring.on_event, self._keyring.on_gap,
        )  # fmt: skip
        self._endpoints: dict[str, Callable[[Request], Awaitable[Response]]] = {
            BILL_PATH: self._bill,
            KEY_CHECK_PATH: self._key_check,
            APPS_PATH: self._rehearsal_app,
            OUTCOME_PATH: self._rehearsal_outcome,
        }

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        return running([self._tail.run, self._key_uses.run], self.aclose)

    async def aclose(self) -> None:
        await self._alipay.aclose()
        await self._downloads.aclose()
        await self._rehearsal.aclose()
        await self._key_uses.report(is_last=True)
        await self._binding.aclose()

    def _note_use(self, app: AppKeys, version: int) -> None:
        self._key_uses.note(AppKeyUse(app.tenant_id, app.app_id, version))

    async def handle(self, request: Request) -> Response:
        """One call to Alipay, or this process's own health."""
        path = request.path
        if path.startswith(PREFIX):
            method = METHODS.get(path[len(PREFIX) :])
            if method is None:
                raise NotFound
            request.route = path
            if request.method != "POST":
                raise MethodNotAllowed(allow=["POST"])
            with self._admission:
                return json_response((await self._call(method, request)).document())
        if path in self._endpoints:
            request.route = path
            if request.method != "POST":
                raise MethodNotAllowed(allow=["POST"])
            with self._admission:
                return await self._endpoints[path](request)
        request.route = "health"
        if path == "/livez":
            return json_response({"status": "live"})
        if path == "/readyz":
            return json_response({"checks": {"egress": True}})
        if path == "/metrics":
            return Response(200, telemetry.metrics_page(), (METRICS,))
        raise NotFound

    async def _call(self, method: Method, request: Request) -> AlipayCall:
        caller = calling_service(self._verifier, request)
        if method.name not in ASKS.get(caller.issuer, METHODS):
            raise Forbidden("this method is not for that service")
        limit = UPLOAD_BYTES_MAX if method.takes_files else BODY_BYTES_MAX
        call, params = _parsed(method, await request.read_body(limit))
        app = await self._app(caller, call.app_id, method)
        token = call.app_auth_token
        return await self._alipay.call(
            method, app, params, call.key_version, token.get_secret_value() if token else None
        )

    async def _bill(self, request: Request) -> Response:
        """Queries, fetches and reads the bill in one call: its address is valid for half a minute,
        and only this process can reach the outside. Nothing is booked, so all may be repeated."""
        alipay_call = await self._call(METHODS[BILL_METHOD], request)
        if alipay_call.result.outcome != "success":
            return json_response(alipay_call.document())
        try:
            raw = await self._downloads.fetch(alipay_call.result.data["bill_download_url"])
            bill = await asyncio.to_thread(read_bill, raw)
            result = CallResult("success", await asyncio.to_thread(_bill_document, bill))
        except BadBill as error:
            _bad_bills.labels(error.reason).inc()
            result = CallResult("unknown", reason=error.reason)
        return json_response(replace(alipay_call, result=result).document())

    async def _key_check(self, request: Request) -> Response:
        """Checks a merchant's keys before they are active: nothing is cached, no other key is
        tried."""
        tenant_id = self._tenant_of_binding(request)
        method = METHODS[KEY_CHECK_METHOD]
        call, params = _parsed(method, await request.read_body(BODY_BYTES_MAX))
        if call.key_version is None:
            raise InvalidBody(errors=[{"pointer": "/key_version", "message": "needed here"}])
        app = await self._keyring.one_version(tenant_id, call.app_id, call.key_version)
        if app is None:
            raise AppUnknown
        alipay_call = await self._alipay.call(method, app, params, call.key_version, is_alone=True)
        return json_response(alipay_call.document())

    def _tenant_of_binding(self, request: Request) -> UUID:
        caller = calling_service(self._verifier, request)
        if caller.issuer not in BINDING_ONLY or caller.tenant_id is None:
            raise Forbidden("this endpoint is for binding, and one merchant at a time")
        return caller.tenant_id

    async def _rehearsal_app(self, request: Request) -> Response:
        self._tenant_of_binding(request)
        return json_response(
            await self._rehearsal.make_app(await request.read_body(BODY_BYTES_MAX))
        )

    async def _rehearsal_outcome(self, request: Request) -> Response:
        """Chooses the outcome of the next sale of an app of that merchant."""
        tenant_id = self._tenant_of_binding(request)
        outcome = self._rehearsal.outcome_request(await request.read_body(BODY_BYTES_MAX))
        app = await self._keyring.by_app(outcome.app_id)
        if app is None or app.tenant_id != tenant_id:
            raise AppUnknown
        return json_response(await self._rehearsal.choose(outcome))

    async def _app(self, caller: Principal, app_id: str, method: Method) -> AppKeys:
        app = await self._keyring.by_app(app_id)
        if app is None or caller.tenant_id not in (None, app.tenant_id):
            raise AppUnknown
        if method.is_payment and not app.is_enabled:
            raise AppDisabled
        return app


def _bill_document(bill: Bill) -> dict[str, Any]:
    if len(bill.lines) > BILL_LINES_MAX:
        raise BadBill("too_many_lines")
    lines = [
        {
            "kind": line.kind,
            "trade_no": line.trade_no,
            "out_trade_no": line.out_trade_no,
            "out_request_no": line.out_request_no or None,
            "subject": line.subject,
            "created_at": rfc3339(line.created_at),
            "finished_at": rfc3339(line.finished_at),
            "store_id": line.store_id or None,
            "terminal_id": line.terminal_id or None,
            "total_fen": line.total_fen,
            "received_fen": line.received_fen,
            "fee_fen": line.fee_fen,
        }
        for line in bill.lines
    ]
    return {
        "seller_id": bill.seller_id,
        "begins_at": rfc3339(bill.begins_at),
        "ends_at": rfc3339(bill.ends_at),
        "summary": asdict(bill.summary),
        "lines": lines,
    }


def _parsed(method: Method, body: bytes) -> tuple[_CallBody, Params]:
    try:
        call = _CallBody.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise InvalidBody("not JSON") from None
    except ValidationError as error:
        raise InvalidBody(errors=faults(error)) from None
    if call.app_auth_token is not None and not method.for_merchant:
        fault = {"pointer": "/app_auth_token", "message": "this method takes none"}
        raise InvalidBody(errors=[fault])
    try:
        return call, method.params.model_validate(call.params)
    except ValidationError as error:
        errors = [{**fault, "pointer": "/params" + fault["pointer"]} for fault in faults(error)]
        raise InvalidBody(errors=errors) from None


def create_app(config: EgressConfig, clock: Clock) -> HttpApp:
    """The egress as an ASGI app."""
    egress = Egress(config, clock)
    return HttpApp(egress.handle, egress.lifespan)
