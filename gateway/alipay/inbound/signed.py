"""The endpoint for Alipay's signed forms: a form is verified here and committed by its owner, and
only then is the response `success`.

The rules are those of reliability-security.md §5.8, in its order. The response is `success` or
`fail`; on anything but `success` Alipay sends again, for about a day. A FormHandler defines what
differs between notices and messages, such as the rule of signing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from prometheus_client import Counter

from gateway.alipay.keyring import AppKeys, KeyRing
from gateway.alipay.protocol.canonical import NOTIFY_BYTES_MAX, BadForm, Form, Kind, read_form
from gateway.alipay.protocol.verify import check_notify
from gateway.limits import Buckets, Busy, Strangers
from gateway.reports.refusals import Refusals
from gateway.server.asgi import Request, Response, plain_response
from shared.address import share_of
from shared.clock import Clock
from shared.errors import Problem, TooLarge, TooMany
from shared.telemetry import get_logger

log = get_logger("notify")
_SUCCESS, _FAIL = plain_response("success"), plain_response("fail")


class _Refused(Exception):
    """Not verified, or not committed; `reason` is a stable word."""

    def __init__(self, reason: str, app: AppKeys | None = None, form: Form | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.app = app
        self.form = form


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified form, with when and how it was received."""

    tenant_id: UUID
    app_id: str
    fields: dict[str, str]
    body: bytes
    received_at: datetime
    request_id: str


class FormHandler(Protocol):
    """What differs between notices and messages. It does not depend on the endpoint."""

    @property
    def prefix(self) -> str:
        """the path before the route token"""

    @property
    def counter(self) -> Counter: ...

    @property
    def committed(self) -> frozenset[str]:
        """the owner's verdicts that mean: stored in its database"""

    @property
    def fields(self) -> tuple[str, ...]:
        """field names that must not occur inside another field's value"""

    def kind(self, form: Form) -> Kind:
        """The only rule of signing that this form is checked by."""

    def is_about(self, app: AppKeys, fields: dict[str, str]) -> bool:
        """Whether the form is about the app of the route."""

    async def commit(self, delivery: Delivery) -> str:
        """The owner's verdict on the delivery; raises a Problem."""


class SignedEndpoint:
    """Receives signed forms for every bound app; the route token identifies the app."""

    def __init__(
        self,
        handler: FormHandler,
        keyring: KeyRing,
        clock: Clock,
        failures: Buckets,
        strangers: Strangers,
        refusals: Refusals,
    ) -> None:
        self._handler = handler
        self._keyring = keyring
        self._clock = clock
        self._failures = failures
        self._strangers = strangers
        self._refusals = refusals

    async def take(self, request: Request) -> Response:
        """`success` once its owner has committed it, `fail` otherwise."""
        try:
            verdict = await self._verdict(request)
        except _Refused as error:
            self._refuse(request, error)
            return _FAIL
        self._handler.counter.labels("success", verdict).inc()
        return _SUCCESS

    def _refuse(self, request: Request, error: _Refused) -> None:
        """Counts the refusal against the sender, in the metrics, and for the operators' list. At
        most one log line per second and reason, so that a flood does not fill the disk."""
        self._failures.has(share_of(request.client), spend=True)
        self._handler.counter.labels("fail", error.reason).inc()
        app, form = error.app, error.form
        is_news = self._refusals.note(
            error.reason,
            tenant_id=app.tenant_id if app else None,
            app_id=app.app_id if app else "",
            client=request.client,
            out_trade_no=_claimed(form, "out_trade_no"),
            body=request.body,
        )
        if is_news:
            log.warning(
                "notify.refused",
                endpoint=self._handler.prefix,
                reason=error.reason,
                client=request.client,
                app_id=app.app_id if app else "",
            )

    async def _verdict(self, request: Request) -> str:
        if not self._failures.has(share_of(request.client)):
            raise _Refused("rate_limited")
        try:
            body = await request.read_body(NOTIFY_BYTES_MAX)
            form = read_form(body, request.headers.get(b"content-type", b"").decode("latin-1"))
        except TooLarge:
            raise _Refused("too_large") from None
        except BadForm as error:
            raise _Refused(error.reason) from None
        route = request.path[len(self._handler.prefix) :]
        app = await self._app(route, request.client)
        try:
            fields = await self._verified(form, app)
            return await self._committed(request, app, fields)
        except _Refused as error:
            raise _Refused(error.reason, app, form) from error

    async def _app(self, route: str, client: str) -> AppKeys:
        """The app of the route. Only an unknown route is counted as a stranger's look-up; a known
        one does not wait for those."""
        try:
            if self._keyring.is_familiar_route(route):
                app = await self._keyring.by_route(route)
            else:
                async with self._strangers.lookup(client):
                    app = await self._keyring.by_route(route)
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
        # The route chose the key, so the message must be about the app of that route.
        if not self._handler.is_about(app, fields):
            raise _Refused("other_app")
        kind = self._handler.kind(form)
        verification = check_notify(form, kind, app.verifying(self._clock.now()))
        if verification.reason == "signature":
            fresh = await self._keyring.refetched(app)
            if fresh is not None:
                verification = check_notify(form, kind, fresh.verifying(self._clock.now()))
        if not verification.is_valid:
            raise _Refused(verification.reason)
        if _is_ambiguous(fields, self._handler.fields):
            raise _Refused("ambiguous")
        return fields

    async def _committed(self, request: Request, app: AppKeys, fields: dict[str, str]) -> str:
        delivery = Delivery(
            tenant_id=app.tenant_id,
            app_id=app.app_id,
            fields=fields,
            body=request.body,
            received_at=self._clock.now(),
            request_id=request.request_id,
        )
        try:
            verdict = await self._handler.commit(delivery)
        except (Problem, TooMany) as error:
            log.warning("notify.not_committed", code=error.code, detail=error.detail)
            raise _Refused("not_committed") from error
        if verdict not in self._handler.committed:
            raise _Refused("not_committed")
        return verdict


def _claimed(form: Form | None, name: str) -> str:
    """A field of a form that was not verified."""
    if form is None:
        return ""
    try:
        return form.text(name)
    except BadForm:
        return ""


def _is_ambiguous(fields: dict[str, str], names: tuple[str, ...]) -> bool:
    """Whether a value contains something like `&total_amount=`. The signature covers the joined
    text, so that could as well be a separate field: the notice proves neither reading."""
    return any(f"&{name}=" in value for value in fields.values() if "&" in value for name in names)
