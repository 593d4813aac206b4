"""What is kept of sign-ins and step-ups that were refused: a count for the person to see, and at
the 1st, 10th, 100th ... try of an hour an entry of the audit log: a flood does not flood the chain.

Of a login that nobody has nothing is kept, at the same cost: the same statements are sent and taken
back within a transaction that commits. Else the time of an answer would tell who there is.
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

Where = tuple[str, str]
"""(address, user agent)"""

sign_ins = Counter("binding_sign_ins_total", "Tries to sign in", ["outcome"])


async def keep(deps: Deps, user: User | None, where: Where, outcome: str) -> None:
    """A refused sign-in; `user`: whose login it was, None: nobody's."""
    sign_ins.labels(outcome if user is not None else "unknown").inc()
    now, nobody = deps.clock.now(), uuid7(deps.clock)
    tenant_id, user_id = (user.tenant_id, user.user_id) if user is not None else (nobody, nobody)
    async with deps.db.tx(None) as tx:
        async with _part(tx, is_kept=user is not None):
            tries = await repo.note_refused(tx, tenant_id, user_id, now, where)
        is_told = user is not None and _is_told(tries)
        async with _part(tx, is_kept=is_told):
            # What is not told must not wait for, or hold up, the chain of a merchant.
            what = ("sign-in", "session.refused", str(user_id))
            chain = tenant_id if is_told else nobody
            await audit(deps, tx, chain, what, after={"tries_this_hour": tries})


class _TakenBack(Exception):
    """Ends a part of a transaction that is not kept."""


@asynccontextmanager
async def _part(tx: AsyncSession, *, is_kept: bool) -> AsyncIterator[None]:
    """A part of the transaction that is kept, or taken back."""
    with suppress(_TakenBack):
        async with tx.begin_nested():
            yield
            if not is_kept:
                raise _TakenBack


async def note_step_up(deps: Deps, tx: AsyncSession, user: User, where: Where) -> None:
    """A refused step-up: by whoever is signed in as the person, under their name."""
    now = deps.clock.now()
    tries = await repo.note_refused(tx, user.tenant_id, user.user_id, now, where)
    if _is_told(tries):
        what = (f"user:{user.user_id}", "session.step_up_refused", str(user.user_id))
        await audit(deps, tx, user.tenant_id, what, after={"tries_this_hour": tries})


def _is_told(tries: int) -> bool:
    return str(tries).strip("0") == "1"


async def recent(
    deps: Deps, caller: Principal
) -> tuple[Sequence[Session], Sequence[RefusedSignIns]]:
    """One's own last sign-ins, and what was refused in the last 30 days."""
    user_id = UUID(caller.subject)
    async with deps.db.read(caller.tenant) as tx:
        return (
            await repo.sign_ins(tx, caller.tenant, user_id, deps.clock.now()),
            await repo.refused(tx, caller.tenant, user_id),
        )
