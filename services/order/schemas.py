"""The filters of the list, and the response models."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.order.domain import (
    DASHBOARD_DAYS,
    OrderState,
    OrderType,
    Outcome,
    PayMethod,
    PayState,
    SubType,
    china_day,
    net_fen,
)
from services.order.repo import Figures, OrderQuery, Position, StoreDay
from services.order.service import Dashboard, OrderPage, OrderView
from shared.contracts import cursors
from shared.contracts.fields import Instant, PageNumber, PageSize, Text

_NOT_EXACT = {
    "since", "until", "q", "needs_check", "page", "page_size", "after", "before"
}  # fmt: skip


def cursor_text(position: Position | None) -> str | None:
    """The opaque cursor text of a position."""
    if position is None:
        return None
    return cursors.cursor_text(position.ordered_at, str(position.order_id))


def _read_cursor(text: str) -> Position:
    """The position of a cursor text; ValueError for any other text."""
    at, order_id = cursors.read(text)
    return Position(at, UUID(order_id))


Cursor = Annotated[str, Text(200, pattern=r"^[0-9A-Za-z_-]+$")]


class OrderFilters(BaseModel):
    """Each member narrows the list (S77-S82, S86, S90, parts of S83, S88); an unknown one is
    refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    order_no: Annotated[str, Text(32)] | None = None
    payment_id: UUID | None = None
    order_state: OrderState | None = None
    order_type: OrderType | None = None
    sub_type: SubType | None = None
    pay_state: PayState | None = None
    pay_method: PayMethod | None = None
    store_id: UUID | None = None
    device_id: UUID | None = None
    since: Instant | None = Field(default=None, alias="from")
    until: Instant | None = Field(default=None, alias="to")
    q: Annotated[str, Text(64, pattern=r"^[0-9A-Za-z_-]+$")] | None = None
    """the beginning of an order number, out_trade_no or trade_no; from 4 characters on also its
    end"""
    needs_check: bool | None = None
    """its end is unknown, or it was paid after it had been closed"""
    page: PageNumber = 1
    page_size: PageSize = 20
    after: Cursor | None = None
    """`next` of a response: the page after it, wherever that is now; `page` is ignored"""
    before: Cursor | None = None
    """`previous` of a response: the page before it"""

    @field_validator("after", "before")
    @classmethod
    def _of_this_list(cls, cursor: str | None) -> str | None:
        if cursor is not None:
            _read_cursor(cursor)
        return cursor

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.after is not None and self.before is not None:
            raise ValueError("after or before, not both")
        return self

    def position(self) -> Position | None:
        """The position to continue from; None: the page is chosen by its number."""
        cursor = self.after or self.before
        return None if cursor is None else _read_cursor(cursor)

    def wanted(self) -> OrderQuery:
        exact = self.model_dump(exclude=_NOT_EXACT, exclude_none=True)
        return OrderQuery(
            exact,
            since=self.since,
            until=self.until,
            number=self.q,
            needs_check=self.needs_check,
        )


class OrderOut(BaseModel):
    """One row of the list (S92, S97-S100). Face pay leaves receiver and phone empty."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_serialization_defaults_required=True
    )

    order_id: UUID
    order_no: str
    order_type: str
    sub_type: str
    order_state: str
    pay_state: str
    pay_method: str
    channel: str
    stored_value_fen: int
    total_fen: int
    payable_fen: int
    refunded_fen: int
    net_fen: int = 0
    """what the merchant keeps of it: paid less refunded; 0 while nothing was paid"""
    is_late: bool = False
    """captured by the channel after the payment had been closed: somebody should check it"""
    needs_check: bool = False
    """late, or its end is unknown"""
    store_id: UUID
    store_name: str | None = None
    device_id: UUID | None
    payment_id: UUID | None
    out_trade_no: str
    trade_no: str | None
    buyer_logon_id: str | None
    receiver: str | None
    receiver_phone: str | None
    subject: str
    source_terminal: str
    ordered_at: datetime
    paid_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, shown: OrderView) -> Self:
        order = cls.model_validate(shown.order)
        return order.model_copy(
            update={
                "store_name": shown.store_name,
                "is_late": shown.order.outcome == Outcome.LATE,
                "net_fen": net_fen(order.pay_state, order.payable_fen, order.refunded_fen),
                "needs_check": shown.order.outcome in (Outcome.LATE, Outcome.UNKNOWN),
            }
        )


class OrderList(BaseModel):
    items: list[OrderOut]
    total: int
    page: int
    page_size: int
    next: str | None
    """`after` of the following page; null: there is nothing older"""
    previous: str | None
    """`before` of the preceding page; null: there is nothing newer"""

    @classmethod
    def of(cls, listed: OrderPage, filters: OrderFilters) -> Self:
        return cls(
            items=[OrderOut.of(row) for row in listed.rows],
            total=listed.total,
            page=filters.page,
            page_size=filters.page_size,
            next=cursor_text(listed.older_than),
            previous=cursor_text(listed.newer_than),
        )


class TimelineEntryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    event_id: UUID | None = None
    kind: str
    at: datetime
    data: dict[str, Any] = {}


class OrderDetailOut(OrderOut):
    """An order with its timeline, oldest first; the first entry is its creation."""

    timeline: list[TimelineEntryOut] = []

    @classmethod
    def of(cls, shown: OrderView) -> Self:
        detail = super().of(shown)
        entries = [TimelineEntryOut(kind="created", at=shown.order.ordered_at)]
        entries += [TimelineEntryOut.model_validate(event) for event in shown.timeline]
        return detail.model_copy(update={"timeline": entries})


class LastPaymentOut(BaseModel):
    """The newest paid order of a device."""

    device_id: UUID
    order_no: str
    payable_fen: int
    paid_at: datetime


class LastPaymentList(BaseModel):
    items: list[LastPaymentOut]


class TotalsOut(BaseModel):
    """Totals of the orders made in a span of time: the paid amount, the number of payments, and the
    refunded amount."""

    paid_fen: int
    count: int
    refunded_fen: int
    failed_count: int
    """how many of them ended without money"""

    @classmethod
    def of(cls, rows: Iterable[StoreDay]) -> Self:
        found = list(rows)
        return cls(
            paid_fen=sum(row.paid_fen for row in found),
            count=sum(row.paid_count for row in found),
            refunded_fen=sum(row.refunded_fen for row in found),
            failed_count=sum(row.failed_count for row in found),
        )


class DayTotalsOut(BaseModel):
    date: date
    paid_fen: int
    refunded_fen: int
    count: int


class StoreTotalsOut(BaseModel):
    store_id: UUID
    store_name: str | None
    paid_fen: int
    refunded_fen: int
    count: int


class DashboardOut(BaseModel):
    """Days are days in China; `week` is the seven days up to today, oldest first; `by_store` covers
    the same days, the largest first."""

    today: TotalsOut
    yesterday: TotalsOut
    yesterday_by_now_fen: int
    """what was kept (paid less refunded) of the orders made yesterday before this time of day"""
    week: list[DayTotalsOut]
    by_store: list[StoreTotalsOut]
    unknown_count: int
    """orders of these days whose end is unknown, or that were captured after closing"""
    as_of: datetime

    @classmethod
    def of(cls, board: Dashboard) -> Self:
        today = china_day(board.as_of)
        days = [today - timedelta(days=back) for back in range(DASHBOARD_DAYS - 1, -1, -1)]
        by_day = {day: TotalsOut.of(row for row in board.days if row.day == day) for day in days}
        yesterday = today - timedelta(days=1)
        return cls(
            today=by_day[today],
            yesterday=by_day[yesterday],
            yesterday_by_now_fen=sum(row.early_fen for row in board.days if row.day == yesterday),
            week=[
                DayTotalsOut(
                    date=day,
                    paid_fen=found.paid_fen,
                    refunded_fen=found.refunded_fen,
                    count=found.count,
                )
                for day, found in by_day.items()
            ],
            by_store=_by_store(board.days),
            unknown_count=sum(row.check_count for row in board.days),
            as_of=board.as_of,
        )


class MerchantFiguresOut(BaseModel):
    """The sales of a merchant today, from orders made today; days are days in China."""

    merchant_id: UUID
    paid_fen: int
    count: int
    refunded_fen: int
    last_paid_at: datetime | None
    """the time of its newest paid order"""

    @classmethod
    def of(cls, row: Figures) -> Self:
        return cls(
            merchant_id=row.tenant_id,
            paid_fen=row.paid_fen,
            count=row.paid_count,
            refunded_fen=row.refunded_fen,
            last_paid_at=row.last_paid_at,
        )


class FiguresOut(BaseModel):
    items: list[MerchantFiguresOut]
    as_of: datetime


def _by_store(rows: Sequence[StoreDay]) -> list[StoreTotalsOut]:
    names = {row.store_id: row.store_name for row in rows}
    found = []
    for store_id, name in names.items():
        totals = TotalsOut.of(row for row in rows if row.store_id == store_id)
        found.append(
            StoreTotalsOut(
                store_id=store_id,
                store_name=name,
                paid_fen=totals.paid_fen,
                refunded_fen=totals.refunded_fen,
                count=totals.count,
            )
        )
    return sorted(found, key=lambda store: (-store.paid_fen, str(store.store_id)))
