"""What an account has begun that is not done yet: links for others, changes that wait for a second
person, enrolment codes at the device service. It ends with the power it was begun with, and with
the password: whoever knew the former one may have begun it.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import AppChangeRequest, User
from services.binding.sign_in import repo
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import PasswordRenewed, RoleLeft

Waiting = Sequence[AppChangeRequest]
"""locked; to be withdrawn after whatever else the transaction locks"""
NOTHING: Waiting = ()


async def end_with_role(deps: Deps, tx: AsyncSession, user: User) -> Waiting:
    """For whoever is disabled or gets another role. Before the first entry of the log: using a link
    and deciding a change lock it last. System scope."""
    await repo.burn_links_made_by(tx, f"user:{user.user_id}", deps.clock.now())
    await outbox.add(tx, RoleLeft(**stamp(user.tenant_id, deps.clock), user_id=user.user_id))
    return await repo.changes_asked_by(tx, user.user_id)


async def end_with_password(deps: Deps, tx: AsyncSession, user: User) -> Waiting:
    """For an account that has a new password, whoever chose it, so that nobody who is thrown out
    by it comes back. Before the first entry of the log, as with the role. System scope."""
    maker, now = f"user:{user.user_id}", deps.clock.now()
    # The account's own link may be in use right here, and its maker wait for that one.
    await repo.burn_links_made_by(tx, maker, now, waits=False)
    await outbox.add(tx, PasswordRenewed(**stamp(user.tenant_id, deps.clock), user_id=user.user_id))
    return await repo.changes_asked_by(tx, user.user_id)


async def withdraw(deps: Deps, tx: AsyncSession, asked: Waiting, *, actor: str) -> None:
    """Rejects what waits, at whatever merchant, and erases its content."""
    for row in asked:
        row.state, row.content_box, row.decided_at = "rejected", None, deps.clock.now()
        after = {"change_id": str(row.change_id), "asked_by": str(row.asked_by)}
        what = (actor, f"{row.kind}.change_rejected", row.app_id or str(row.tenant_id))
        await audit(deps, tx, row.tenant_id, what, after=after)
