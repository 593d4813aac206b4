"""One attempt to call one method: sign, send, verify, judge. A request is never sent twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

from prometheus_client import Counter, Histogram

from gateway.alipay.keyring import AppKeys, KeyRing, Signing
from gateway.alipay.methods.pictures import WithPictures, multipart
from gateway.alipay.methods.row import CallResult, Method, Params, judge
from gateway.alipay.protocol.envelope import (
    CONTENT_TYPE,
    AlipayResponse,
    SignedRequest,
    signed_request,
    unwrap,
)
from gateway.http_client import HttpClient
from gateway.limits import ALIPAY_CALLS_MAX
from shared.client import Reply
from shared.clock import Clock
from shared.contracts.egress import EgressResponse
from shared.errors import NoAnswer, NotSent, PoolFull
from shared.telemetry import get_logger

log = get_logger("alipay")
_calls = Counter("alipay_calls_total", "Calls to Alipay", ["method", "outcome"])
_disbelieved = Counter("alipay_disbelieved_total", "Answers without effect", ["method", "reason"])
_seconds = Histogram(
    "alipay_call_seconds",
    "From signing to the verdict",
    ["method"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15),
)
_NO_RESPONSE = AlipayResponse("no_answer")


@dataclass(frozen=True, slots=True)
class AlipayCall:
    """One call and its result."""

    method: Method
    result: CallResult
    key_version: int
    response: AlipayResponse = _NO_RESPONSE

    def document(self) -> EgressResponse:
        """The body of the egress's response."""
        data = dict(self.result.data)
        if self.result.outcome == "unknown":
            reason = self.result.reason
            data = {"sent": reason != "not_sent", "reason": reason, "retry": self.method.retry}
        return {
            "outcome": self.result.outcome,
            "code": self.response.code or None,
            "sub_code": self.response.sub_code or None,
            "sub_msg": self.response.sub_msg or None,
            "key_version": self.key_version,
            "data": data,
        }


class AlipayClient:
    """Alipay's gateway, behind one bounded pool."""

    def __init__(
        self,
        url: str,
        keyring: KeyRing,
        clock: Clock,
        *,
        public_url: str,
        timeout_s: float,
        service_provider_id: str = "",
        on_signed: Callable[[AppKeys, int], None] = lambda _app, _version: None,
    ) -> None:
        """`on_signed` is called after each signature with the app and the key version, except in a
        check of keys (`is_alone`)."""
        self._client = HttpClient(
            url, name="alipay", pool=ALIPAY_CALLS_MAX, timeout_s=timeout_s, is_ours=False
        )
        self._keyring = keyring
        self._clock = clock
        self._notify_base = public_url.rstrip("/") + "/alipay/notify/"
        self._timeout_s = timeout_s
        self._service_provider_id = service_provider_id
        self._on_signed = on_signed

    async def aclose(self) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: Method,
        app: AppKeys,
        params: Params,
        key_version: int | None = None,
        app_auth_token: str | None = None,
        *,
        is_alone: bool = False,
    ) -> AlipayCall:
        """Does not raise for failures of the call: the result states them. `is_alone`: only the
        keys of `app` as given may verify the response, no other keys of the binding."""
        started = perf_counter()
        signing = app.signing(self._clock.now(), key_version)
        version = signing.version
        request = self._signed(method, app, params, signing, app_auth_token)
        if not is_alone:
            self._on_signed(app, version)
        content_type, body = CONTENT_TYPE, request.body
        if isinstance(params, WithPictures) and (files := params.files()):
            content_type, body = multipart(dict(parse_qsl(body.decode())), files)
        try:
            reply = await self._client.request(
                "POST",
                "?" + request.query,
                content=body,
                headers={"Content-Type": content_type, "Accept": "*/*"},
                timeout_s=min(method.timeout_s, self._timeout_s),
            )
        except (NotSent, PoolFull):
            alipay_call = AlipayCall(method, CallResult("unknown", reason="not_sent"), version)
        except NoAnswer:
            alipay_call = AlipayCall(method, CallResult("unknown", reason="no_answer"), version)
        else:
            alipay_call = await self._judged(method, app, params, version, reply, is_alone=is_alone)
        _seconds.labels(method.name).observe(perf_counter() - started)
        _calls.labels(method.name, alipay_call.result.outcome).inc()
        if alipay_call.result.reason:
            _disbelieved.labels(method.name, alipay_call.result.reason).inc()
            log.warning(
                "alipay.unknown",
                method=method.name,
                reason=alipay_call.result.reason,
                code=alipay_call.response.code,
                sub_code=alipay_call.response.sub_code,
                out_trade_no=getattr(params, "out_trade_no", None),
            )
        return alipay_call

    def _signed(
        self,
        method: Method,
        app: AppKeys,
        params: Params,
        signing: Signing,
        app_auth_token: str | None,
    ) -> SignedRequest:
        content: Mapping[str, Any] = params.biz_content()
        if method.is_payment:
            content = self._credited(app, content)
        token = (app_auth_token or app.app_auth_token) if method.for_merchant else ""
        return signed_request(
            method.name,
            app.app_id,
            {} if method.is_flat else content,
            at=self._clock.now(),
            key=signing.key,
            notify_url=self._notify_base + app.notify_route if method.is_payment else "",
            app_cert_sn=signing.app_cert_sn,
            alipay_root_cert_sn=signing.alipay_root_cert_sn,
            app_auth_token=token,
            aes_key=app.aes_key,
            params=content if method.is_flat else {},
        )

    def _credited(self, app: AppKeys, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Adds the service provider's number. Without it, the commission of that payment is lost
        for good (alipay-protocol.md §7)."""
        provider_id = app.service_provider_id or self._service_provider_id
        if not provider_id:
            return content
        return {**content, "extend_params": {"sys_service_provider_id": provider_id}}

    async def _judged(
        self,
        method: Method,
        app: AppKeys,
        params: Params,
        version: int,
        reply: Reply,
        *,
        is_alone: bool,
    ) -> AlipayCall:
        if reply.status != 200:
            return AlipayCall(method, CallResult("unknown", reason="http_status"), version)
        response = self._unwrapped(method, app, reply)
        if response.reason in ("signature", "cert_sn") and not is_alone:
            # Alipay's key may have changed a moment ago: look it up once and verify the same bytes.
            fresh = await self._keyring.refetched(app)
            if fresh is not None:
                response = self._unwrapped(method, fresh, reply)
        return AlipayCall(method, judge(method, response, params), version, response)

    def _unwrapped(self, method: Method, app: AppKeys, reply: Reply) -> AlipayResponse:
        now = self._clock.now()
        return unwrap(
            reply.content,
            method.name,
            app.verifying(now),
            app.alipay_cert_sns(now),
            app.aes_key,
        )
