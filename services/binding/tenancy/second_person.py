"""The second person of a decision: an account of their own, with the power, and not so new, or so
newly reset, that the first one may be behind it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.deps import Deps
from services.binding.models import User
from services.binding.tenancy import repo
from services.binding.tenancy.permissions import of_role
from services.binding.tenancy.rules import NotYetApprover


async def locked(tx: AsyncSession, tenant_id: UUID, user_id: UUID, permission: str) -> User:
    """The account of whoever decides, held until this is decided: enabled, and of a role that holds
    the permission. Otherwise NotYetApprover."""
    user = await repo.user_for_update(tx, tenant_id, user_id)
    if user is None or not user.is_enabled or permission not in of_role(user.role):
        raise NotYetApprover
    return user


def require_settled(deps: Deps, user: User | None) -> None:
    """For the account of whoever asks, too: who made, lifted or reset it could ask as that person
    and approve as himself. Raises NotYetApprover, which says from when on."""
    since = user.may_approve_from if user is not None else None
    if since is not None and deps.clock.now() < since:
        raise NotYetApprover(may_approve_from=since.isoformat())
