"""Acting: an operator works at a merchant's console, with a stated reason and for a short time.

An acting is a row of the merchant, so that the merchant's audit log can name the operator and the
reason. It ends when its time is over, with the operator's session or permissions, or when the
operator or an owner of the merchant ends it. It also ends when its grant is withdrawn by anybody
but the operator (`grants`).
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.acting import repo, rules
from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import Acting, Session
from services.binding.sessions import repo as sessions_repo
from services.binding.sessions import service as sessions
from services.binding.sessions.service import SessionView
from services.binding.tenancy import repo as tenancy_repo
from shared import outbox
from shared.contracts.instants import rfc3339
from shared.contracts.principal import Principal
from shared.errors import NotFound, Unauthorized
from shared.ids import uuid7


async def start_acting(
    deps: Deps, caller: Principal, merchant_id: UUID, *, reason: str, minutes: int
) -> SessionView:
    """From now on the operator's session works at the merchant console, for that merchant. Raises
    Unauthorized, NotFound, AlreadyActing."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        session_id = sessions.session_of(caller)
        session = await sessions_repo.session_for_update(tx, caller.tenant, session_id)
        user = await tenancy_repo.user(tx, caller.tenant, UUID(caller.subject))
        if session is None or session.revoked_at is not None or user is None:
            raise Unauthorized
        merchant = await tenancy_repo.merchant(tx, merchant_id)
        if merchant is None:
            raise NotFound
        if await sessions.running(tx, session, now) is not None:
            raise rules.AlreadyActing
        acting = Acting(
            tenant_id=merchant_id,
            acting_id=uuid7(deps.clock),
            operator_tenant_id=caller.tenant,
            operator_id=user.user_id,
            operator_name=user.name,
            session_id=session_id,
            reason=reason,
            created_at=now,
            until=now + timedelta(minutes=minutes),
        )
        tx.add(acting)
        session.acting_tenant_id, session.acting_id = merchant_id, acting.acting_id
        await tx.flush()
        until = rfc3339(acting.until)
        place = await sessions.merchant_facts(tx, merchant_id)
        facts = place | {"reason": reason, "until": until}
        for tenant_id in (caller.tenant, merchant_id):
            entry = (f"user:{user.user_id}", "acting.start", str(acting.acting_id))
            await audit(deps, tx, tenant_id, entry, after=facts)
        await outbox.add(tx, sessions.changed(deps, session))
        extra_grants = await sessions.extra_grants_of(tx, acting, now)
    return SessionView(session, user, merchant, acting, extra_grants)


async def stop_acting(deps: Deps, caller: Principal) -> None:
    """Ends the caller's acting now. A second call changes nothing."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        session_id = sessions.session_of(caller)
        session = await sessions_repo.session_for_update(tx, caller.tenant, session_id)
        acting = await sessions.running(tx, session, now) if session else None
        if session is None or acting is None:
            return
        actor = f"user:{caller.subject}"
        await sessions.note_end(deps, tx, acting, actor=actor, action="acting.stop")
        await sessions_repo.end_acting(tx, session, now)
        await outbox.add(tx, sessions.changed(deps, session))


async def end_acting(deps: Deps, caller: Principal, acting_id: UUID) -> None:
    """Ends an operator's acting for the caller's merchant now. A second call changes nothing.
    NotFound for the acting of another merchant."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        acting = await sessions_repo.acting(tx, caller.tenant, acting_id)
        if acting is None:
            raise NotFound
        home, session_id = acting.operator_tenant_id, acting.session_id
        session = await sessions_repo.session_for_update(tx, home, session_id)
        running = await sessions.running(tx, session, now) if session else None
        if session is None or running is None or running.acting_id != acting_id:
            return
        await end_running(deps, tx, session, f"user:{caller.subject}")


async def end_running(deps: Deps, tx: AsyncSession, session: Session, actor: str) -> None:
    """Ends the acting of a session, if one runs. The session is locked in the caller's transaction
    (system scope)."""
    now = deps.clock.now()
    acting = await sessions.running(tx, session, now)
    if acting is None:
        return
    await sessions.note_end(deps, tx, acting, actor=actor, action="acting.end")
    await sessions_repo.end_acting(tx, session, now)
    await outbox.add(tx, sessions.changed(deps, session))


async def acting_for(deps: Deps, tenant_id: UUID) -> Sequence[Acting]:
    """The actings for the merchant that run now."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.acting_now(tx, tenant_id, deps.clock.now())
