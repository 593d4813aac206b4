"""POST /alipay/notify/{route}: verified here, committed by payment, and only then `success`.

The rules are reliability-security.md §5.8, in its order. The answer is one of two plain words;
Alipay sends again on anything but `success`, for about a day. `SignedDoor` is what this door and
the one for app-gateway messages share; which rules of signing a door knows, its address says.
"""

import base64
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson
from prometheus_client import Counter

from gateway.alipay.canonical import NOTIFY_BYTES_MAX, BadForm, Form, Kind, read_form
from gateway.alipay.rsa2 import SIGN_TYPE
from gateway.alipay.verify import check_notify
from gateway.asgi import Answer, Asked, plain_answer
from gateway.batches import Batches
from gateway.keyring import AppKeys, KeyRing
from gateway.limits import Buckets, Busy, Strangers
from gateway.refusals import Refusals
from shared.address import share_of
from shared.client import ServiceClient
from shared.clock import Clock
from shared.errors import Problem, TooLarge, TooMany
from shared.telemetry import get_logger

PREFIX = "/alipay/notify/"
LABEL = "/alipay/notify"

BUSINESS_FIELDS = (
    "app_id",
    "auth_app_id",
    "buyer_id",
    "buyer_logon_id",
    "buyer_open_id",
    "gmt_payment",
    "gmt_refund",
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


class _Refused(Exception):
    """Not believed, or not committed; the word says why."""

    def __init__(self, reason: str, app: AppKeys | None = None, form: Form | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.app = app
        self.form = form


class SignedDoor:
    """Takes signed forms for every bound app; the route token says whose they are."""

    prefix: ClassVar[str]
    kind: ClassVar[Kind]
    counter: ClassVar[Counter]
    path: ClassVar[str]
    """where the owner commits it"""
    committed: ClassVar[frozenset[str]]
    """the owner's words for: it is in my database"""
    fields: ClassVar[tuple[str, ...]]
    """what must not hide inside another value"""

    def __init__(
        self,
        ring: KeyRing,
        owner: ServiceClient,
        clock: Clock,
        failures: Buckets,
        strangers: Strangers,
        refusals: Refusals,
    ) -> None:
        self._ring = ring
        self._owner = owner
        self._clock = clock
        self._failures = failures
        self._strangers = strangers
        self._refusals = refusals

    async def take(self, asked: Asked) -> Answer:
        """`success` once its owner has committed it, `fail` otherwise."""
        try:
            verdict = await self._verdict(asked)
        except _Refused as error:
            self._refuse(asked, error)
            return _FAIL
        self.counter.labels("success", verdict).inc()
        return _SUCCESS

    def _refuse(self, asked: Asked, error: _Refused) -> None:
        """Counted three ways: against the sender, for the graphs, and for the operators' list.
        The log line is one a second and reason at most: a flood must not fill the disk."""
        self._failures.has(share_of(asked.client), spend=True)
        self.counter.labels("fail", error.reason).inc()
        app, form = error.app, error.form
        is_news = self._refusals.note(
            error.reason,
            tenant_id=app.tenant_id if app else None,
            app_id=app.app_id if app else "",
            client=asked.client,
            out_trade_no=_claimed(form, "out_trade_no"),
            body=asked.body,
        )
        if is_news:
            log.warning(
                "notify.refused",
                door=self.prefix,
                reason=error.reason,
                client=asked.client,
                app_id=app.app_id if app else "",
            )

    async def _verdict(self, asked: Asked) -> str:
        if not self._failures.has(share_of(asked.client)):
            raise _Refused("rate_limited")
        try:
            body = await asked.read_body(NOTIFY_BYTES_MAX)
            form = read_form(body, asked.headers.get(b"content-type", b"").decode("latin-1"))
        except TooLarge:
            raise _Refused("too_large") from None
        except BadForm as error:
            raise _Refused(error.reason) from None
        route = asked.path[len(self.prefix) :]
        app = await self._app(route, asked.client)
        try:
            fields = await self._verified(form, app)
            return await self._committed(app, self._document(asked, app, fields))
        except _Refused as error:
            raise _Refused(error.reason, app, form) from error

    async def _app(self, route: str, client: str) -> AppKeys:
        """A route that is not known yet costs a look-up; one that is does not wait for those."""
        try:
            if self._ring.is_familiar_route(route):
                app = await self._ring.by_route(route)
            else:
                async with self._strangers.asking(client):
                    app = await self._ring.by_route(route)
        except (TooMany, Busy):
            raise _Refused("rate_limited") from None
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
        if not self._is_about(app, fields):
            raise _Refused("other_app")
        kind = self._kind(form)
        verdict = check_notify(form, kind, app.verifying(self._clock.now()))
        if verdict.reason == "signature":
            fresh = await self._ring.refetched(app)
            if fresh is not None:
                verdict = check_notify(form, kind, fresh.verifying(self._clock.now()))
        if not verdict.is_valid:
            raise _Refused(verdict.reason)
        if _is_ambiguous(fields, self.fields):
            raise _Refused("ambiguous")
        return fields

    def _is_about(self, app: AppKeys, fields: dict[str, str]) -> bool:
        return fields.get("app_id") == app.app_id

    def _kind(self, form: Form) -> Kind:
        """The one rule of signing that this form is held against."""
        return self.kind

    def _document(self, asked: Asked, app: AppKeys, fields: dict[str, str]) -> dict[str, Any]:
        return {
            "app_id": app.app_id,
            "body_b64": base64.b64encode(asked.body).decode(),
            "fields": fields,
            "received_at": self._clock.now().isoformat().replace("+00:00", "Z"),
        }

    async def _committed(self, app: AppKeys, document: dict[str, Any]) -> str:
        try:
            verdict = await self._told(app, document)
        except (Problem, TooMany) as error:
            log.warning("notify.not_committed", code=error.code, detail=error.detail)
            raise _Refused("not_committed") from error
        if verdict not in self.committed:
            raise _Refused("not_committed")
        return verdict

    async def _told(self, app: AppKeys, document: dict[str, Any]) -> str:
        """What its owner answers about it."""
        answer = await self._owner.call_ok(
            "POST", self.path, body=document, tenant_id=app.tenant_id
        )
        return str(answer.get("verdict")) if isinstance(answer, dict) else ""


class NotifyDoor(SignedDoor):
    """Trade notices: sign_type is outside the signature; payment commits them, those that wait at
    the same time in one transaction."""

    prefix = PREFIX
    kind = "pay"
    counter = _notices
    path = "/internal/notify"
    committed = frozenset({"stored", "duplicate", "quarantined"})
    fields = BUSINESS_FIELDS

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._batches = Batches(self._tell)

    def _document(self, asked: Asked, app: AppKeys, fields: dict[str, str]) -> dict[str, Any]:
        mine = {"tenant_id": app.tenant_id, "request_id": asked.request_id}
        return super()._document(asked, app, fields) | mine

    async def _told(self, app: AppKeys, document: dict[str, Any]) -> str:
        return await self._batches.put(orjson.dumps(document))

    async def _tell(self, documents: Sequence[bytes]) -> Sequence[str]:
        body = b'{"items":[' + b",".join(documents) + b"]}"
        answer = await self._owner.call_ok("POST", self.path, body=body)
        verdicts = answer.get("verdicts") if isinstance(answer, dict) else None
        return [str(word) for word in verdicts] if isinstance(verdicts, list) else ()

    def _is_about(self, app: AppKeys, fields: dict[str, str]) -> bool:
        is_own = fields.get("auth_app_id", app.app_id) == app.app_id
        return is_own and super()._is_about(app, fields)


def _claimed(form: Form | None, name: str) -> str:
    """A field of a form that nobody has vouched for."""
    if form is None:
        return ""
    try:
        return form.text(name)
    except BadForm:
        return ""


def _is_ambiguous(fields: dict[str, str], names: tuple[str, ...]) -> bool:
    """The signature covers the joined text, so `&total_amount=` inside one value could just as
    well be a field of its own: such a notice proves neither reading."""
    return any(f"&{name}=" in value for value in fields.values() if "&" in value for name in names)
