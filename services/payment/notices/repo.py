"""Ordinary queries of the notify inbox; the caller opens the transaction and chooses its scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.payment.models import NoticeRow, RefusalRow, ReplayRow
from shared.db import Database

NOTICES_KEPT_DAYS = 90
REFUSALS_KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices; None means all. `after` is the last row of the previous page, `before` the
    first row of the next page."""

    state: str | None = None
    reason: str | None = None
    merchant_id: UUID | None = None
    app_id: str | None = None
    out_trade_no: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, str] | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Refusal:
    """The edge's refusals for one reason since its last report: their number, and the last."""

    tenant_id: UUID
    app_id: str
    reason: str
    refused: int
    first_at: datetime
    last_at: datetime
    client: str
    out_trade_no: str
    body: bytes


_ADD = """
INSERT INTO notify_refusals AS r (tenant_id, app_id, reason, hour, refused, first_at, last_at,
  last_client, last_out_trade_no, last_body)
SELECT t, a, w, date_trunc('hour', l, 'UTC'), n, f, l, c, o, b
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[],
  $6::timestamptz[], $7::text[], $8::text[], $9::bytea[]) AS incoming(t, a, w, n, f, l, c, o, b)
ORDER BY t, a, w
ON CONFLICT (hour, reason, app_id, tenant_id) DO UPDATE SET
  refused = r.refused + excluded.refused,
  first_at = least(r.first_at, excluded.first_at),
  last_at = greatest(r.last_at, excluded.last_at),
  last_client = excluded.last_client,
  last_out_trade_no = excluded.last_out_trade_no,
  last_body = excluded.last_body
"""


async def add_refusals(pg: "asyncpg.Connection[Any]", refusals: Sequence[Refusal]) -> None:
    """Adds to one row per hour, app and reason. A report of the edge has each app and reason
    once."""
    last = {(row.tenant_id, row.app_id, row.reason): row for row in refusals}.values()
    columns = zip(
        *(
            (
                row.tenant_id, row.app_id, row.reason, row.refused, row.first_at, row.last_at,
                row.client, row.out_trade_no, row.body,
            )
            for row in last
        ),
        strict=True,
    )  # fmt: skip
    await pg.execute(_ADD, *(list(column) for column in columns))


async def notices(tx: AsyncSession, wanted: NoticeFilter) -> list[NoticeRow]:
    """One page, newest first: the rows next to `after` or `before`."""
    statement = select(NoticeRow)
    for column, value in (
        (NoticeRow.state, wanted.state),
        (NoticeRow.tenant_id, wanted.merchant_id),
        (NoticeRow.app_id, wanted.app_id),
        (NoticeRow.out_trade_no, wanted.out_trade_no),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.reason is not None:
        reasons = (NoticeRow.detail, NoticeRow.last_detail)
        statement = statement.where((reasons[0] == wanted.reason) | (reasons[1] == wanted.reason))
    if wanted.since is not None:
        statement = statement.where(NoticeRow.received_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(NoticeRow.received_at < wanted.until)
    position = (NoticeRow.received_at, NoticeRow.notify_id)
    statement = statement.limit(wanted.limit)
    if wanted.before is not None:
        statement = statement.where(tuple_(*position) > wanted.before).order_by(*position)
        return list((await tx.execute(statement)).scalars())[::-1]
    if wanted.after is not None:
        statement = statement.where(tuple_(*position) < wanted.after)
    statement = statement.order_by(*(column.desc() for column in position))
    return list((await tx.execute(statement)).scalars())


async def notice(
    tx: AsyncSession, tenant_id: UUID, app_id: str, notify_id: str
) -> NoticeRow | None:
    statement = select(NoticeRow).where(
        NoticeRow.tenant_id == tenant_id,
        NoticeRow.app_id == app_id,
        NoticeRow.notify_id == notify_id,
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def replays(tx: AsyncSession, row: NoticeRow) -> list[ReplayRow]:
    statement = (
        select(ReplayRow)
        .where(
            ReplayRow.tenant_id == row.tenant_id,
            ReplayRow.app_id == row.app_id,
            ReplayRow.notify_id == row.notify_id,
        )
        .order_by(ReplayRow.replayed_at)
    )
    return list((await tx.execute(statement)).scalars())


_REPLAY = text("SELECT * FROM notice_replay(:tenant, :app, :notice, :replay, :actor, :request)")


async def replay(
    tx: AsyncSession,
    name: tuple[UUID, str, str],
    replay_id: UUID,
    actor: str,
    request_id: str | None,
) -> NoticeRow | None:
    """notice_replay (store.sql); `name` is (tenant_id, app_id, notify_id)."""
    tenant_id, app_id, notify_id = name
    values = {"tenant": tenant_id, "app": app_id, "notice": notify_id, "replay": replay_id}
    statement = select(NoticeRow).from_statement(
        _REPLAY.bindparams(**values, actor=actor, request=request_id)
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def refusals(tx: AsyncSession, since: datetime | None, limit: int) -> list[RefusalRow]:
    statement = select(RefusalRow).order_by(RefusalRow.last_at.desc()).limit(limit)
    if since is not None:
        statement = statement.where(RefusalRow.hour >= since)
    return list((await tx.execute(statement)).scalars())


async def purge(db: Database) -> None:
    """Deletes old settled notices, and old tallies of refusals."""
    settled = "state <> 'RECEIVED' AND received_at < now() - make_interval(days => $1)"
    await db.purge("notify_inbox", settled, NOTICES_KEPT_DAYS)
    hours = "hour < now() - make_interval(days => $1)"
    await db.purge("notify_refusals", hours, REFUSALS_KEPT_DAYS)
