"""The queries of releases; the caller owns the transaction, except of the two statements that take
a `Database`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.device.releases.models import AppMessage, AppRelease, ReleaseTask
from shared.contracts.events.binding import ReleaseRequested
from shared.db import Database

LOOK = "look"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")

# --- requests

_PUT = """
INSERT INTO release_tasks (tenant_id, request_id, app_id, step, kind, content, received_at)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7) ON CONFLICT DO NOTHING
"""
_REPLACE = """
UPDATE release_tasks SET done_at = $5
WHERE tenant_id = $1 AND app_id = $2 AND step = $3 AND request_id <> $4
  AND kind = 'look' AND done_at IS NULL AND lease IS NULL
"""


async def put_tasks(
    pg: "asyncpg.Connection[Any]", events: Sequence[ReleaseRequested], now: datetime
) -> None:
    """Stores each request once, in the order of their arrival. A later request replaces a look (a
    requested check) that has not been started."""
    for event in events:
        content = orjson.dumps(event.model_dump(mode="json")).decode()
        name = event.tenant_id, event.request_id
        await pg.execute(_REPLACE, event.tenant_id, event.app_id, event.step, event.request_id, now)
        await pg.execute(_PUT, *name, event.app_id, event.step, event.kind, content, now)


_IS_TASK_FREE = """
SELECT 1 FROM release_tasks
WHERE done_at IS NULL AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1
"""
_IS_LOOK_DUE = "SELECT 1 FROM app_releases WHERE next_look_at <= $1 LIMIT 1"


async def is_task_free(db: Database, now: datetime) -> bool:
    """Whether there may be a task to claim. One statement: a session of the ORM would cost ten
    times as much, and a worker at rest asks all the time."""
    return await db.system.one(_IS_TASK_FREE, now) is not None


async def is_look_due(db: Database, now: datetime) -> bool:
    """Whether there may be a step to look at; one statement, too."""
    return await db.system.one(_IS_LOOK_DUE, now) is not None


async def claim_task(
    tx: AsyncSession, now: datetime, until: datetime, lease: UUID
) -> ReleaseTask | None:
    """The oldest free request without an earlier open one of the same step, leased until `until`.
    An earlier look delays other looks only. System scope."""
    earlier = aliased(ReleaseTask)
    is_next = ~(
        select(earlier.request_id)
        .where(
            earlier.tenant_id == ReleaseTask.tenant_id,
            earlier.app_id == ReleaseTask.app_id,
            earlier.step == ReleaseTask.step,
            earlier.done_at.is_(None),
            earlier.seq < ReleaseTask.seq,
            (earlier.kind != LOOK) | (ReleaseTask.kind == LOOK),
        )
        .exists()
    )
    name = ReleaseTask.tenant_id, ReleaseTask.request_id
    is_free = ReleaseTask.lease_until.is_(None) | (ReleaseTask.lease_until <= now)
    oldest = (
        select(*name)
        .where(ReleaseTask.done_at.is_(None), is_free, is_next)
        .order_by(ReleaseTask.seq)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(ReleaseTask)
        .where(tuple_(*name).in_(oldest))
        .values(lease=lease, lease_until=until)
        .returning(ReleaseTask)
        .execution_options(synchronize_session=False)
    )
    return (await tx.scalars(statement)).one_or_none()


async def hold_task(tx: AsyncSession, task: ReleaseTask, **changes: Any) -> bool:
    """Changes the request if its lease is still ours and it is not done; returns whether it did."""
    statement = (
        update(ReleaseTask)
        .where(
            ReleaseTask.tenant_id == task.tenant_id,
            ReleaseTask.request_id == task.request_id,
            ReleaseTask.lease == task.lease,
            ReleaseTask.done_at.is_(None),
        )
        .values(**changes)
        .returning(ReleaseTask.request_id)
        .execution_options(synchronize_session=False)
    )
    return await tx.scalar(statement) is not None


async def end_looks_before(tx: AsyncSession, task: ReleaseTask) -> None:
    """Ends the looks that were requested before this act: its result covers them."""
    await tx.execute(
        update(ReleaseTask)
        .where(
            ReleaseTask.tenant_id == task.tenant_id,
            ReleaseTask.app_id == task.app_id,
            ReleaseTask.step == task.step,
            ReleaseTask.kind == LOOK,
            ReleaseTask.seq < task.seq,
            ReleaseTask.done_at.is_(None),
        )
        .values(done_at=task.received_at)
        .execution_options(synchronize_session=False)
    )


# --- the states of steps

Name = tuple[UUID, str, str]
"""(tenant, app, step)"""


async def lock(tx: AsyncSession, name: Name) -> None:
    """Serialises the changes of one step, whether it is stored already or not."""
    await tx.execute(_LOCK, {"name": "release:{}:{}:{}".format(*name)})


async def release(tx: AsyncSession, name: Name) -> AppRelease | None:
    return await tx.get(AppRelease, name, populate_existing=True)


async def put(tx: AsyncSession, name: Name, values: Mapping[str, Any]) -> None:
    """Stores the step, with or without an existing row."""
    keys = dict(zip(("tenant_id", "app_id", "step"), name, strict=True))
    statement = insert(AppRelease).values(**keys, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=tuple(keys), set_=values))


async def forget(tx: AsyncSession, name: Name) -> None:
    await tx.execute(
        delete(AppRelease).where(
            tuple_(AppRelease.tenant_id, AppRelease.app_id, AppRelease.step) == name
        )
    )


async def claim_due(tx: AsyncSession, now: datetime, until: datetime) -> AppRelease | None:
    """A step whose check is due, leased until `until`; system scope."""
    name = AppRelease.tenant_id, AppRelease.app_id, AppRelease.step
    oldest = (
        select(*name)
        .where(AppRelease.next_look_at <= now)
        .order_by(AppRelease.next_look_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(AppRelease)
        .where(tuple_(*name).in_(oldest))
        .values(next_look_at=until)
        .returning(AppRelease)
        .execution_options(synchronize_session=False)
    )
    return (await tx.scalars(statement)).one_or_none()


async def look_at(
    tx: AsyncSession, tenant_id: UUID, app_id: str, at: datetime, step: str | None = None
) -> None:
    """Sets the next check of the app's steps that are checked automatically, or of that one
    step."""
    steps = update(AppRelease).where(
        AppRelease.tenant_id == tenant_id,
        AppRelease.app_id == app_id,
        AppRelease.next_look_at.is_not(None),
    )
    if step is not None:
        steps = steps.where(AppRelease.step == step)
    await tx.execute(steps.values(next_look_at=at))


# --- messages


async def put_message(tx: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Stores the message; False when it is stored already."""
    statement = insert(AppMessage).values(**values).on_conflict_do_nothing()
    return await tx.scalar(statement.returning(AppMessage.msg_id)) is not None
