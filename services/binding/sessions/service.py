"""The use cases of open sessions: listing one's own, ending them, and resolving one for the edge.
The room sign_in opens them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import Acting, ActingGrant, Merchant, Session, User
from services.binding.sessions import repo, rules
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.rules import Console, Role
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import SessionChanged, SessionRevoked
from shared.contracts.instants import rfc3339
from shared.contracts.principal import Principal
from shared.errors import NotFound, Unauthorized


@dataclass(frozen=True, slots=True)
class SessionView:
    """An active session, its person, and the merchant for whom it works now."""

    session: Session
    user: User
    merchant: Merchant | None
    acting: Acting | None = None
    extra_grants: Sequence[ActingGrant] = ()
    """the operator's valid grants at that merchant"""
    is_former: bool = False
    """whether the request had the cookie from before the session's last renewal"""

    @property
    def until(self) -> datetime:
        """When the cookie of the request ends."""
        session = self.session
        if self.is_former and session.previous_until is not None:
            return min(session.expires_at, session.previous_until)
        return session.expires_at

    @property
    def step_up_until(self) -> datetime | None:
        """A step-up renews the cookie, and the one from before keeps what it had."""
        session = self.session
        return session.previous_step_up_until if self.is_former else session.step_up_until


async def resolve_session(deps: Deps, session_hash: str) -> SessionView:
    """The active session of a cookie's digest, for the edge; its use keeps it from idling. Raises
    NotFound. Raises MerchantIsSuspended when only the suspension has ended the session: its holder
    was signed in and may know."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        session = await repo.session_by_hash(tx, session_hash)
        user = await tenancy_repo.user(tx, session.tenant_id, session.user_id) if session else None
        if session is None or user is None:
            raise NotFound
        if not _is_alive(session, user, now):
            await _raise_if_suspended(tx, session, user, now)
            raise NotFound
        is_former = session.session_hash != session_hash
        if is_former and (session.previous_until is None or now >= session.previous_until):
            raise NotFound
        if now - session.seen_at >= rules.TOUCH_EVERY:
            session.seen_at = now
        acting = await running(tx, session, now)
        extra_grants = await extra_grants_of(tx, acting, now)
        return SessionView(session, user, None, acting, extra_grants, is_former)


async def _raise_if_suspended(
    tx: AsyncSession, session: Session, user: User, now: datetime
) -> None:
    merchant = await tenancy_repo.merchant(tx, session.tenant_id)
    since = merchant.suspended_at if merchant is not None else None
    if since is None or session.revoked_at is None or session.revoked_at < since:
        return
    if user.is_enabled and now < session.expires_at:
        raise tenancy_rules.MerchantIsSuspended


async def running(tx: AsyncSession, session: Session, now: datetime) -> Acting | None:
    """The acting of the session, if it still runs."""
    if session.acting_id is None or session.acting_tenant_id is None:
        return None
    acting = await repo.acting(tx, session.acting_tenant_id, session.acting_id)
    if acting is None or acting.ended_at is not None or now >= acting.until:
        return None
    return acting


async def extra_grants_of(
    tx: AsyncSession, acting: Acting | None, now: datetime
) -> Sequence[ActingGrant]:
    """The grants of the operator who acts that are still valid."""
    return await repo.active_grants(tx, acting, now) if acting is not None else ()


def session_of(caller: Principal) -> UUID:
    if caller.session_id is None:
        raise Unauthorized
    return UUID(caller.session_id)


async def home(deps: Deps, caller: Principal) -> UUID:
    """The tenant of the caller's own account. While acting this is the operators' tenant, not the
    merchant."""
    if caller.acting_id is None:
        return caller.tenant
    async with deps.db.read(caller.tenant) as tx:
        acting = await repo.acting(tx, caller.tenant, caller.acting_id)
    if acting is None or acting.session_id != session_of(caller):
        raise Unauthorized
    return acting.operator_tenant_id


async def current_session(deps: Deps, console: Console, caller: Principal) -> SessionView:
    """The session for the console to show; at the merchant console also that of an acting
    operator."""
    tenant_id, now = await home(deps, caller), deps.clock.now()
    # System scope: an acting operator's session, and the merchant, are two tenants' rows.
    async with deps.db.read(None) as tx:
        session = await repo.session(tx, tenant_id, session_of(caller))
        user = await tenancy_repo.user(tx, tenant_id, session.user_id) if session else None
        if session is None or user is None or not _is_alive(session, user, now):
            raise Unauthorized
        acting = await running(tx, session, now)
        shown_tenant = acting.tenant_id if acting is not None else tenant_id
        merchant = await tenancy_repo.merchant(tx, shown_tenant)
        extra_grants = await extra_grants_of(tx, acting, now)
    if caller.acting_id is not None and acting is None:
        raise Unauthorized  # the acting has just ended
    if caller.acting_id is None or console == "operator":
        tenancy_rules.require_console(Role(user.role), console)
    return SessionView(session, user, merchant, acting, extra_grants)


def changed(deps: Deps, session: Session) -> SessionChanged:
    return SessionChanged(**stamp(session.tenant_id, deps.clock), session_hash=session.session_hash)


async def list_sessions(deps: Deps, caller: Principal) -> Sequence[Session]:
    """The caller's own active sessions, newest first."""
    now = deps.clock.now()
    async with deps.db.read(caller.tenant) as tx:
        found = await repo.active_sessions(tx, caller.tenant, UUID(caller.subject), now)
    return [row for row in found if now - row.seen_at < rules.SESSION_IDLE]


async def sign_out(deps: Deps, caller: Principal) -> None:
    """Ends the session here and, by the event, in every cache. A second call changes nothing."""
    tenant_id = await home(deps, caller)
    # System scope: the end of an operator's session also ends its acting, a merchant's row.
    async with deps.db.tx(None) as tx:
        session = await repo.session_for_update(tx, tenant_id, session_of(caller))
        if session is not None and session.revoked_at is None:
            await end(deps, tx, session)
            entry = (f"user:{session.user_id}", "session.close", str(session.session_id))
            await audit(deps, tx, tenant_id, entry)


async def end_session(deps: Deps, caller: Principal, session_id: UUID) -> None:
    """Ends one of the caller's own sessions. NotFound for anybody else's."""
    async with deps.db.tx(None) as tx:
        session = await repo.session_for_update(tx, caller.tenant, session_id)
        if session is None or str(session.user_id) != caller.subject:
            raise NotFound
        if session.revoked_at is None:
            await end(deps, tx, session)
            entry = (f"user:{caller.subject}", "session.end", str(session_id))
            await audit(deps, tx, caller.tenant, entry)


async def end_other_sessions(deps: Deps, caller: Principal) -> None:
    """Ends all of the caller's sessions but this one."""
    async with deps.db.tx(None) as tx:
        user_id = UUID(caller.subject)
        ended = await end_all(deps, tx, caller.tenant, user_id, keep=session_of(caller))
        if ended:
            entry = (f"user:{caller.subject}", "session.end_others", str(user_id))
            await audit(deps, tx, caller.tenant, entry, after={"sessions_ended": ended})


async def end_all(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, user_id: UUID, *, keep: UUID | None = None
) -> int:
    """Ends a person's sessions within the caller's transaction (system scope); returns how many."""
    now, ended = deps.clock.now(), 0
    # All sessions are locked before the first audit entry: the chain is always locked last.
    active = await repo.active_sessions(tx, tenant_id, user_id, now, is_locked=True)
    for session in active:
        if session.session_id != keep:
            await end(deps, tx, session)
            ended += 1
    return ended


async def end(deps: Deps, tx: AsyncSession, session: Session) -> None:
    """Ends a session that the caller has locked. Without the lock, a renewal at the same time could
    give it a cookie whose end is never published."""
    if session.revoked_at is not None:
        return
    session.revoked_at = deps.clock.now()
    acting = await running(tx, session, session.revoked_at)
    if acting is not None:
        actor = f"user:{session.user_id}"
        await note_end(deps, tx, acting, actor=actor, action="acting.stop")
        await repo.end_acting(tx, session, session.revoked_at)
    for session_hash in filter(None, (session.session_hash, session.previous_hash)):
        event = SessionRevoked(**stamp(session.tenant_id, deps.clock), session_hash=session_hash)
        await outbox.add(tx, event)


async def note_end(
    deps: Deps, tx: AsyncSession, acting: Acting, *, actor: str, action: str
) -> None:
    """Adds the end of an acting to both logs, with the merchant and the reason."""
    before = await merchant_facts(tx, acting.tenant_id) | {"until": rfc3339(acting.until)}
    for tenant_id in (acting.operator_tenant_id, acting.tenant_id):
        entry = (actor, action, str(acting.acting_id))
        await audit(deps, tx, tenant_id, entry, before=before, reason=acting.reason)


async def merchant_facts(tx: AsyncSession, merchant_id: UUID) -> dict[str, str]:
    """The merchant's id and name, for the operators' log, which is about many merchants."""
    merchant = await tenancy_repo.merchant(tx, merchant_id)
    return {"merchant_id": str(merchant_id), "merchant": merchant.name if merchant else ""}


def _is_alive(session: Session, user: User, now: datetime) -> bool:
    return user.is_enabled and rules.is_session_alive(
        now,
        expires_at=session.expires_at,
        seen_at=session.seen_at,
        revoked_at=session.revoked_at,
    )
