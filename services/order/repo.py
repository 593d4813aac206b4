"""Batch statements for events, and the queries of the list, the detail and the dashboard. The query
of devices' last payments is in devices_repo."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, Date, and_, cast, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.order.domain import Outcome
from services.order.models import Order, OrderEvent, Store
from shared.contracts.instants import BEIJING_OFFSET
from shared.db import Database

Pg: TypeAlias = "asyncpg.Connection[Any]"


class OrderFact(NamedTuple):
    """One fact about one payment. Its members are the columns of the batch statements, in their
    order."""

    tenant_id: UUID
    payment_id: UUID
    event_id: UUID
    kind: str
    at: datetime
    data: str
    outcome: int
    day: str
    sub_type: str
    channel: str
    total_fen: int
    payable_fen: int
    refunded_fen: int
    store_id: UUID
    device_id: UUID | None
    out_trade_no: str
    trade_no: str | None
    buyer_id: str | None
    buyer_logon_id: str | None
    subject: str
    ordered_at: datetime


# The outcomes are numbers of domain.Outcome: 2 and 3 were paid at `at`, 1 and 4 were closed at it.
_INCOMING = f"""
WITH incoming AS (
  SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[],
    $7::smallint[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::uuid[], $15::uuid[], $16::text[], $17::text[], $18::text[], $19::text[],
    $20::text[], $21::timestamptz[]
  ) AS i({", ".join(OrderFact._fields)})
)
"""  # noqa: S608 (constants only)

# Creates the orders of new payments, with the first entry of their timelines. A conflict means
# that the payment has an order already (the fact is merged next), or that the order number is taken
# (the next try gets another one).
_OPENED = """
, opened AS (
  INSERT INTO orders (
    tenant_id, order_id, payment_id, order_no, order_type, sub_type, outcome, pay_method, channel,
    total_fen, payable_fen, refunded_fen, store_id, device_id, out_trade_no, trade_no, buyer_id,
    buyer_logon_id, subject, source_terminal, ordered_at, paid_at, closed_at)
  SELECT tenant_id, event_id, payment_id, next_order_no('D', day), 'face_pay', sub_type, outcome,
         'online', channel, total_fen, payable_fen, refunded_fen, store_id, device_id,
         out_trade_no, trade_no, buyer_id, buyer_logon_id, subject,
         CASE WHEN device_id IS NULL THEN 'api' ELSE 'device' END, ordered_at,
         CASE WHEN outcome IN (2, 3) THEN at END, CASE WHEN outcome IN (1, 4) THEN at END
  FROM incoming {claimed}
  ON CONFLICT DO NOTHING
  RETURNING tenant_id, order_id
), timeline AS (
  INSERT INTO order_events (tenant_id, order_id, event_id, kind, at, data)
  SELECT tenant_id, event_id, event_id, kind, at, data::jsonb
  FROM incoming WHERE event_id IN (SELECT order_id FROM opened)
)
"""
_OPEN = _INCOMING + _OPENED.format(claimed="") + "SELECT order_id FROM opened"  # noqa: S608
_OPEN_AT_ONCE = (
    _INCOMING  # noqa: S608 (constants only)
    + _OPENED.format(claimed="WHERE (SELECT claim_all($22, $1, $3))")
    + "SELECT require_all(count(*), $3) FROM opened"
)

# Merges facts into existing orders: the strongest outcome, the largest refund, the earliest of each
# time. Returns the events whose order exists. All rows are locked in the order of their keys before
# any is changed. An UPDATE alone would lock them in the order of its plan, and two workers with the
# same events could deadlock.
_MERGE = (
    _INCOMING  # noqa: S608 (constants only)
    + """
, facts AS (
  SELECT tenant_id, payment_id, max(outcome) AS outcome, max(refunded_fen) AS refunded_fen,
         max(trade_no) AS trade_no, max(buyer_id) AS buyer_id,
         max(buyer_logon_id) AS buyer_logon_id,
         min(at) FILTER (WHERE outcome IN (2, 3)) AS paid_at,
         min(at) FILTER (WHERE outcome IN (1, 4)) AS closed_at
  FROM incoming GROUP BY tenant_id, payment_id
), locked AS MATERIALIZED (
  SELECT o.tenant_id, o.payment_id
  FROM orders o JOIN facts f ON o.tenant_id = f.tenant_id AND o.payment_id = f.payment_id
  ORDER BY o.tenant_id, o.payment_id FOR UPDATE OF o
), merged AS (
  UPDATE orders o SET
    outcome = greatest(o.outcome, f.outcome),
    refunded_fen = greatest(o.refunded_fen, f.refunded_fen),
    trade_no = coalesce(o.trade_no, f.trade_no),
    buyer_id = coalesce(o.buyer_id, f.buyer_id),
    buyer_logon_id = coalesce(o.buyer_logon_id, f.buyer_logon_id),
    paid_at = least(o.paid_at, f.paid_at),
    closed_at = least(o.closed_at, f.closed_at)
  FROM facts f JOIN locked l ON l.tenant_id = f.tenant_id AND l.payment_id = f.payment_id
  WHERE o.tenant_id = f.tenant_id AND o.payment_id = f.payment_id
  RETURNING o.tenant_id, o.payment_id, o.order_id
), timeline AS (
  INSERT INTO order_events (tenant_id, order_id, event_id, kind, at, data)
  SELECT i.tenant_id, m.order_id, i.event_id, i.kind, i.at, i.data::jsonb
  FROM incoming i JOIN merged m ON m.tenant_id = i.tenant_id AND m.payment_id = i.payment_id
  ON CONFLICT DO NOTHING
)
SELECT i.event_id
FROM incoming i JOIN merged m ON m.tenant_id = i.tenant_id AND m.payment_id = i.payment_id
"""
)

_NAME_STORES = """
INSERT INTO stores (tenant_id, store_id, event_id, name, said_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, store_id) DO UPDATE SET event_id = excluded.event_id,
  name = CASE WHEN stores.said_at <= excluded.said_at THEN excluded.name ELSE stores.name END,
  said_at = greatest(stores.said_at, excluded.said_at),
  earlier_event_ids = stores.earlier_event_ids || stores.event_id
"""


async def open_orders(pg: Pg, facts: Sequence[OrderFact]) -> set[UUID]:
    """The ids of the events that created an order."""
    return {row["order_id"] for row in await pg.fetch(_OPEN, *zip(*facts, strict=True))}


async def open_at_once(db: Database, inbox_key: str, facts: Sequence[OrderFact]) -> bool:
    """Claims the events and creates an order for each. False, and nothing is changed, unless all
    were new and none of their payments had an order."""
    try:
        await db.many(_OPEN_AT_ONCE, *zip(*facts, strict=True), inbox_key)
    except asyncpg.CardinalityViolationError:
        return False
    return True


async def merge_facts(pg: Pg, facts: Sequence[OrderFact]) -> set[UUID]:
    """The ids of the events whose order exists already."""
    return {row["event_id"] for row in await pg.fetch(_MERGE, *zip(*facts, strict=True))}


async def name_stores(pg: Pg, rows: Sequence[tuple[UUID, UUID, UUID, str, datetime]]) -> None:
    """Rows of (tenant, store, event, name, time). The newest name is stored, in whatever order they
    come."""
    await pg.executemany(_NAME_STORES, rows)


class Position(NamedTuple):
    """The position of an order in the list, which is newest first. Neither member ever changes."""

    ordered_at: datetime
    order_id: UUID


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Filters: exact values by column, a span of time, and the beginning or end of a number."""

    exact: dict[str, Any]
    since: datetime | None = None
    until: datetime | None = None
    number: str | None = None
    needs_check: bool | None = None
    """whether somebody should check it: its end is unknown, or it was paid after closing"""
    stores: frozenset[UUID] = frozenset()
    """only orders of these stores; empty: of all"""


TAIL = 4
"""The number of last characters of a number that are indexed (migration number_tails). A shorter
text is only searched at the beginning of numbers."""

_TAKEN = Order.outcome.in_((Outcome.PAID, Outcome.LATE))
_ENDED_UNPAID = Order.outcome.in_((Outcome.CANCELLED, Outcome.REVERSED))
_NEEDS_CHECK = Order.outcome.in_((Outcome.UNKNOWN, Outcome.LATE))


def _begins(column: Any, prefix: str) -> ColumnElement[bool]:
    """A range condition, which can use the column's index with a parameter, too; LIKE cannot."""
    return and_(column >= prefix, column < prefix[:-1] + chr(ord(prefix[-1]) + 1))


def _ends(column: Any, tail: Any, text: str) -> ColumnElement[bool]:
    """The index of tails finds a few rows; of these a text longer than TAIL is compared in full."""
    found: ColumnElement[bool] = tail == text[-TAIL:]
    return found if len(text) == TAIL else and_(found, func.right(column, len(text)) == text)


def _has_number(text: str) -> ColumnElement[bool]:
    capitals = text.upper()
    found = [
        _begins(Order.order_no, capitals),
        _begins(Order.out_trade_no, capitals),
        _begins(Order.trade_no, text),
    ]
    if len(text) >= TAIL:
        found += [
            _ends(Order.order_no, Order.order_no_tail, capitals),
            _ends(Order.out_trade_no, Order.out_trade_no_tail, capitals),
            _ends(Order.trade_no, Order.trade_no_tail, text),
        ]
    return or_(*found)


def _conditions(tenant_id: UUID, wanted: OrderQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Order.tenant_id == tenant_id]
    conditions += [getattr(Order, name) == value for name, value in wanted.exact.items()]
    if wanted.since is not None:
        conditions.append(Order.ordered_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Order.ordered_at < wanted.until)
    if wanted.stores:
        conditions.append(Order.store_id.in_(wanted.stores))
    if wanted.needs_check is not None:
        conditions.append(_NEEDS_CHECK if wanted.needs_check else ~_NEEDS_CHECK)
    if wanted.number:
        conditions.append(_has_number(wanted.number))
    return conditions


async def count_orders(session: AsyncSession, tenant_id: UUID, wanted: OrderQuery) -> int:
    found = await session.scalar(
        select(func.count()).select_from(Order).where(*_conditions(tenant_id, wanted))
    )
    return found or 0


def _with_store_names() -> Any:
    return select(Order, Store.name).outerjoin(
        Store, and_(Store.tenant_id == Order.tenant_id, Store.store_id == Order.store_id)
    )


async def list_orders(
    session: AsyncSession, tenant_id: UUID, wanted: OrderQuery, *, limit: int, offset: int = 0
) -> list[tuple[Order, str | None]]:
    """Newest first, each with its store's name."""
    found = await session.execute(
        _with_store_names()
        .where(*_conditions(tenant_id, wanted))
        .order_by(Order.ordered_at.desc(), Order.order_id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [(order, name) for order, name in found]


async def orders_from_position(
    session: AsyncSession,
    tenant_id: UUID,
    wanted: OrderQuery,
    position: Position,
    *,
    limit: int,
    is_older: bool,
) -> list[tuple[Order, str | None]]:
    """The orders older or newer than a position, the nearest first. Walking on by positions returns
    no order twice and misses none that existed at the start, even when orders are added."""
    own = tuple_(Order.ordered_at, Order.order_id)
    at = tuple_(position.ordered_at, position.order_id)
    nearest_first = (
        (Order.ordered_at.desc(), Order.order_id.desc())
        if is_older
        else (Order.ordered_at.asc(), Order.order_id.asc())
    )
    found = await session.execute(
        _with_store_names()
        .where(*_conditions(tenant_id, wanted), own < at if is_older else own > at)
        .order_by(*nearest_first)
        .limit(limit)
    )
    return [(order, name) for order, name in found]


async def find_order(
    session: AsyncSession, tenant_id: UUID, order_no: str
) -> tuple[Order, str | None] | None:
    found = await session.execute(
        _with_store_names().where(Order.tenant_id == tenant_id, Order.order_no == order_no)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def timeline(session: AsyncSession, order: Order) -> Sequence[OrderEvent]:
    found = await session.scalars(
        select(OrderEvent)
        .where(OrderEvent.tenant_id == order.tenant_id, OrderEvent.order_id == order.order_id)
        .order_by(OrderEvent.at, OrderEvent.event_id)
    )
    return found.all()


class Figures(NamedTuple):
    """The sales of one merchant since an instant, by the time of the orders, and its last sale."""

    tenant_id: UUID
    paid_fen: int
    paid_count: int
    refunded_fen: int
    last_paid_at: datetime | None


_FIGURES = """
SELECT t.id AS tenant_id, coalesce(d.paid_fen, 0)::bigint AS paid_fen, d.paid_count,
       coalesce(d.refunded_fen, 0)::bigint AS refunded_fen, l.paid_at AS last_paid_at
FROM unnest($1::uuid[]) AS t(id)
CROSS JOIN LATERAL (
  SELECT sum(o.payable_fen) AS paid_fen, count(*) AS paid_count, sum(o.refunded_fen) AS refunded_fen
  FROM orders o WHERE o.tenant_id = t.id AND o.ordered_at >= $2 AND o.outcome = ANY($3::int[])) AS d
LEFT JOIN LATERAL (
  SELECT o.paid_at FROM orders o WHERE o.tenant_id = t.id AND o.outcome = ANY($3::int[])
  ORDER BY o.ordered_at DESC LIMIT 1) AS l ON true
ORDER BY t.id
"""


async def figures(pg: Pg, tenants: Sequence[UUID], since: datetime) -> list[Figures]:
    """The figures of each tenant, also without orders. System scope."""
    taken = [int(Outcome.PAID), int(Outcome.LATE)]
    return [Figures(*row) for row in await pg.fetch(_FIGURES, list(tenants), since, taken)]


class StoreDay(NamedTuple):
    """The sales of one store on one day in China, by the time of the orders."""

    day: date
    store_id: UUID
    store_name: str | None
    paid_fen: int
    paid_count: int
    refunded_fen: int
    failed_count: int
    """orders that ended without money: failed, closed or reversed"""
    check_count: int
    """orders that somebody should check"""
    early_fen: int
    """paid less refunded, of the orders made before `early`"""


async def store_days(
    session: AsyncSession,
    tenant_id: UUID,
    since: datetime,
    stores: Sequence[UUID] | None,
    *,
    early: datetime,
) -> list[StoreDay]:
    """Totals since `since` by day and store; only of `stores`, unless that is None."""
    # The offset is added here, so that the day in China does not depend on the server's time zones.
    day = cast(func.timezone("UTC", Order.ordered_at) + BEIJING_OFFSET, Date).label("day")
    query = (
        select(
            day,
            Order.store_id,
            func.min(Store.name),
            func.coalesce(func.sum(Order.payable_fen).filter(_TAKEN), 0),
            func.count().filter(_TAKEN),
            func.coalesce(func.sum(Order.refunded_fen).filter(_TAKEN), 0),
            func.count().filter(_ENDED_UNPAID),
            func.count().filter(_NEEDS_CHECK),
            func.coalesce(
                func.sum(Order.payable_fen - Order.refunded_fen).filter(
                    _TAKEN, Order.ordered_at < early
                ),
                0,
            ),
        )
        .outerjoin(
            Store, and_(Store.tenant_id == Order.tenant_id, Store.store_id == Order.store_id)
        )
        .where(Order.tenant_id == tenant_id, Order.ordered_at >= since)
        .group_by(day, Order.store_id)
    )
    if stores is not None:
        query = query.where(Order.store_id.in_(stores))
    found = await session.execute(query)
    return [
        StoreDay(day, store_id, name, int(paid), count, int(refunded), failed, check, int(kept))
        for day, store_id, name, paid, count, refunded, failed, check, kept in found
    ]
