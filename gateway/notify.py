"""POST /alipay/notify/{route}: verified here, committed by payment, and only then `success`.

The rules are reliability-security.md §5.8, in its order. The answer is one of two plain words;
Alipay sends again on anything but `success`, for about a day.
"""

import base64

from prometheus_client import Counter

from gateway.alipay.canonical import NOTIFY_BYTES_MAX, BadForm, Form, read_form
from gateway.alipay.rsa2 import SIGN_TYPE
from gateway.alipay.verify import check_notify
from gateway.asgi import Answer, Asked, plain_answer
from gateway.keyring import AppKeys, KeyRing
from gateway.limits import Buckets
from shared.client import ServiceClient
from shared.clock import Clock
from shared.errors import Problem, TooLarge, TooMany
from shared.telemetry import get_logger

PREFIX = "/alipay/notify/"
LABEL = "/alipay/notify"

BUSINESS_FIELDS = (
    "app_id",
    "auth_app_id",
    "notify_id",
    "notify_type",
    "out_trade_no",
    "out_biz_no",
    "refund_fee",
    "seller_id",
    "total_amount",
    "trade_no",
    "trade_status",
)

log = get_logger("notify")
_notices = Counter("alipay_notify_total", "Notifications by verdict", ["verdict", "reason"])
_SUCCESS, _FAIL = plain_answer("success"), plain_answer("fail")
_COMMITTED = frozenset({"stored", "duplicate", "quarantined"})


class _Refused(Exception):
    """Not believed, or not committed; the word says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotifyDoor:
    """Takes notifications for every bound app; the route token says whose they are."""

    def __init__(
        self, ring: KeyRing, payment: ServiceClient, clock: Clock, failures: Buckets
    ) -> None:
        self._ring = ring
        self._payment = payment
        self._clock = clock
        self._failures = failures

    async def take(self, asked: Asked) -> Answer:
        """`success` once payment has committed it, `fail` otherwise."""
        try:
            verdict = await self._verdict(asked)
        except _Refused as error:
            self._failures.has(asked.client, spend=True)
            _notices.labels("fail", error.reason).inc()
            log.warning("notify.refused", reason=error.reason, client=asked.client)
            return _FAIL
        _notices.labels("success", verdict).inc()
        return _SUCCESS

    async def _verdict(self, asked: Asked) -> str:
        if not self._failures.has(asked.client):
            raise _Refused("rate_limited")
        try:
            body = await asked.read_body(NOTIFY_BYTES_MAX)
            form = read_form(body, asked.headers.get(b"content-type", b"").decode("latin-1"))
        except TooLarge:
            raise _Refused("too_large") from None
        except BadForm as error:
            raise _Refused(error.reason) from None
        route = asked.path[len(PREFIX) :]
        app = await self._app(route)
        fields = await self._verified(form, app)
        return await self._committed(route, app, body, fields)

    async def _app(self, route: str) -> AppKeys:
        try:
            app = await self._ring.by_route(route)
        except Problem as error:
            raise _Refused("keys_unavailable") from error
        if app is None:
            raise _Refused("unknown_route")
        return app

    async def _verified(self, form: Form, app: AppKeys) -> dict[str, str]:
        try:
            fields = form.texts()
        except BadForm as error:
            raise _Refused(error.reason) from None
        if fields.get("sign_type") != SIGN_TYPE:
            raise _Refused("sign_type")
        # The route chose the key, so the message must be about the app of that route.
        if fields.get("app_id") != app.app_id:
            raise _Refused("other_app")
        if fields.get("auth_app_id", app.app_id) != app.app_id:
            raise _Refused("other_app")
        verdict = check_notify(form, "pay", app.verifying(self._clock.now()))
        if verdict.reason == "signature":
            fresh = await self._ring.refetched(app)
            if fresh is not None:
                verdict = check_notify(form, "pay", fresh.verifying(self._clock.now()))
        if not verdict.is_valid:
            raise _Refused(verdict.reason)
        if _is_ambiguous(fields):
            raise _Refused("ambiguous")
        return fields

    async def _committed(
        self, route: str, app: AppKeys, body: bytes, fields: dict[str, str]
    ) -> str:
        document = {
            "route": route,
            "app_id": app.app_id,
            "body_b64": base64.b64encode(body).decode(),
            "fields": fields,
            "received_at": self._clock.now().isoformat().replace("+00:00", "Z"),
        }
        try:
            answer = await self._payment.call_ok(
                "POST", "/internal/notify", body=document, tenant_id=app.tenant_id
            )
        except (Problem, TooMany) as error:
            log.warning("notify.not_committed", code=error.code, detail=error.detail)
            raise _Refused("not_committed") from error
        verdict = answer.get("verdict") if isinstance(answer, dict) else None
        if verdict not in _COMMITTED:
            raise _Refused("not_committed")
        return str(verdict)


def _is_ambiguous(fields: dict[str, str]) -> bool:
    """The signature covers the joined text, so `&total_amount=` inside one value could just as
    well be a field of its own: such a notice proves neither reading."""
    return any(
        f"&{name}=" in value
        for value in fields.values()
        if "&" in value
        for name in BUSINESS_FIELDS
    )
