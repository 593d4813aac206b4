"""More than look and help for an operator who acts: asked for by the operator, given by an owner of
the merchant or by a second operator, for one merchant, one set of permissions and a while.

    asked ──give──▶ given ──time, withdrawn, returned, powers──▶ ended
      ├──refuse──▶ refused
      └──time, withdrawn, returned, powers──▶ ended

Each arrow is one transaction under the row's lock. All transactions here, and those that end a
person's powers, take their locks in one order: people, the account, grants, sessions, and the
audit chains last, the operators' own before any merchant's. So of those that hold several
merchants' chains, in whatever order, one goes on at a time; nobody else holds more than one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.acting import repo, rules, service
from services.binding.audit.record import PLATFORM_ACTOR, audit
from services.binding.deps import Deps
from services.binding.models import ActingGrant, Session, User
from services.binding.sessions import service as sessions
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy import second_person, standing
from services.binding.tenancy.permissions import of_role
from shared import outbox
from shared.contracts.principal import Principal
from shared.errors import Forbidden, NotFound
from shared.ids import uuid7

Side = Literal["merchant", "operator"]
Verdict = Literal["given", "refused"]
Cause = Literal["time", "withdrawn", "returned", "powers"]
DECIDES: dict[Side, str] = {"merchant": "acting.consent", "operator": "acting.grant"}
"""The permission of whoever gives, refuses and withdraws."""
ASKS = "acting.use"
ROUND = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator asks for: a set of permissions at one merchant, why, and for how long."""

    merchant_id: UUID
    permission_set: str
    reason: str
    minutes: int


async def ask(deps: Deps, caller: Principal, wanted: Asked) -> ActingGrant:
    """Files a request. Raises GrantOpen while an earlier one waits, or its grant runs."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        await standing.require(tx, caller.tenant, UUID(caller.subject), ASKS)
        user = await tenancy_repo.user(tx, caller.tenant, UUID(caller.subject))
        if user is None or await tenancy_repo.merchant(tx, wanted.merchant_id) is None:
            raise NotFound
        await standing.require_open(tx, wanted.merchant_id)
        for earlier in await repo.open_of(
            tx, user.user_id,
            home=caller.tenant, tenant_id=wanted.merchant_id,
            permission_set=wanted.permission_set,
        ):  # fmt: skip
            if not _is_overdue(earlier, now):
                raise rules.GrantOpen
            await _end(deps, tx, earlier, "time", PLATFORM_ACTOR)
        grant = ActingGrant(
            tenant_id=wanted.merchant_id,
            grant_id=uuid7(deps.clock),
            operator_tenant_id=caller.tenant,
            operator_id=user.user_id,
            operator_name=user.name,
            permission_set=wanted.permission_set,
            reason=wanted.reason,
            minutes=wanted.minutes,
            state="asked",
            asked_at=now,
            expires_at=now + rules.GRANT_ASKED_FOR,
        )
        tx.add(grant)
        await tx.flush()
        await _note(deps, tx, grant, "acting.grant_ask", f"user:{user.user_id}")
    return grant


async def decide(
    deps: Deps, side: Side, caller: Principal, grant_id: UUID, verdict: Verdict, tenant_id: UUID
) -> ActingGrant:
    """Gives or refuses what waits. Raises GrantDecided for what does not wait any longer; a second
    operator is somebody else, and neither account is new or newly reset (NotYetApprover)."""
    now = deps.clock.now()
    # System scope: the request is the merchant's row, the asker and maybe the decider are not.
    async with deps.db.tx(None) as tx:
        judge = await second_person.locked(tx, caller.tenant, UUID(caller.subject), DECIDES[side])
        grant = await _found(tx, side, caller, tenant_id, grant_id)
        if grant.state != "asked" or _is_overdue(grant, now):
            raise rules.GrantDecided
        if judge.user_id == grant.operator_id:
            raise tenancy_rules.OwnChange
        if verdict == "given":
            await _require_asker(deps, tx, grant, judge if side == "operator" else None)
            grant.until = now + timedelta(minutes=grant.minutes)
        grant.state, grant.decided_for = verdict, side
        grant.decided_by, grant.decided_name, grant.decided_at = judge.user_id, judge.name, now
        await _tell_sessions(deps, tx, grant)
        action = "acting.grant_give" if verdict == "given" else "acting.grant_refuse"
        await _note(deps, tx, grant, action, f"user:{judge.user_id}")
    return grant


async def withdraw(
    deps: Deps, side: Side, caller: Principal, grant_id: UUID, tenant_id: UUID
) -> None:
    """Ends it now, waiting or given, and what is over stays as it is. The operator whose it is
    returns it and goes on with look and help; withdrawn by anybody else, the acting ends, too."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        grant = await _found(tx, side, caller, tenant_id, grant_id)
        is_own = str(grant.operator_id) == caller.subject
        if not is_own and DECIDES[side] not in caller.permissions:
            raise Forbidden(f"needs the permission {DECIDES[side]}")
        if grant.state not in repo.OPEN:
            return
        if _is_overdue(grant, now):
            await _end(deps, tx, grant, "time", PLATFORM_ACTOR)
            return
        was_given, actor = grant.state == "given", f"user:{caller.subject}"
        running = await _tell_sessions(deps, tx, grant)
        await _end(deps, tx, grant, "returned" if is_own else "withdrawn", actor)
        if was_given and not is_own:
            for session in running:
                await service.end_running(deps, tx, session, actor)


async def of_merchant(deps: Deps, tenant_id: UUID) -> Sequence[ActingGrant]:
    """Who asked for more here, who may do more, and what became of earlier requests."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.of_merchant(tx, tenant_id)


async def of_operators(
    deps: Deps, caller: Principal, merchant_id: UUID | None
) -> Sequence[tuple[ActingGrant, str]]:
    """(grant, merchant's name) of all that stand, and of the caller's own that are over."""
    # System scope: the rows are those of many merchants.
    async with deps.db.read(None) as tx:
        return await repo.of_operators(tx, caller.tenant, UUID(caller.subject), merchant_id)


async def end_overdue(deps: Deps) -> int:
    """One bounded round: notes the end of what ended by its time. It opened nothing since then."""
    now, ended = deps.clock.now(), 0
    async with deps.db.read(None) as tx:
        due = await repo.overdue(tx, now, ROUND)
    for tenant_id, grant_id in due:
        async with deps.db.tx(None) as tx:
            grant = await repo.for_update(tx, tenant_id, grant_id)
            if grant is not None and _is_overdue(grant, now):
                await _end(deps, tx, grant, "time", PLATFORM_ACTOR)
                ended += 1
    return ended


async def locked_of(tx: AsyncSession, user: User) -> Sequence[ActingGrant]:
    """What somebody has asked for or holds, locked: before their sessions, and before any entry of
    an audit log, is touched."""
    return await repo.open_of(tx, user.user_id, home=user.tenant_id)


async def end_with_powers(
    deps: Deps, tx: AsyncSession, grants: Sequence[ActingGrant], *, actor: str
) -> None:
    """Whoever is disabled, moved or reset asks anew: ends what `locked_of` found."""
    for grant in grants:
        await _end(deps, tx, grant, "powers", actor)


async def locked_at(deps: Deps, tx: AsyncSession, tenant_id: UUID) -> Sequence[ActingGrant]:
    """What is asked for and given at a merchant, locked, and the sessions that act under it: for
    `end_with_powers`. Whoever acts there goes on with look and help."""
    grants = await repo.open_at(tx, tenant_id)
    for grant in grants:
        await _tell_sessions(deps, tx, grant)
    return grants


def state_of(grant: ActingGrant, now: datetime) -> tuple[str, Cause | None]:
    """(state, why it ended) as it stands now, noted or not."""
    if _is_overdue(grant, now):
        return "ended", "time"
    cause: Any = grant.end_cause
    return grant.state, cause


def _is_overdue(grant: ActingGrant, now: datetime) -> bool:
    if grant.state == "asked":
        return now >= grant.expires_at
    return grant.state == "given" and grant.until is not None and now >= grant.until


async def _found(
    tx: AsyncSession, side: Side, caller: Principal, tenant_id: UUID, grant_id: UUID
) -> ActingGrant:
    """The grant, locked; that of another merchant, or of other operators, does not exist."""
    grant = await repo.for_update(tx, tenant_id, grant_id)
    owner = None if grant is None else grant.operator_tenant_id
    if grant is None or (side == "operator" and owner != caller.tenant):
        raise NotFound
    return grant


async def _require_asker(
    deps: Deps, tx: AsyncSession, grant: ActingGrant, second: User | None
) -> None:
    """The operator still may act. Read without a lock: whoever takes that power away ends the
    request first, and waits for us to do so."""
    asker = await tenancy_repo.user(tx, grant.operator_tenant_id, grant.operator_id)
    if asker is None or not asker.is_enabled or ASKS not in of_role(asker.role):
        raise rules.GrantDecided
    if second is not None:
        second_person.require_settled(deps, second)
        second_person.require_settled(deps, asker)


async def _tell_sessions(deps: Deps, tx: AsyncSession, grant: ActingGrant) -> Sequence[Session]:
    """The operator's sessions that act for the merchant: caches of them must ask again."""
    found = await repo.acting_sessions(
        tx, grant.operator_tenant_id, grant.operator_id, grant.tenant_id
    )
    for session in found:
        await outbox.add(tx, sessions.changed(deps, session))
    return found


async def _end(deps: Deps, tx: AsyncSession, grant: ActingGrant, cause: Cause, actor: str) -> None:
    grant.state, grant.ended_at, grant.end_cause = "ended", deps.clock.now(), cause
    action = "acting.grant_end" if cause == "time" else "acting.grant_withdraw"
    await _note(deps, tx, grant, action, actor)


async def _note(deps: Deps, tx: AsyncSession, grant: ActingGrant, action: str, actor: str) -> None:
    """In both logs, with the operator's name and reason."""
    facts: dict[str, Any] = await sessions.place_of(tx, grant.tenant_id) | {
        "operator": grant.operator_name,
        "permission_set": grant.permission_set,
        "minutes": grant.minutes,
        "state": grant.state,
        "decided_for": grant.decided_for,
        "until": sessions.text_of(grant.until) if grant.until is not None else None,
        "end_cause": grant.end_cause,
    }
    told = {name: value for name, value in facts.items() if value is not None}
    for tenant_id in (grant.operator_tenant_id, grant.tenant_id):
        what = (actor, action, str(grant.grant_id))
        await audit(deps, tx, tenant_id, what, after=told, reason=grant.reason)
