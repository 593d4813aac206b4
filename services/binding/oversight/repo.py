"""The queries of the operators' list of merchants: of many merchants, so all in system scope."""

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
class Wanted:
    """Which merchants: what their name, handle or id holds, and only these ids if any."""

    q: str | None = None
    ids: Sequence[UUID] = ()
    is_suspended: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.q:
            found.append(
                or_(
                    Merchant.name.icontains(self.q, autoescape=True),
                    Merchant.handle.icontains(self.q, autoescape=True),
                    cast(Merchant.tenant_id, Text).icontains(self.q, autoescape=True),
                )
            )
        if self.ids:
            found.append(Merchant.tenant_id.in_(self.ids))
        if self.is_suspended is not None:
            found.append(Merchant.suspended_at.is_not(None) == self.is_suspended)
        return found


async def merchants(
    tx: AsyncSession, wanted: Wanted, *, page: int, page_size: int
) -> tuple[Sequence[Merchant], int]:
    """One page, newest first, and how many there are in all."""
    those = wanted.conditions()
    query = select(Merchant).where(*those).order_by(Merchant.created_at.desc(), Merchant.tenant_id)
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    total = await tx.scalar(select(func.count()).select_from(Merchant).where(*those))
    return rows.all(), total or 0


async def names_shared(tx: AsyncSession, names: Sequence[str]) -> Mapping[str, int]:
    """How many merchants are called so, by the name in lower case."""
    name = func.lower(Merchant.name)
    query = select(name, func.count()).where(name.in_([one.lower() for one in names]))
    rows = await tx.execute(query.group_by(name))
    return {row[0]: row[1] for row in rows}


async def newest_apps(tx: AsyncSession, tenants: Sequence[UUID]) -> Mapping[UUID, App]:
    query = select(App).where(App.tenant_id.in_(tenants)).order_by(App.created_at)
    # Of several of one merchant the last one stays.
    return {app.tenant_id: app for app in await tx.scalars(query)}


async def owners(
    tx: AsyncSession, tenant_id: UUID, now: datetime
) -> Sequence[tuple[User, datetime | None]]:
    """(owner, until when a one-time link waits to be used), the first one first."""
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
