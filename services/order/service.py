"""The use cases: project payments into orders, name stores, list and show orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from services.order import devices_repo, repo
from services.order.deps import Deps
from services.order.devices_repo import LastPayment
from services.order.domain import (
    DASHBOARD_DAYS,
    Outcome,
    china_day,
    day_start,
    is_order_no,
    order_day,
    sub_type,
)
from services.order.models import Order, OrderEvent
from services.order.repo import DayOfStore, Figures, Line, Place, Wanted
from shared import inbox
from shared.contracts.events.binding import StoreCreated, StoreRenamed
from shared.contracts.events.payment import (
    PaymentClosed,
    PaymentFact,
    PaymentFailed,
    PaymentLateSuccess,
    PaymentRefunded,
    PaymentReversed,
    PaymentSucceeded,
)
from shared.errors import NotFound

NUMBER_TRIES = 8
"""Numbers collide only when orders of another installation were moved in on the same day."""


class _Said(NamedTuple):
    """The part of a line in which the facts differ."""

    kind: str
    outcome: Outcome
    at: datetime
    data: dict[str, Any]
    trade_no: str | None = None
    buyer_id: str | None = None
    buyer_logon_id: str | None = None
    refunded_fen: int = 0


def _said(event: PaymentFact) -> _Said:
    match event:
        case PaymentSucceeded():
            return _Said(
                "paid",
                Outcome.PAID,
                event.paid_at,
                {"trade_no": event.trade_no},
                trade_no=event.trade_no,
                buyer_id=event.buyer_id,
                buyer_logon_id=event.buyer_logon_id,
            )
        case PaymentFailed():
            data = {"reason_code": event.reason_code}
            return _Said("failed", Outcome.CANCELLED, event.finished_at, data)
        case PaymentClosed():
            return _Said("closed", Outcome.CANCELLED, event.finished_at, {})
        case PaymentReversed():
            return _Said(
                "reversed",
                Outcome.REVERSED,
                event.finished_at,
                {"trade_no": event.trade_no},
                trade_no=event.trade_no,
                refunded_fen=event.payable_fen,
            )
        case PaymentRefunded():
            return _Said(
                "refunded",
                Outcome.UNHEARD,
                event.refunded_at,
                {
                    "refund_id": event.refund_id,
                    "refund_fen": event.refund_fen,
                    "refunded_total_fen": event.refunded_total_fen,
                    "is_full": event.is_full,
                },
                refunded_fen=event.refunded_total_fen,
            )
        case PaymentLateSuccess():
            return _Said(
                "late_success",
                Outcome.LATE,
                event.detected_at,
                {"trade_no": event.trade_no},
                trade_no=event.trade_no,
            )
    raise TypeError(f"{event.type} is not projected")


def _line(event: PaymentFact) -> Line:
    said = _said(event)
    return Line(
        tenant_id=event.tenant_id,
        payment_id=event.payment_id,
        event_id=event.event_id,
        kind=said.kind,
        at=said.at,
        data=orjson.dumps(said.data).decode(),
        outcome=said.outcome,
        day=order_day(event.created_at),
        sub_type=sub_type(event.channel, event.scene),
        channel=event.channel,
        total_fen=event.total_fen,
        payable_fen=event.payable_fen,
        refunded_fen=said.refunded_fen,
        store_id=event.store_id,
        device_id=event.device_id,
        out_trade_no=event.out_trade_no,
        trade_no=said.trade_no,
        buyer_id=said.buyer_id,
        buyer_logon_id=said.buyer_logon_id,
        subject=event.subject_text,
        ordered_at=event.created_at,
    )


async def record_payments(pg: "asyncpg.Connection[Any]", events: Sequence[PaymentFact]) -> None:
    """Exactly one order per payment, whatever is heard first and how often (G6).

    Usually one statement: every payment is new. What did not open an order is merged into the one
    that exists; whatever is left then met a taken number and tries another.
    """
    # In one order, whatever order they came in: batches that overlap must not block each other.
    left = sorted(map(_line, events), key=lambda line: (line.tenant_id, line.payment_id))
    for _ in range(NUMBER_TRIES):
        opened = await repo.open_orders(pg, left)
        left = [line for line in left if line.event_id not in opened]
        if not left:
            return
        merged = await repo.merge_facts(pg, left)
        left = [line for line in left if line.event_id not in merged]
        if not left:
            return
    raise RuntimeError(f"no free order number in {NUMBER_TRIES} tries")


async def name_stores(
    pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    rows = [(e.tenant_id, e.store_id, e.event_id, e.name, e.occurred_at) for e in events]
    await repo.name_stores(pg, rows)


@dataclass(frozen=True, slots=True)
class Shown:
    """One order as people see it."""

    order: Order
    store_name: str | None
    timeline: Sequence[OrderEvent] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """One page, newest first; how many there are in all; and where its neighbours begin."""

    rows: list[Shown]
    total: int
    older_than: Place | None
    """the page after this one has the orders older than it; None: this is the last"""
    newer_than: Place | None
    """the page before this one has the orders newer than it; None: this is the first"""


async def list_orders(
    deps: Deps, tenant_id: UUID, wanted: Wanted, *, page: int, page_size: int
) -> Listed:
    """The page of that number, as the list is now."""
    async with deps.db.read(tenant_id) as session:
        total = await repo.count_orders(session, tenant_id, wanted)
        offset = (page - 1) * page_size
        if offset >= total:
            return Listed([], total, None, None)
        found = await repo.list_orders(
            session, tenant_id, wanted, limit=page_size + 1, offset=offset
        )
    return _listed(found, total, page_size, has_newer=page > 1)


async def list_beside(
    deps: Deps, tenant_id: UUID, wanted: Wanted, place: Place, *, page_size: int, is_older: bool
) -> Listed:
    """The page that begins (`is_older`) or ends at a place, whatever came meanwhile: who walks
    from page to page meets no order twice."""
    async with deps.db.read(tenant_id) as session:
        total = await repo.count_orders(session, tenant_id, wanted)
        found = await repo.orders_beside(
            session, tenant_id, wanted, place, limit=page_size + 1, is_older=is_older
        )
    if is_older:
        return _listed(found, total, page_size, has_newer=True)
    has_newer, nearest = len(found) > page_size, found[:page_size][::-1]
    # Older than these is at least the order from which one came.
    rows = [Shown(order, name) for order, name in nearest]
    return Listed(
        rows,
        total,
        older_than=_place(rows[-1]) if rows else None,
        newer_than=_place(rows[0]) if has_newer else None,
    )


def _listed(
    found: list[tuple[Order, str | None]], total: int, page_size: int, *, has_newer: bool
) -> Listed:
    rows = [Shown(order, name) for order, name in found[:page_size]]
    return Listed(
        rows,
        total,
        older_than=_place(rows[-1]) if len(found) > page_size else None,
        newer_than=_place(rows[0]) if rows and has_newer else None,
    )


def _place(shown: Shown) -> Place:
    return Place(shown.order.ordered_at, shown.order.order_id)


async def show_order(deps: Deps, tenant_id: UUID, order_no: str) -> Shown:
    """One order with its timeline; NotFound also when it is another merchant's."""
    if not is_order_no(order_no):
        raise NotFound
    async with deps.db.read(tenant_id) as session:
        found = await repo.find_order(session, tenant_id, order_no)
        if found is None:
            raise NotFound
        order, name = found
        return Shown(order, name, await repo.timeline(session, order))


@dataclass(frozen=True, slots=True)
class Board:
    """What the stores took in the days up to `as_of`."""

    as_of: datetime
    days: Sequence[DayOfStore]


async def dashboard(
    deps: Deps, tenant_id: UUID, *, store_id: UUID | None, seen: frozenset[UUID]
) -> Board:
    """The last seven days in China, today included. `seen`: the only stores the asker may see;
    empty: all."""
    now = deps.clock.now()
    since = day_start(china_day(now) - timedelta(days=DASHBOARD_DAYS - 1))
    stores = None if store_id is None else [store_id]
    if seen:
        stores = [one for one in (stores or sorted(seen)) if one in seen]
    early = now - timedelta(days=1)
    async with deps.db.read(tenant_id) as session:
        rows = await repo.days_of_stores(session, tenant_id, since, stores, early=early)
    return Board(now, rows)


async def figures_of(deps: Deps, tenants: Sequence[UUID]) -> tuple[datetime, Sequence[Figures]]:
    """(as of when, today's figures of each of these merchants): the operators' view, guarded by
    merchants.read. Days are days in China."""
    now = deps.clock.now()
    # System scope: the rows are those of many merchants.
    async with deps.db.pg(None) as pg:
        return now, await repo.figures(pg, sorted(set(tenants)), day_start(china_day(now)))


async def last_payments(
    deps: Deps, tenant_id: UUID, devices: Sequence[UUID], *, seen: frozenset[UUID]
) -> list[LastPayment]:
    """What each of these devices took last, in the stores that the asker may see (empty: all)."""
    async with deps.db.read(tenant_id) as session:
        return await devices_repo.last_payments(session, tenant_id, devices, sorted(seen))


async def keep_house(deps: Deps) -> None:
    """Forgets events that cannot come back."""
    await inbox.purge(deps.db)
