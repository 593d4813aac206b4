"""Queries that several rooms use: named locks, counts, last uses, data keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from services.binding.models import DataKey


async def lock(tx: AsyncSession, name: str) -> None:
    """Locks a name, over all tenants, until the transaction ends. Unique constraints contain the
    tenant, so whatever must be unique among all tenants is checked under this lock."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:n, 0))"), {"n": name})


def was_used_before(
    column: InstrumentedAttribute[datetime | None], at: datetime
) -> ColumnElement[bool]:
    """A condition for updates of a last use: it only moves forward."""
    return or_(column.is_(None), column < at)


async def data_key(tx: AsyncSession, tenant_id: UUID, purpose: str, kek_id: str) -> bytes | None:
    row = await tx.get(DataKey, (tenant_id, purpose, kek_id))
    return row.wrapped if row else None


async def put_data_key(tx: AsyncSession, key: DataKey) -> bytes:
    """Stores the key unless there is one already; returns the wrapped key that is stored."""
    values = {column.key: getattr(key, column.key) for column in DataKey.__table__.columns}
    await tx.execute(insert(DataKey).values(**values).on_conflict_do_nothing())
    query = select(DataKey.wrapped).where(
        DataKey.tenant_id == key.tenant_id,
        DataKey.purpose == key.purpose,
        DataKey.kek_id == key.kek_id,
    )
    return (await tx.scalars(query)).one()


async def count(tx: AsyncSession, model: Any, *where: ColumnElement[bool]) -> int:
    return await tx.scalar(select(func.count()).select_from(model).where(*where)) or 0
