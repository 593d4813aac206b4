"""Queries that several rooms use: named locks, counts, last uses."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute


async def lock(tx: AsyncSession, name: str) -> None:
    """Locks a name, over all tenants, until the transaction ends. Unique constraints contain the
    tenant, so whatever must be unique among all tenants is checked under this lock."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:n, 0))"), {"n": name})


def was_used_before(
    column: InstrumentedAttribute[datetime | None], at: datetime
) -> ColumnElement[bool]:
    """A condition for updates of a last use: it only moves forward."""
    return or_(column.is_(None), column < at)


async def count(tx: AsyncSession, model: Any, *where: ColumnElement[bool]) -> int:
    return await tx.scalar(select(func.count()).select_from(model).where(*where)) or 0
