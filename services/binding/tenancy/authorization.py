"""Checks a permission again at the moment in which it is used.

A token is up to a minute old. What is created with it and lasts (an API key, a link for somebody
else, a change that waits) must not outlast the permission of its maker. people.staff ends both
under one lock, and every transaction that creates such a thing takes the same lock.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.tenancy import repo
from services.binding.tenancy.permissions import of_role
from services.binding.tenancy.rules import MerchantIsSuspended
from shared.errors import Forbidden


async def lock_people(tx: AsyncSession, tenant_id: UUID) -> None:
    """Until this transaction ends, no permissions in that tenant change."""
    await queries.lock(tx, f"people:{tenant_id}")


async def require_open(tx: AsyncSession, tenant_id: UUID) -> None:
    """Raises MerchantIsSuspended for a suspended merchant; that does not change until this
    transaction ends. The operators' own tenant always passes."""
    merchant = await repo.merchant_kept(tx, tenant_id)
    if merchant is not None and merchant.suspended_at is not None:
        raise MerchantIsSuspended


async def require(tx: AsyncSession, tenant_id: UUID, user_id: UUID, *one_of: str) -> None:
    """Forbidden unless that person of that tenant still has one of these permissions. Takes
    lock_people, which has to be the first lock of the transaction."""
    await lock_people(tx, tenant_id)
    user = await repo.user(tx, tenant_id, user_id)
    if user is None or not user.is_enabled or of_role(user.role).isdisjoint(one_of):
        raise Forbidden
