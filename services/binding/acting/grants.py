"""Grants: more permissions for an operator who acts than the usual look and help.

The operator requests a grant; an owner of the merchant or a second operator gives it. A grant is
for one merchant, one set of permissions and a limited time.

    asked ──give──▶ given ──time, withdrawn, returned, powers──▶ ended
      ├──refuse──▶ refused
      └──time, withdrawn, returned, powers──▶ ended

Each arrow is one transaction under the row's lock. All transactions here, and those that end a
person's permissions, take their locks in one order: people, the account, grants, sessions, and the
audit chains last, the operators' own chain before any merchant's. Transactions that lock the chains
of several merchants all hold the operators' chain first, so they run one after the other and cannot
deadlock. Every other transaction locks one chain only.
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
from services.binding.tenancy import approvers, authorization
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.permissions import of_role
from shared import outbox
from shared.contracts.instants import rfc3339
from shared.contracts.principal import Principal
from shared.errors import Forbidden, NotFound
from shared.ids import uuid7

Side = Literal["merchant", "operator"]
Decision = Literal["given", "refused"]
Cause = Literal["time", "withdrawn", "returned", "powers"]
DECIDING: dict[Side, str] = {"merchant": "acting.consent", "operator": "acting.grant"}
"""The permission that is needed to give, refuse and withdraw a grant."""
REQUESTING = "acting.use"
ROUND = 100


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A set of permissions at one merchant that an operator requests, the reason and the time."""

    merchant_id: UUID
    permission_set: str
    reason: str
    minutes: int


async def request_grant(deps: Deps, caller: Principal, wanted: GrantRequest) -> ActingGrant:
    """Stores a request. Raises GrantOpen while an earlier request or its grant is open."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        await authorization.require(tx, caller.tenant, UUID(caller.subject), REQUESTING)
        user = await tenancy_repo.user(tx, caller.tenant, UUID(caller.subject))
        if user is None or await tenancy_repo.merchant(tx, wanted.merchant_id) is None:
            raise NotFound
        await authorization.require_open(tx, wanted.merchant_id)
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
        await _audit_both(deps, tx, grant, "acting.grant_ask", f"user:{user.user_id}")
    return grant


async def decide(
    deps: Deps, side: Side, caller: Principal, grant_id: UUID, decision: Decision, tenant_id: UUID
) -> ActingGrant:
    """Gives or refuses an open request. Raises GrantDecided when it is not open any more, OwnChange
    for the operator's own request, and NotYetApprover when the requester or a second operator has
    an account that is new or was reset lately."""
    now = deps.clock.now()
    # System scope: the request is a row of the merchant; the operators' accounts are not.
    async with deps.db.tx(None) as tx:
        approver = await approvers.locked(tx, caller.tenant, UUID(caller.subject), DECIDING[side])
        grant = await _locked(tx, side, caller, tenant_id, grant_id)
        if grant.state != "asked" or _is_overdue(grant, now):
            raise rules.GrantDecided
        if approver.user_id == grant.operator_id:
            raise tenancy_rules.OwnChange
        if decision == "given":
            await _require_requester(deps, tx, grant, approver if side == "operator" else None)
            grant.until = now + timedelta(minutes=grant.minutes)
        grant.state, grant.decided_for = decision, side
        grant.decided_by, grant.decided_name, grant.decided_at = (
            approver.user_id,
            approver.name,
            now,
        )
        await _publish_changes(deps, tx, grant)
        action = "acting.grant_give" if decision == "given" else "acting.grant_refuse"
        await _audit_both(deps, tx, grant, action, f"user:{approver.user_id}")
    return grant


async def withdraw(
    deps: Deps, side: Side, caller: Principal, grant_id: UUID, tenant_id: UUID
) -> None:
    """Ends an open request or grant now; one that is closed stays as it is. When the operator
    returns an own grant, the acting goes on with the usual permissions. When anybody else withdraws
    it, the acting ends, too."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        grant = await _locked(tx, side, caller, tenant_id, grant_id)
        is_own = str(grant.operator_id) == caller.subject
        if not is_own and DECIDING[side] not in caller.permissions:
            raise Forbidden(f"needs the permission {DECIDING[side]}")
        if grant.state not in repo.OPEN:
            return
        if _is_overdue(grant, now):
            await _end(deps, tx, grant, "time", PLATFORM_ACTOR)
            return
        was_given, actor = grant.state == "given", f"user:{caller.subject}"
        running = await _publish_changes(deps, tx, grant)
        await _end(deps, tx, grant, "returned" if is_own else "withdrawn", actor)
        if was_given and not is_own:
            for session in running:
                await service.end_running(deps, tx, session, actor)


async def list_of_merchant(deps: Deps, tenant_id: UUID) -> Sequence[ActingGrant]:
    """The merchant's open and earlier grants, of all operators."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.of_merchant(tx, tenant_id)


async def list_of_operators(
    deps: Deps, caller: Principal, merchant_id: UUID | None
) -> Sequence[tuple[ActingGrant, str]]:
    """(grant, merchant's name): all open grants, and all grants of the caller."""
    # System scope: the rows are those of many merchants.
    async with deps.db.read(None) as tx:
        return await repo.of_operators(tx, caller.tenant, UUID(caller.subject), merchant_id)


async def end_overdue(deps: Deps) -> int:
    """One bounded round: marks grants whose time is over as ended. They have allowed nothing since
    that time already."""
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
    """The open grants of a person, locked. To be called before their sessions are locked and before
    any audit entry is written."""
    return await repo.open_of(tx, user.user_id, home=user.tenant_id)


async def end_with_powers(
    deps: Deps, tx: AsyncSession, grants: Sequence[ActingGrant], *, actor: str
) -> None:
    """Ends the grants that `locked_of` returned, for a person who is disabled, gets another role or
    is reset, and has to request them again."""
    for grant in grants:
        await _end(deps, tx, grant, "powers", actor)


async def locked_at(deps: Deps, tx: AsyncSession, tenant_id: UUID) -> Sequence[ActingGrant]:
    """The open grants at a merchant, for `end_with_powers`. They and the sessions that act under
    them are locked. An acting there goes on with the usual permissions."""
    grants = await repo.open_at(tx, tenant_id)
    for grant in grants:
        await _publish_changes(deps, tx, grant)
    return grants


def state_of(grant: ActingGrant, now: datetime) -> tuple[str, Cause | None]:
    """(state, cause of the end) at this time, also when the row does not say so yet."""
    if _is_overdue(grant, now):
        return "ended", "time"
    cause: Any = grant.end_cause
    return grant.state, cause


def _is_overdue(grant: ActingGrant, now: datetime) -> bool:
    if grant.state == "asked":
        return now >= grant.expires_at
    return grant.state == "given" and grant.until is not None and now >= grant.until


async def _locked(
    tx: AsyncSession, side: Side, caller: Principal, tenant_id: UUID, grant_id: UUID
) -> ActingGrant:
    """The grant, locked. NotFound for the grant of another merchant or of other operators."""
    grant = await repo.for_update(tx, tenant_id, grant_id)
    owner = None if grant is None else grant.operator_tenant_id
    if grant is None or (side == "operator" and owner != caller.tenant):
        raise NotFound
    return grant


async def _require_requester(
    deps: Deps, tx: AsyncSession, grant: ActingGrant, second: User | None
) -> None:
    """GrantDecided unless the requester may still act. Read without a lock: a transaction that
    takes this permission away ends the request first, so it waits for this one."""
    requester = await tenancy_repo.user(tx, grant.operator_tenant_id, grant.operator_id)
    if requester is None or not requester.is_enabled or REQUESTING not in of_role(requester.role):
        raise rules.GrantDecided
    if second is not None:
        approvers.require_settled(deps, second)
        approvers.require_settled(deps, requester)


async def _publish_changes(deps: Deps, tx: AsyncSession, grant: ActingGrant) -> Sequence[Session]:
    """Publishes session.changed for the operator's sessions that act for the merchant, so that
    caches resolve them again; returns these sessions."""
    found = await repo.acting_sessions(
        tx, grant.operator_tenant_id, grant.operator_id, grant.tenant_id
    )
    for session in found:
        await outbox.add(tx, sessions.changed(deps, session))
    return found


async def _end(deps: Deps, tx: AsyncSession, grant: ActingGrant, cause: Cause, actor: str) -> None:
    grant.state, grant.ended_at, grant.end_cause = "ended", deps.clock.now(), cause
    action = "acting.grant_end" if cause == "time" else "acting.grant_withdraw"
    await _audit_both(deps, tx, grant, action, actor)


async def _audit_both(
    deps: Deps, tx: AsyncSession, grant: ActingGrant, action: str, actor: str
) -> None:
    """Adds an entry to the logs of the operators and of the merchant, with the operator's name and
    reason."""
    facts: dict[str, Any] = await sessions.merchant_facts(tx, grant.tenant_id) | {
        "operator": grant.operator_name,
        "permission_set": grant.permission_set,
        "minutes": grant.minutes,
        "state": grant.state,
        "decided_for": grant.decided_for,
        "until": rfc3339(grant.until) if grant.until is not None else None,
        "end_cause": grant.end_cause,
    }
    known = {name: value for name, value in facts.items() if value is not None}
    for tenant_id in (grant.operator_tenant_id, grant.tenant_id):
        entry = (actor, action, str(grant.grant_id))
        await audit(deps, tx, tenant_id, entry, after=known, reason=grant.reason)
