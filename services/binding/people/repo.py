"""The queries of staff and API keys; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import ApiKey, User
from services.binding.queries import count, was_used_before

# --- staff


async def staff(
    tx: AsyncSession, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[User], int]:
    in_tenant = User.tenant_id == tenant_id
    query = select(User).where(in_tenant).order_by(User.created_at, User.user_id)
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), await count(tx, User, in_tenant)


async def has_any_password(tx: AsyncSession, tenant_id: UUID) -> bool:
    """Whether anybody of the tenant has chosen a password, also somebody who is disabled now."""
    return await count(tx, User, User.tenant_id == tenant_id, User.password_hash != "") > 0


async def other_heads(tx: AsyncSession, user: User, role: str) -> int:
    """How many other accounts of the tenant with that role can sign in."""
    return await count(
        tx,
        User,
        User.tenant_id == user.tenant_id,
        User.role == role,
        User.is_enabled.is_(True),
        User.user_id != user.user_id,
    )


# --- API keys


async def api_keys(
    tx: AsyncSession, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[ApiKey], int]:
    in_tenant = ApiKey.tenant_id == tenant_id
    query = select(ApiKey).where(in_tenant).order_by(ApiKey.created_at.desc(), ApiKey.key_id)
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), await count(tx, ApiKey, in_tenant)


async def api_key_for_update(tx: AsyncSession, tenant_id: UUID, key_id: str) -> ApiKey | None:
    query = select(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.key_id == key_id)
    return await tx.scalar(query.with_for_update())


async def active_keys_of(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> Sequence[ApiKey]:
    """The valid keys that somebody created or took over; locked."""
    query = select(ApiKey).where(
        ApiKey.tenant_id == tenant_id, ApiKey.created_by == user_id, ApiKey.revoked_at.is_(None)
    )
    return (await tx.scalars(query.order_by(ApiKey.key_id).with_for_update())).all()


async def makers_without_permission(
    tx: AsyncSession, may: Sequence[str], limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """(tenant, person) of valid keys whose maker is disabled or has no role in `may`. System scope
    only."""
    query = (
        select(User.tenant_id, User.user_id)
        .join(ApiKey, and_(ApiKey.tenant_id == User.tenant_id, ApiKey.created_by == User.user_id))
        .where(ApiKey.revoked_at.is_(None), or_(User.is_enabled.is_(False), User.role.not_in(may)))
    )
    rows = await tx.execute(query.distinct().order_by(User.tenant_id, User.user_id).limit(limit))
    return [(tenant_id, user_id) for tenant_id, user_id in rows]


async def api_key_by_id(tx: AsyncSession, key_id: str) -> ApiKey | None:
    """System scope only: the caller does not know the tenant yet."""
    return await tx.scalar(select(ApiKey).where(ApiKey.key_id == key_id))


async def api_key_used(tx: AsyncSession, tenant_id: UUID, key_id: str, at: datetime) -> None:
    """Moves the last use forward; a later one stays."""
    await tx.execute(
        update(ApiKey)
        .where(
            ApiKey.tenant_id == tenant_id,
            ApiKey.key_id == key_id,
            was_used_before(ApiKey.last_used_at, at),
        )
        .values(last_used_at=at)
    )
