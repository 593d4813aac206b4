"""The queries of changes that wait for a second person; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import AppChangeRequest
from services.binding.queries import count

BATCH = 100
_WAITS = AppChangeRequest.state == "waiting"


def _is_over(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _WAITS, AppChangeRequest.expires_at <= now


async def waiting(tx: AsyncSession, tenant_id: UUID) -> int:
    """How many changes of that merchant wait."""
    return await count(tx, AppChangeRequest, AppChangeRequest.tenant_id == tenant_id, _WAITS)


async def changes(tx: AsyncSession, tenant_id: UUID, limit: int) -> Sequence[AppChangeRequest]:
    """Changes that wait, then decided ones, each newest first."""
    query = (
        select(AppChangeRequest)
        .where(AppChangeRequest.tenant_id == tenant_id)
        .order_by(_WAITS.desc(), AppChangeRequest.asked_at.desc())
        .limit(limit)
    )
    return (await tx.scalars(query)).all()


async def change(
    tx: AsyncSession, tenant_id: UUID, change_id: UUID, *, is_locked: bool
) -> AppChangeRequest | None:
    query = select(AppChangeRequest).where(
        AppChangeRequest.tenant_id == tenant_id, AppChangeRequest.change_id == change_id
    )
    return await tx.scalar(query.with_for_update() if is_locked else query)


async def tenants_with_overdue(tx: AsyncSession, now: datetime) -> Sequence[UUID]:
    """The tenants with expired changes that still wait. System scope."""
    tenants = select(AppChangeRequest.tenant_id).where(*_is_over(now)).distinct()
    return (await tx.scalars(tenants.order_by(AppChangeRequest.tenant_id).limit(BATCH))).all()


async def overdue(tx: AsyncSession, tenant_id: UUID, now: datetime) -> Sequence[AppChangeRequest]:
    """A tenant's expired changes that still wait; locked, without those that are locked already."""
    query = select(AppChangeRequest).where(AppChangeRequest.tenant_id == tenant_id, *_is_over(now))
    return (await tx.scalars(query.limit(BATCH).with_for_update(skip_locked=True))).all()
