"""The records of refused sign-ins and step-ups. The person sees a count. The audit log gets an
entry at the 1st, 10th, 100th ... try of an hour, so that many tries do not fill the chain.

For a login that nobody has, nothing is stored, but at the same cost: the same statements are sent
and rolled back within a transaction that commits. Otherwise the response time would show which
logins exist.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import Session, User
from services.binding.sign_in import repo
from services.binding.sign_in.models import RefusedSignIns
from shared.contracts.principal import Principal
from shared.ids import uuid7

Origin = tuple[str, str]
"""(address, user agent)"""

sign_ins = Counter("binding_sign_ins_total", "Tries to sign in", ["outcome"])


async def record_sign_in(deps: Deps, user: User | None, origin: Origin, outcome: str) -> None:
    """Records a refused sign-in. `user`: the account of the login; None: nobody has it."""
    sign_ins.labels(outcome if user is not None else "unknown").inc()
    now, nobody = deps.clock.now(), uuid7(deps.clock)
    tenant_id, user_id = (user.tenant_id, user.user_id) if user is not None else (nobody, nobody)
    async with deps.db.tx(None) as tx:
        async with _savepoint(tx, is_kept=user is not None):
            tries = await repo.note_refused(tx, tenant_id, user_id, now, origin)
        is_audited = user is not None and _is_audited(tries)
        async with _savepoint(tx, is_kept=is_audited):
            # An entry that is rolled back must neither wait for a merchant's chain nor lock it.
            entry = ("sign-in", "session.refused", str(user_id))
            chain = tenant_id if is_audited else nobody
            await audit(deps, tx, chain, entry, after={"tries_this_hour": tries})


class _RolledBack(Exception):
    """Rolls a savepoint back."""


@asynccontextmanager
async def _savepoint(tx: AsyncSession, *, is_kept: bool) -> AsyncIterator[None]:
    """A part of the transaction; rolled back at its end unless `is_kept`."""
    with suppress(_RolledBack):
        async with tx.begin_nested():
            yield
            if not is_kept:
                raise _RolledBack


async def record_step_up(deps: Deps, tx: AsyncSession, user: User, origin: Origin) -> None:
    """Records a refused step-up. The actor in the audit log is the person who is signed in."""
    now = deps.clock.now()
    tries = await repo.note_refused(tx, user.tenant_id, user.user_id, now, origin)
    if _is_audited(tries):
        entry = (f"user:{user.user_id}", "session.step_up_refused", str(user.user_id))
        await audit(deps, tx, user.tenant_id, entry, after={"tries_this_hour": tries})


def _is_audited(tries: int) -> bool:
    return str(tries).strip("0") == "1"


async def recent(
    deps: Deps, caller: Principal
) -> tuple[Sequence[Session], Sequence[RefusedSignIns]]:
    """(the caller's last sign-ins, the refused tries of the last 30 days)."""
    user_id = UUID(caller.subject)
    async with deps.db.read(caller.tenant) as tx:
        return (
            await repo.sign_ins(tx, caller.tenant, user_id, deps.clock.now()),
            await repo.refused(tx, caller.tenant, user_id),
        )
