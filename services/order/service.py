"""The use cases: projecting payments into orders, naming stores, listing and showing orders."""

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
from services.order.repo import Figures, OrderFact, OrderQuery, Position, StoreDay
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
from shared.db import Database
from shared.errors import NotFound

NUMBER_TRIES = 8
"""Order numbers collide only when orders of another installation were imported on the same day."""


class _FactDetails(NamedTuple):
    """The members of an OrderFact that depend on the kind of event."""

    kind: str
    outcome: Outcome
    at: datetime
    data: dict[str, Any]
    trade_no: str | None = None
    buyer_id: str | None = None
    buyer_logon_id: str | None = None
    refunded_fen: int = 0


def _details(event: PaymentFact) -> _FactDetails:
    match event:
        case PaymentSucceeded():
            return _FactDetails(
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
            return _FactDetails("failed", Outcome.CANCELLED, event.finished_at, data)
        case PaymentClosed():
            return _FactDetails("closed", Outcome.CANCELLED, event.finished_at, {})
        case PaymentReversed():
            return _FactDetails(
                "reversed",
                Outcome.REVERSED,
                event.finished_at,
                {"trade_no": event.trade_no},
                trade_no=event.trade_no,
                refunded_fen=event.payable_fen,
            )
        case PaymentRefunded():
            return _FactDetails(
                "refunded",
                Outcome.UNKNOWN,
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
            return _FactDetails(
                "late_success",
                Outcome.LATE,
                event.detected_at,
                {"trade_no": event.trade_no},
                trade_no=event.trade_no,
            )
    raise TypeError(f"{event.type} is not projected")


def _order_fact(event: PaymentFact) -> OrderFact:
    details = _details(event)
    return OrderFact(
        tenant_id=event.tenant_id,
        payment_id=event.payment_id,
        event_id=event.event_id,
        kind=details.kind,
        at=details.at,
        data=orjson.dumps(details.data).decode(),
        outcome=details.outcome,
        day=order_day(event.created_at),
        sub_type=sub_type(event.channel, event.scene),
        channel=event.channel,
        total_fen=event.total_fen,
        payable_fen=event.payable_fen,
        refunded_fen=details.refunded_fen,
        store_id=event.store_id,
        device_id=event.device_id,
        out_trade_no=event.out_trade_no,
        trade_no=details.trade_no,
        buyer_id=details.buyer_id,
        buyer_logon_id=details.buyer_logon_id,
        subject=event.subject_text,
        ordered_at=event.created_at,
    )


def _order_facts(events: Sequence[PaymentFact]) -> list[OrderFact]:
    # Sorted, so that batches that overlap lock rows in the same order and cannot deadlock.
    return sorted(map(_order_fact, events), key=lambda fact: (fact.tenant_id, fact.payment_id))


async def record_new_payments(db: Database, inbox_key: str, events: Sequence[PaymentFact]) -> bool:
    """What `record_payments` does where each event is new and the first of its payment, as most are
    (consumer.AtOnce)."""
    return await repo.open_at_once(db, inbox_key, _order_facts(events))


async def record_payments(pg: "asyncpg.Connection[Any]", events: Sequence[PaymentFact]) -> None:
    """Keeps exactly one order per payment, in whatever order and how often facts come (G6).

    Usually every payment is new, and one statement is enough. Facts that did not create an order
    are merged into the existing ones. Facts that are left then had a number that was taken, and are
    tried again with another one.
    """
    left = _order_facts(events)
    for _ in range(NUMBER_TRIES):
        opened = await repo.open_orders(pg, left)
        left = [fact for fact in left if fact.event_id not in opened]
        if not left:
            return
        merged = await repo.merge_facts(pg, left)
        left = [fact for fact in left if fact.event_id not in merged]
        if not left:
            return
    raise RuntimeError(f"no free order number in {NUMBER_TRIES} tries")


async def name_stores(
    pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    rows = [(e.tenant_id, e.store_id, e.event_id, e.name, e.occurred_at) for e in events]
    await repo.name_stores(pg, rows)


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order with the name of its store, and in the detail its timeline."""

    order: Order
    store_name: str | None
    timeline: Sequence[OrderEvent] = ()


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page, newest first, the number of orders in all, and the positions of the neighbouring
    pages."""

    rows: list[OrderView]
    total: int
    older_than: Position | None
    """the page after this one has the orders older than it; None: this is the last"""
    newer_than: Position | None
    """the page before this one has the orders newer than it; None: this is the first"""


async def list_orders(
    deps: Deps, tenant_id: UUID, wanted: OrderQuery, *, page: int, page_size: int
) -> OrderPage:
    """The page of that number in the present list."""
    async with deps.db.read(tenant_id) as session:
        total = await repo.count_orders(session, tenant_id, wanted)
        offset = (page - 1) * page_size
        if offset >= total:
            return OrderPage([], total, None, None)
        found = await repo.list_orders(
            session, tenant_id, wanted, limit=page_size + 1, offset=offset
        )
    return _page(found, total, page_size, has_newer=page > 1)


async def list_from_position(
    deps: Deps,
    tenant_id: UUID,
    wanted: OrderQuery,
    position: Position,
    *,
    page_size: int,
    is_older: bool,
) -> OrderPage:
    """The page after (`is_older`) or before a position. Walking from page to page in this way
    returns no order twice, even when orders are added."""
    async with deps.db.read(tenant_id) as session:
        total = await repo.count_orders(session, tenant_id, wanted)
        found = await repo.orders_from_position(
            session, tenant_id, wanted, position, limit=page_size + 1, is_older=is_older
        )
    if is_older:
        return _page(found, total, page_size, has_newer=True)
    has_newer, nearest = len(found) > page_size, found[:page_size][::-1]
    # There is an older page: it has at least the order at the given position.
    rows = [OrderView(order, name) for order, name in nearest]
    return OrderPage(
        rows,
        total,
        older_than=_position(rows[-1]) if rows else None,
        newer_than=_position(rows[0]) if has_newer else None,
    )


def _page(
    found: list[tuple[Order, str | None]], total: int, page_size: int, *, has_newer: bool
) -> OrderPage:
    rows = [OrderView(order, name) for order, name in found[:page_size]]
    return OrderPage(
        rows,
        total,
        older_than=_position(rows[-1]) if len(found) > page_size else None,
        newer_than=_position(rows[0]) if rows and has_newer else None,
    )


def _position(shown: OrderView) -> Position:
    return Position(shown.order.ordered_at, shown.order.order_id)


async def show_order(deps: Deps, tenant_id: UUID, order_no: str) -> OrderView:
    """One order with its timeline. NotFound also for an order of another merchant."""
    if not is_order_no(order_no):
        raise NotFound
    async with deps.db.read(tenant_id) as session:
        found = await repo.find_order(session, tenant_id, order_no)
        if found is None:
            raise NotFound
        order, name = found
        return OrderView(order, name, await repo.timeline(session, order))


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The sales of the stores in the days up to `as_of`."""

    as_of: datetime
    days: Sequence[StoreDay]


async def dashboard(
    deps: Deps, tenant_id: UUID, *, store_id: UUID | None, visible_stores: frozenset[UUID]
) -> Dashboard:
    """The last seven days in China, with today. `visible_stores`: the only stores that the caller
    may see; empty: all."""
    now = deps.clock.now()
    since = day_start(china_day(now) - timedelta(days=DASHBOARD_DAYS - 1))
    stores = None if store_id is None else [store_id]
    if visible_stores:
        wanted = stores or sorted(visible_stores)
        stores = [store for store in wanted if store in visible_stores]
    early = now - timedelta(days=1)
    async with deps.db.read(tenant_id) as session:
        rows = await repo.store_days(session, tenant_id, since, stores, early=early)
    return Dashboard(now, rows)


async def figures_of(deps: Deps, tenants: Sequence[UUID]) -> tuple[datetime, Sequence[Figures]]:
    """(time of the figures, today's figures of each merchant), for the operators' view, which needs
    merchants.read. Days are days in China."""
    now = deps.clock.now()
    # System scope: the rows are those of many merchants.
    async with deps.db.pg(None) as pg:
        return now, await repo.figures(pg, sorted(set(tenants)), day_start(china_day(now)))


async def last_payments(
    deps: Deps, tenant_id: UUID, devices: Sequence[UUID], *, visible_stores: frozenset[UUID]
) -> list[LastPayment]:
    """The last payment of each of these devices. `visible_stores`: the only stores that the caller
    may see; empty: all."""
    async with deps.db.read(tenant_id) as session:
        return await devices_repo.last_payments(session, tenant_id, devices, sorted(visible_stores))


async def keep_house(deps: Deps) -> None:
    """Deletes old rows of the inbox, whose events cannot come again."""
    await inbox.purge(deps.db)
