"""Unfinished work of an account: links for others, changes that wait for a second person, enrolment
codes at the device service.

It ends with the permission that it was started with. It also ends with the password, because
somebody who knew the old one may have started it.
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
"""Changes that wait, locked. They are to be withdrawn after everything else that the transaction
locks."""
NOTHING: Waiting = ()


async def end_with_role(deps: Deps, tx: AsyncSession, user: User) -> Waiting:
    """Ends the unfinished work of a person who is disabled or gets another role. To be called
    before the first audit entry, because other transactions lock links and changes before the
    chain. System scope."""
    await repo.burn_links_made_by(tx, f"user:{user.user_id}", deps.clock.now())
    await outbox.add(tx, RoleLeft(**stamp(user.tenant_id, deps.clock), user_id=user.user_id))
    return await repo.changes_asked_by(tx, user.user_id)


async def end_with_password(deps: Deps, tx: AsyncSession, user: User) -> Waiting:
    """Ends the unfinished work of an account that has a new password, so that somebody who knew the
    old one cannot come back. To be called before the first audit entry, as with the role. System
    scope."""
    maker, now = f"user:{user.user_id}", deps.clock.now()
    # This transaction may be using the account's own link, whose maker may be waiting for it.
    await repo.burn_links_made_by(tx, maker, now, waits=False)
    await outbox.add(tx, PasswordRenewed(**stamp(user.tenant_id, deps.clock), user_id=user.user_id))
    return await repo.changes_asked_by(tx, user.user_id)


async def withdraw(deps: Deps, tx: AsyncSession, waiting: Waiting, *, actor: str) -> None:
    """Rejects these changes, at any merchant, and erases their content."""
    for row in waiting:
        row.state, row.content_box, row.decided_at = "rejected", None, deps.clock.now()
        after = {"change_id": str(row.change_id), "asked_by": str(row.asked_by)}
        entry = (actor, f"{row.kind}.change_rejected", row.app_id or str(row.tenant_id))
        await audit(deps, tx, row.tenant_id, entry, after=after)
