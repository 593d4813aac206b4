"""The queries of the operators' list of merchants. They read many tenants, so all need system
scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import App, Merchant, Store, User
from services.binding.queries import count
from services.binding.sign_in.models import PasswordLink
from services.binding.tenancy.rules import Role


@dataclass(frozen=True, slots=True)
class MerchantFilter:
    """Filters of the list: a part of the name, handle or id; only these ids, if any are given."""

    q: str | None = None
    ids: Sequence[UUID] = ()
    is_suspended: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.q:
            conditions.append(
                or_(
                    Merchant.name.icontains(self.q, autoescape=True),
                    Merchant.handle.icontains(self.q, autoescape=True),
                    cast(Merchant.tenant_id, Text).icontains(self.q, autoescape=True),
                )
            )
        if self.ids:
            conditions.append(Merchant.tenant_id.in_(self.ids))
        if self.is_suspended is not None:
            conditions.append(Merchant.suspended_at.is_not(None) == self.is_suspended)
        return conditions


async def merchants(
    tx: AsyncSession, wanted: MerchantFilter, *, page: int, page_size: int
) -> tuple[Sequence[Merchant], int]:
    """One page, newest first, and how many there are in all."""
    conditions = wanted.conditions()
    query = (
        select(Merchant).where(*conditions).order_by(Merchant.created_at.desc(), Merchant.tenant_id)
    )
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    total = await tx.scalar(select(func.count()).select_from(Merchant).where(*conditions))
    return rows.all(), total or 0


async def names_shared(tx: AsyncSession, names: Sequence[str]) -> Mapping[str, int]:
    """How many merchants have each name, by the name in lower case."""
    lower = func.lower(Merchant.name)
    query = select(lower, func.count()).where(lower.in_([name.lower() for name in names]))
    rows = await tx.execute(query.group_by(lower))
    return {row[0]: row[1] for row in rows}


async def newest_apps(tx: AsyncSession, tenants: Sequence[UUID]) -> Mapping[UUID, App]:
    query = select(App).where(App.tenant_id.in_(tenants)).order_by(App.created_at)
    # Of a merchant's several apps the newest one stays in the mapping.
    return {app.tenant_id: app for app in await tx.scalars(query)}


async def owners(
    tx: AsyncSession, tenant_id: UUID, now: datetime
) -> Sequence[tuple[User, datetime | None]]:
    """(owner, until when an unused one-time link is valid), the oldest account first."""
    waits = (
        select(func.max(PasswordLink.expires_at))
        .where(
            PasswordLink.tenant_id == User.tenant_id,
            PasswordLink.user_id == User.user_id,
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > now,
        )
        .scalar_subquery()
    )
    query = select(User, waits).where(
        User.tenant_id == tenant_id, User.role == Role.MERCHANT_OWNER.value
    )
    rows = await tx.execute(query.order_by(User.created_at, User.user_id))
    return [(user, until) for user, until in rows]


async def size(tx: AsyncSession, tenant_id: UUID) -> tuple[int, int, int]:
    """(stores, staff, apps) of a merchant."""
    return (
        await count(tx, Store, Store.tenant_id == tenant_id),
        await count(tx, User, User.tenant_id == tenant_id),
        await count(tx, App, App.tenant_id == tenant_id),
    )
