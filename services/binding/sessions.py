"""The use cases of sessions: signing in and out, step-up, the list of one's own, passwords, and
resolving a session for the edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import domain, people_repo, repo
from services.binding.domain import Console, Role
from services.binding.models import Acting, Merchant, Session, User
from services.binding.service import Deps, audit
from shared import outbox
from shared.errors import NotFound, Unauthorized
from shared.events.base import stamp
from shared.events.binding import SessionChanged, SessionRevoked
from shared.ids import random_token, uuid7
from shared.telemetry import get_logger
from shared.tokens import Principal

SECRET_BYTES = 32
AGENT_MAX = 200

log = get_logger("binding.sessions")


@dataclass(frozen=True, slots=True)
class Shown:
    """A living session, whose it is, and for whom it works right now."""

    session: Session
    user: User
    merchant: Merchant | None
    acting: Acting | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; the two secrets exist here and in the browser only."""

    cookie: str
    csrf_token: str
    shown: Shown


async def sign_in(
    deps: Deps,
    console: Console,
    *,
    login: str,
    password: str,
    user_agent: str = "",
    address: str = "",
) -> SignedIn:
    """A session, or BadCredentials whatever was wrong, or LoginBraked."""
    digest = domain.login_digest(login)
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        tries = await repo.login_tries(tx, digest)
        await repo.put_login_tries(tx, digest, domain.charge_try(tries, now))
        user = await repo.user_by_login(tx, digest)
    is_known = user is not None and user.is_enabled and Role(user.role).console == console
    hashed = user.password_hash if user is not None and is_known else None
    is_right = await deps.passwords.is_right(password, hashed, is_sign_in=True)
    if not is_right or user is None:
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
        user_agent="".join(c for c in user_agent if c.isprintable())[:AGENT_MAX],
        address=address,
    )
    async with deps.db.tx(None) as tx:
        # Somebody may have disabled the account while its password was checked.
        fresh = await people_repo.user_for_update(tx, user.tenant_id, user.user_id)
        if fresh is None or not fresh.is_enabled or fresh.password_hash != user.password_hash:
            raise domain.BadCredentials
        await repo.forget_login_tries(tx, digest)
        tx.add(session)
        merchant = await repo.merchant(tx, user.tenant_id)
    log.info("login.accepted", user_id=str(user.user_id))
    return SignedIn(cookie, csrf_token, Shown(session, user, merchant))


async def resolve_session(deps: Deps, session_hash: str) -> Shown:
    """The living session behind a cookie's digest, for the edge; its use keeps it from idling."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        session = await repo.session_by_hash(tx, session_hash)
        user = await repo.user(tx, session.tenant_id, session.user_id) if session else None
        if session is None or user is None or not _is_alive(session, user, now):
            raise NotFound
        if now - session.seen_at >= domain.TOUCH_EVERY:
            session.seen_at = now
        return Shown(session, user, None, await running(tx, session, now))


async def running(tx: AsyncSession, session: Session, now: datetime) -> Acting | None:
    """The grant that the session works under, unless its time is up."""
    if session.acting_id is None or session.acting_tenant_id is None:
        return None
    grant = await people_repo.acting(tx, session.acting_tenant_id, session.acting_id)
    if grant is None or grant.ended_at is not None or now >= grant.until:
        return None
    return grant


def session_of(caller: Principal) -> UUID:
    if caller.session_id is None:
        raise Unauthorized
    return UUID(caller.session_id)


async def home(deps: Deps, caller: Principal) -> UUID:
    """The tenant that the caller's own account lives in: while acting, not the merchant's."""
    if caller.acting_id is None:
        return caller.tenant
    async with deps.db.read(caller.tenant) as tx:
        grant = await people_repo.acting(tx, caller.tenant, caller.acting_id)
    if grant is None or grant.session_id != session_of(caller):
        raise Unauthorized
    return grant.operator_tenant_id


async def current_session(deps: Deps, console: Console, caller: Principal) -> Shown:
    """What the console shows of the session; at the merchant console also of an acting operator."""
    tenant_id, now = await home(deps, caller), deps.clock.now()
    # System scope: an acting operator's session, and the merchant, are two tenants' rows.
    async with deps.db.read(None) as tx:
        session = await repo.session(tx, tenant_id, session_of(caller))
        user = await repo.user(tx, tenant_id, session.user_id) if session else None
        if session is None or user is None or not _is_alive(session, user, now):
            raise Unauthorized
        grant = await running(tx, session, now)
        shown_tenant = grant.tenant_id if grant is not None else tenant_id
        merchant = await repo.merchant(tx, shown_tenant)
    if caller.acting_id is not None and grant is None:
        raise Unauthorized  # its time was up a moment ago
    if caller.acting_id is None or console == "operator":
        domain.require_console(Role(user.role), console)
    return Shown(session, user, merchant, grant)


async def step_up(deps: Deps, caller: Principal, password: str) -> datetime:
    """Asks for the password once more; until when it counts. Raises WrongPassword, LoginBraked."""
    tenant_id, session_id = await home(deps, caller), session_of(caller)
    await confirm_password(deps, tenant_id, UUID(caller.subject), password)
    now = deps.clock.now()
    async with deps.db.tx(tenant_id) as tx:
        session = await people_repo.session_for_update(tx, tenant_id, session_id)
        if session is None or session.revoked_at is not None:
            raise Unauthorized
        session.step_up_until = now + domain.STEP_UP_WINDOW
        await outbox.add(tx, changed(deps, session))
        return session.step_up_until


def changed(deps: Deps, session: Session) -> SessionChanged:
    return SessionChanged(**stamp(session.tenant_id, deps.clock), session_hash=session.session_hash)


async def confirm_password(deps: Deps, tenant_id: UUID, user_id: UUID, password: str) -> User:
    """The account, if that is its password. Guesses are braked apart from the login's own brake:
    a stolen session must not shut its owner out of signing in."""
    digest = domain.sha256_hex(f"confirm:{user_id}")
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        tries = await repo.login_tries(tx, digest)
        await repo.put_login_tries(tx, digest, domain.charge_try(tries, now))
        user = await repo.user(tx, tenant_id, user_id)
    hashed = user.password_hash if user is not None and user.is_enabled else None
    if not await deps.passwords.is_right(password, hashed) or user is None:
        log.warning("password.refused", user_id=str(user_id), failures=tries.failures + 1)
        raise domain.WrongPassword
    async with deps.db.tx(None) as tx:
        await repo.forget_login_tries(tx, digest)
    return user


async def list_sessions(deps: Deps, caller: Principal) -> Sequence[Session]:
    """The caller's own sessions that still count, newest first."""
    now = deps.clock.now()
    async with deps.db.read(caller.tenant) as tx:
        found = await people_repo.living_sessions(tx, caller.tenant, UUID(caller.subject), now)
    return [row for row in found if now - row.seen_at < domain.SESSION_IDLE]


async def sign_out(deps: Deps, caller: Principal) -> None:
    """Ends the session here and, by the event, in every cache of it. Twice is once."""
    tenant_id = await home(deps, caller)
    # System scope: the end of an operator's session also ends its acting, a merchant's row.
    async with deps.db.tx(None) as tx:
        session = await repo.session(tx, tenant_id, session_of(caller))
        if session is not None:
            await end(deps, tx, session)


async def end_session(deps: Deps, caller: Principal, session_id: UUID) -> None:
    """Ends one of the caller's own sessions; another's does not exist."""
    async with deps.db.tx(None) as tx:
        session = await people_repo.session_for_update(tx, caller.tenant, session_id)
        if session is None or str(session.user_id) != caller.subject:
            raise NotFound
        await end(deps, tx, session)


async def end_other_sessions(deps: Deps, caller: Principal) -> int:
    """Ends all of the caller's sessions but this one."""
    async with deps.db.tx(None) as tx:
        return await end_all(deps, tx, caller.tenant, UUID(caller.subject), keep=session_of(caller))


async def end_all(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, user_id: UUID, *, keep: UUID | None = None
) -> int:
    """Ends a person's sessions within the caller's transaction (system scope)."""
    now, ended = deps.clock.now(), 0
    for session in await people_repo.living_sessions(tx, tenant_id, user_id, now):
        if session.session_id != keep:
            await end(deps, tx, session)
            ended += 1
    return ended


async def end(deps: Deps, tx: AsyncSession, session: Session) -> None:
    if session.revoked_at is not None:
        return
    session.revoked_at = deps.clock.now()
    grant = await running(tx, session, session.revoked_at)
    if grant is not None:
        what = (f"user:{session.user_id}", "acting.stop", str(grant.acting_id))
        await audit(deps, tx, grant.tenant_id, what)
        await people_repo.end_acting(tx, session, session.revoked_at)
    event = SessionRevoked(
        **stamp(session.tenant_id, deps.clock), session_hash=session.session_hash
    )
    await outbox.add(tx, event)


async def change_password(deps: Deps, caller: Principal, current: str, new: str) -> None:
    """Sets one's own password; the other sessions end, for whoever knew the old one."""
    user = await confirm_password(deps, caller.tenant, UUID(caller.subject), current)
    domain.check_password(new, user.login, field="/new_password")
    hashed = await deps.passwords.hash(new)
    async with deps.db.tx(None) as tx:
        row = await people_repo.user_for_update(tx, caller.tenant, user.user_id)
        if row is None or row.password_hash != user.password_hash:
            raise domain.WrongPassword
        row.password_hash = hashed
        ended = await end_all(deps, tx, caller.tenant, user.user_id, keep=session_of(caller))
        what = (f"user:{user.user_id}", "password.change", str(user.user_id))
        await audit(deps, tx, caller.tenant, what, after={"sessions_ended": ended})


def _is_alive(session: Session, user: User, now: datetime) -> bool:
    return user.is_enabled and domain.is_session_alive(
        now,
        expires_at=session.expires_at,
        seen_at=session.seen_at,
        revoked_at=session.revoked_at,
    )
