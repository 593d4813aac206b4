"""The use cases of signing in and out, and of resolving a session for the edge."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.binding import domain, repo
from services.binding.domain import Console, Role
from services.binding.models import Merchant, Session, User
from services.binding.service import Deps
from shared import outbox
from shared.errors import NotFound, Unauthorized
from shared.events.base import stamp
from shared.events.binding import SessionRevoked
from shared.ids import random_token, uuid7
from shared.telemetry import get_logger

SECRET_BYTES = 32

log = get_logger("binding.sessions")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; the two secrets exist here and in the browser only."""

    cookie: str
    csrf_token: str
    session: Session
    user: User
    merchant: Merchant | None


async def sign_in(deps: Deps, console: Console, *, login: str, password: str) -> SignedIn:
    """A session, or BadCredentials whatever was wrong, or LoginBraked."""
    digest = domain.login_digest(login)
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        tries = await repo.login_tries(tx, digest)
        await repo.put_login_tries(tx, digest, domain.charge_try(tries, now))
        user = await repo.user_by_login(tx, digest)
    is_known = user is not None and user.is_enabled and Role(user.role).console == console
    hashed = user.password_hash if user is not None and is_known else None
    if not await deps.passwords.is_right(password, hashed) or user is None:
        log.warning("login.refused", login_digest=digest[:16], failures=tries.failures + 1)
        raise domain.BadCredentials
    cookie, csrf_token = random_token(SECRET_BYTES), random_token(SECRET_BYTES)
    session = Session(
        tenant_id=user.tenant_id,
        session_id=uuid7(deps.clock),
        session_hash=domain.sha256_hex(cookie),
        csrf_token_hash=domain.sha256_hex(csrf_token),
        user_id=user.user_id,
        created_at=now,
        seen_at=now,
        expires_at=now + domain.SESSION_LIFETIME,
    )
    async with deps.db.tx(None) as tx:
        await repo.forget_login_tries(tx, digest)
        tx.add(session)
        merchant = await repo.merchant(tx, user.tenant_id)
    log.info("login.accepted", user_id=str(user.user_id))
    return SignedIn(cookie, csrf_token, session, user, merchant)


async def resolve_session(deps: Deps, session_hash: str) -> tuple[Session, User]:
    """The living session behind a cookie's digest, for the edge; its use keeps it from idling."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        session = await repo.session_by_hash(tx, session_hash)
        user = await repo.user(tx, session.tenant_id, session.user_id) if session else None
        if session is None or user is None or not _is_alive(session, user, now):
            raise NotFound
        if now - session.seen_at >= domain.TOUCH_EVERY:
            session.seen_at = now
    return session, user


async def current_session(
    deps: Deps, console: Console, tenant_id: UUID, session_id: UUID
) -> tuple[Session, User, Merchant | None]:
    async with deps.db.read(tenant_id) as tx:
        session = await repo.session(tx, tenant_id, session_id)
        user = await repo.user(tx, tenant_id, session.user_id) if session else None
        merchant = await repo.merchant(tx, tenant_id)
    if session is None or user is None or not _is_alive(session, user, deps.clock.now()):
        raise Unauthorized
    domain.require_console(Role(user.role), console)
    return session, user, merchant


async def sign_out(deps: Deps, tenant_id: UUID, session_id: UUID) -> None:
    """Ends the session here and, by the event, in every cache of it. Twice is once."""
    async with deps.db.tx(tenant_id) as tx:
        session = await repo.session(tx, tenant_id, session_id)
        if session is None or session.revoked_at is not None:
            return
        session.revoked_at = deps.clock.now()
        event = SessionRevoked(**stamp(tenant_id, deps.clock), session_hash=session.session_hash)
        await outbox.add(tx, event)


def _is_alive(session: Session, user: User, now: datetime) -> bool:
    return user.is_enabled and domain.is_session_alive(
        now,
        expires_at=session.expires_at,
        seen_at=session.seen_at,
        revoked_at=session.revoked_at,
    )
