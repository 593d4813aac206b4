"""The queries of app-gateway messages; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import AppMessage


async def put(tx: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Stores it; False when it is there already."""
    statement = insert(AppMessage).values(**values).on_conflict_do_nothing()
    return await tx.scalar(statement.returning(AppMessage.msg_id)) is not None


async def oldest(
    tx: AsyncSession, methods: Sequence[str], without: set[tuple[UUID, str, str]]
) -> AppMessage | None:
    """The message of one of these methods that waits longest, locked; not one of `without`."""
    name = tuple_(AppMessage.tenant_id, AppMessage.app_id, AppMessage.msg_id)
    query = select(AppMessage).where(
        AppMessage.handled_at.is_(None), AppMessage.msg_method.in_(methods)
    )
    if without:
        query = query.where(name.not_in(without))
    query = query.order_by(AppMessage.received_at).limit(1)
    return await tx.scalar(query.with_for_update(skip_locked=True))
