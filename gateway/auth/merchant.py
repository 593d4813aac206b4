"""Authenticates console users: an opaque cookie, resolved at binding, and a CSRF header on changes.

Only the cookie's SHA-256 leaves this process. A session is cached for 15 s at most; when one ends,
its event drops it from the cache at once.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.cache import LookupCache
from gateway.limits import SESSIONS_FRESH_S, SESSIONS_KEPT, Strangers
from gateway.routing import SAFE_METHODS
from gateway.server.asgi import Request
from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.documents import ResolvedActing, ResolvedOut
from shared.contracts.events import Event
from shared.contracts.events.binding import SessionChanged, SessionRevoked
from shared.errors import BadGateway, Conflict, Forbidden, Problem, Unauthorized

COOKIE = b"__Host-damselfly"
BROWSER_COOKIE = b"__Host-damselfly-browser"
ACTING_FOR = b"x-acting-for"
"""the merchant shown by the page that sent the request"""
COOKIE_MAX = 256
_SUSPENDED = "binding.merchant_suspended"
_FOREIGN_SITES = frozenset({b"cross-site", b"same-site"})


class SessionMissing(Unauthorized):
    """No session, or one that ended."""

    code = "auth.session"
    title = "登录已失效，请重新登录 Please sign in again."


class SessionSuspended(Unauthorized):
    """The session ended because its merchant was suspended; shown to the holder of its cookie."""

    code = "auth.merchant_suspended"
    title = (
        "商户已被平台停用，您已退出登录，请联系平台 "
        "The platform has suspended this merchant and signed you out. Please ask the platform."
    )


class CsrfRefused(Forbidden):
    """A change without the session's CSRF token, or requested by another site."""

    code = "auth.csrf"
    title = (
        "请求来源校验失败，请刷新页面 "
        "The request's origin could not be confirmed; please reload the page."
    )


class ActingElsewhere(Conflict):
    """The page belongs to one merchant, but the session now works for another one or for none: in
    another window of the browser acting began or ended, or somebody else signed in."""

    code = "acting.elsewhere"
    title = (
        "本页属于另一商户，未做任何更改，请重新打开 "
        "This page belongs to another merchant; nothing was changed. Please open it anew."
    )


@dataclass(frozen=True, slots=True)
class Acting:
    """Permission to act for a merchant in the merchant console."""

    acting_id: UUID
    tenant_id: UUID
    permissions: frozenset[str]
    until: datetime
    more: tuple[tuple[frozenset[str], datetime], ...] = ()
    """additional permissions, each with its own end"""

    def allows(self, now: datetime) -> frozenset[str]:
        """The permissions that are valid at `now`; the acting's own end is not checked here."""
        return self.permissions.union(*(given for given, until in self.more if now < until))


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person."""

    session_hash: str
    session_id: str
    user_id: str
    tenant_id: UUID
    permissions: frozenset[str]
    csrf_hash: bytes
    expires_at: datetime
    store_ids: frozenset[UUID] = frozenset()
    step_up_until: datetime | None = None
    acting: Acting | None = None
    name: str = ""
    """the person's name, or their login"""

    def works_for(self, now: datetime) -> UUID:
        """The tenant whose data the merchant console shows: the merchant acted for, or the person's
        own organisation."""
        acting = self.acting
        return acting.tenant_id if acting is not None and now < acting.until else self.tenant_id


def refuse_foreign_site(request: Request) -> None:
    """Refuses a change that the browser marks as coming from another site."""
    if (
        request.method not in SAFE_METHODS
        and request.headers.get(b"sec-fetch-site") in _FOREIGN_SITES
    ):
        raise CsrfRefused("another site asked for this")


class SessionAuth:
    """Authenticates console sessions."""

    def __init__(self, binding: ServiceClient, clock: Clock, strangers: Strangers) -> None:
        self._strangers = strangers
        self._binding = binding
        self._clock = clock
        self._sessions: LookupCache[str, Session] = LookupCache(
            "sessions", self._load, clock, kept=SESSIONS_KEPT, fresh_s=SESSIONS_FRESH_S
        )

    async def check(self, request: Request, *, needs_csrf: bool) -> Session:
        """The session of this request; `needs_csrf` for a request that changes something."""
        cookie = _cookie(request.headers.get(b"cookie", b""))
        if cookie is None:
            raise SessionMissing
        session = await self._session(hashlib.sha256(cookie).hexdigest(), request.client)
        if session is None or session.expires_at <= self._clock.now():
            raise SessionMissing
        if needs_csrf:
            given = hashlib.sha256(request.headers.get(b"x-csrf-token", b"")).hexdigest().encode()
            if not hmac.compare_digest(given, session.csrf_hash):
                raise CsrfRefused
        return session

    async def require_merchant(self, request: Request, session: Session) -> Session:
        """The session, if it works for the merchant that the request names; else raises
        ActingElsewhere. A request without a name is for the session's merchant. The cached session
        may be seconds old, so it is looked up again before a request is refused."""
        named = request.headers.get(ACTING_FOR)
        if named is None or self._works_for(session, named):
            return session
        fresh = await self._sessions.refreshed(session.session_hash)
        if fresh is None:
            raise SessionMissing
        if not self._works_for(fresh, named):
            raise ActingElsewhere
        return fresh

    def _works_for(self, session: Session, named: bytes) -> bool:
        return named.decode("latin-1").lower() == str(session.works_for(self._clock.now()))

    async def _session(self, session_hash: str, client: str) -> Session | None:
        """The session. Unknown cookies count against their address; known and new sessions do
        not."""
        if self._sessions.is_familiar(session_hash):
            return await self._sessions.get(session_hash)
        async with self._strangers.lookup(client):
            return await self._sessions.get(session_hash)

    def expect(self, set_cookie: bytes) -> None:
        """Notes a new session's cookie on its way to the browser, so that it is no stranger."""
        cookie = _cookie(set_cookie.partition(b";")[0])
        if cookie is not None:
            self._sessions.expect(hashlib.sha256(cookie).hexdigest())

    def forget(self, session: Session) -> None:
        """The session just ended, or its permissions changed."""
        self._sessions.drop(session.session_hash)

    def on_event(self, event: Event) -> None:
        if isinstance(event, SessionRevoked | SessionChanged):
            self._sessions.drop(event.session_hash)

    def on_gap(self) -> None:
        self._sessions.expire_all()

    async def _load(self, session_hash: str) -> Session | None:
        try:
            found = await self._binding.call_ok(
                "POST", "/internal/sessions/resolve", body={"session_hash": session_hash}
            )
        except Problem as error:
            if error.status == 404:
                return None
            if error.code == _SUSPENDED:
                raise SessionSuspended from None
            raise
        try:
            return _session(session_hash, ResolvedOut.model_validate(found))
        except ValueError as error:
            raise BadGateway("binding answered a session that does not read") from error


def _session(session_hash: str, found: ResolvedOut) -> Session:
    return Session(
        session_hash=session_hash,
        session_id=str(found.session_id),
        user_id=str(found.user_id),
        tenant_id=found.tenant_id,
        permissions=frozenset(found.permissions),
        csrf_hash=found.csrf_token_hash.encode(),
        expires_at=found.expires_at,
        store_ids=frozenset(found.store_ids),
        step_up_until=found.step_up_until,
        acting=_acting(found.acting) if found.acting else None,
        name=found.name,
    )


def _acting(found: ResolvedActing) -> Acting:
    return Acting(
        acting_id=found.acting_id,
        tenant_id=found.tenant_id,
        permissions=frozenset(found.permissions),
        until=found.until,
        more=tuple((frozenset(more.permissions), more.until) for more in found.more),
    )


def cookie_hashes(request: Request) -> dict[str, str]:
    """The digests of the browser's cookies, which binding needs where people sign in."""
    header = request.headers.get(b"cookie", b"")
    cookies = {
        "X-Session-Cookie-Hash": _cookie(header),
        "X-Browser-Cookie-Hash": _cookie(header, BROWSER_COOKIE),
    }
    return {name: hashlib.sha256(value).hexdigest() for name, value in cookies.items() if value}


def _cookie(header: bytes, wanted: bytes = COOKIE) -> bytes | None:
    """Our cookie's value; None when it is absent, repeated, empty or too long."""
    found = [
        value
        for name, _, value in (part.strip().partition(b"=") for part in header.split(b";"))
        if name == wanted
    ]
    if len(found) != 1 or not 0 < len(found[0]) <= COOKIE_MAX:
        return None
    return found[0]
