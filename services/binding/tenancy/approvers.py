"""Checks the second person of a decision: another account, with the permission. It must not be so
new, or so recently reset, that the first person could control it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.deps import Deps
from services.binding.models import User
from services.binding.tenancy import repo
from services.binding.tenancy.permissions import of_role
from services.binding.tenancy.rules import NotYetApprover


async def locked(tx: AsyncSession, tenant_id: UUID, user_id: UUID, permission: str) -> User:
    """The approver's account, locked until the transaction ends. NotYetApprover unless it is
    enabled and its role has the permission."""
    user = await repo.user_for_update(tx, tenant_id, user_id)
    if user is None or not user.is_enabled or permission not in of_role(user.role):
        raise NotYetApprover
    return user


def require_settled(deps: Deps, user: User | None) -> None:
    """Raises NotYetApprover, with the time from which the account may approve. To be called for the
    requester's account, too: whoever created, promoted or reset it could make the request with it
    and approve with the own account."""
    since = user.may_approve_from if user is not None else None
    if since is not None and deps.clock.now() < since:
        raise NotYetApprover(may_approve_from=since.isoformat())
