"""One attempt at one method: sign, send, verify, judge. Nothing is ever sent twice from here."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

from prometheus_client import Counter, Histogram

from gateway.alipay.envelope import CONTENT_TYPE, Answer, signed_request, unwrap
from gateway.alipay.methods import Method, Result, judge
from gateway.keyring import AppKeys, KeyRing
from gateway.limits import ALIPAY_CALLS_MAX
from shared.client import Client, NoAnswer, NotSent, PoolFull, Reply
from shared.clock import Clock
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
_NOTHING = Answer("no_answer")
_HEADERS = {"Content-Type": CONTENT_TYPE, "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call."""

    method: Method
    result: Result
    key_version: int
    answer: Answer = _NOTHING

    def document(self) -> dict[str, Any]:
        """The body of the egress answer."""
        data = dict(self.result.data)
        if self.result.outcome == "unknown":
            reason = self.result.reason
            data = {"sent": reason != "not_sent", "reason": reason, "retry": self.method.retry}
        return {
            "outcome": self.result.outcome,
            "code": self.answer.code or None,
            "sub_code": self.answer.sub_code or None,
            "sub_msg": self.answer.sub_msg or None,
            "key_version": self.key_version,
            "data": data,
        }


class AlipayClient:
    """Alipay's gateway, behind one bounded pool."""

    def __init__(
        self, url: str, ring: KeyRing, clock: Clock, *, public_url: str, timeout_s: float
    ) -> None:
        self._client = Client(url, name="alipay", pool=ALIPAY_CALLS_MAX, timeout_s=timeout_s)
        self._ring = ring
        self._clock = clock
        self._notify_base = public_url.rstrip("/") + "/alipay/notify/"
        self._timeout_s = timeout_s

    async def aclose(self) -> None:
        await self._client.aclose()

    async def call(
        self, method: Method, app: AppKeys, asked: Any, key_version: int | None = None
    ) -> Called:
        """Never raises for what happens on the way: the outcome says it."""
        started = perf_counter()
        version, key = app.signing(self._clock.now(), key_version)
        request = signed_request(
            method.name,
            app.app_id,
            asked.biz_content(),
            at=self._clock.now(),
            key=key,
            notify_url=self._notify_base + app.notify_route if method.is_payment else "",
        )
        try:
            reply = await self._client.request(
                "POST",
                "?" + request.query,
                content=request.body,
                headers=_HEADERS,
                timeout_s=min(method.timeout_s, self._timeout_s),
            )
        except (NotSent, PoolFull):
            called = Called(method, Result("unknown", reason="not_sent"), version)
        except NoAnswer:
            called = Called(method, Result("unknown", reason="no_answer"), version)
        else:
            called = await self._judged(method, app, asked, version, reply)
        _seconds.labels(method.name).observe(perf_counter() - started)
        _calls.labels(method.name, called.result.outcome).inc()
        if called.result.reason:
            _disbelieved.labels(method.name, called.result.reason).inc()
            log.warning(
                "alipay.unknown",
                method=method.name,
                reason=called.result.reason,
                code=called.answer.code,
                sub_code=called.answer.sub_code,
                out_trade_no=asked.out_trade_no,
            )
        return called

    async def _judged(
        self, method: Method, app: AppKeys, asked: Any, version: int, reply: Reply
    ) -> Called:
        if reply.status != 200:
            return Called(method, Result("unknown", reason="http_status"), version)
        answer = unwrap(reply.content, method.name, app.verifying(self._clock.now()))
        if answer.reason == "signature":
            # Alipay's key may have been changed a moment ago: ask once, look at the same bytes.
            fresh = await self._ring.refetched(app)
            if fresh is not None:
                answer = unwrap(reply.content, method.name, fresh.verifying(self._clock.now()))
        return Called(method, judge(method, answer, asked), version, answer)
