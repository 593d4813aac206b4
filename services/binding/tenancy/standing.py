"""Whether a power still stands at the moment in which it is used.

A token is up to a minute old. What is written under it and goes on by itself (an API key, a link
for somebody else, a change that waits) must not outlive the power of whoever made it: people.staff
takes both away under one lock, and whoever makes such a thing holds the same lock.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.tenancy import repo
from services.binding.tenancy.permissions import of_role
from services.binding.tenancy.rules import MerchantSuspended
from shared.errors import Forbidden


async def lock_people(tx: AsyncSession, tenant_id: UUID) -> None:
    """Nobody's powers in that organisation change until this transaction ends."""
    await queries.lock(tx, f"people:{tenant_id}")


async def require_open(tx: AsyncSession, tenant_id: UUID) -> None:
    """MerchantSuspended for one that is; it stays as it is until this transaction ends. For the
    operators' own organisation nothing."""
    merchant = await repo.merchant_kept(tx, tenant_id)
    if merchant is not None and merchant.suspended_at is not None:
        raise MerchantSuspended


async def require(tx: AsyncSession, tenant_id: UUID, user_id: UUID, *one_of: str) -> None:
    """Forbidden unless that person of that organisation still has one of these permissions. Takes
    lock_people, which comes before every other lock of the transaction."""
    await lock_people(tx, tenant_id)
    user = await repo.user(tx, tenant_id, user_id)
    if user is None or not user.is_enabled or of_role(user.role).isdisjoint(one_of):
        raise Forbidden
