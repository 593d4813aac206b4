"""The queries of merchants, stores and accounts; the caller owns the transaction."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import Merchant, Store, User
from services.binding.queries import count

# --- merchants, stores, people


async def merchant(tx: AsyncSession, tenant_id: UUID) -> Merchant | None:
    return await tx.get(Merchant, tenant_id)


async def merchant_for_update(tx: AsyncSession, tenant_id: UUID) -> Merchant | None:
    return await tx.scalar(
        select(Merchant).where(Merchant.tenant_id == tenant_id).with_for_update()
    )


async def merchant_kept(tx: AsyncSession, tenant_id: UUID) -> Merchant | None:
    """The merchant, share-locked: it does not change until this transaction ends."""
    found = select(Merchant).where(Merchant.tenant_id == tenant_id)
    return await tx.scalar(found.with_for_update(read=True))


async def store(tx: AsyncSession, tenant_id: UUID, store_id: UUID) -> Store | None:
    return await tx.get(Store, (tenant_id, store_id))


async def stores(
    tx: AsyncSession, tenant_id: UUID, *, page: int, page_size: int, only: Collection[UUID] = ()
) -> tuple[Sequence[Store], int]:
    in_tenant = Store.tenant_id == tenant_id
    if only:
        in_tenant = and_(in_tenant, Store.store_id.in_(only))
    query = select(Store).where(in_tenant).order_by(Store.created_at, Store.store_id)
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), await tx.scalar(
        select(func.count()).select_from(Store).where(in_tenant)
    ) or 0


async def store_by_name(tx: AsyncSession, tenant_id: UUID, name: str) -> Store | None:
    found = select(Store).where(Store.tenant_id == tenant_id, Store.name == name)
    return await tx.scalar(found)


async def user(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> User | None:
    return await tx.get(User, (tenant_id, user_id))


async def user_by_login(tx: AsyncSession, login_hash: str) -> User | None:
    return await tx.scalar(select(User).where(User.login_hash == login_hash))


async def merchant_by_handle(tx: AsyncSession, handle: str) -> UUID | None:
    """The tenant that has the handle. System scope only."""
    return await tx.scalar(select(Merchant.tenant_id).where(Merchant.handle == handle))


async def has_login_under(tx: AsyncSession, handle: str) -> bool:
    """Whether any login ends with the handle. System scope only."""
    found = select(User.user_id).where(User.login_handle == handle)
    return await tx.scalar(found.limit(1)) is not None


async def operator_tenant(tx: AsyncSession) -> UUID | None:
    """The operators' tenant, once there is one."""
    query = select(User.tenant_id).where(User.role.like("operator\\_%"))
    return await tx.scalar(query.order_by(User.created_at).limit(1))


async def user_for_update(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> User | None:
    query = select(User).where(User.tenant_id == tenant_id, User.user_id == user_id)
    return await tx.scalar(query.with_for_update())


async def known_stores(tx: AsyncSession, tenant_id: UUID, store_ids: Sequence[UUID]) -> int:
    return await count(tx, Store, Store.tenant_id == tenant_id, Store.store_id.in_(store_ids))


async def store_for_update(tx: AsyncSession, tenant_id: UUID, store_id: UUID) -> Store | None:
    query = select(Store).where(Store.tenant_id == tenant_id, Store.store_id == store_id)
    return await tx.scalar(query.with_for_update())
