"""What the list may be asked, and what the doors answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.order.domain import OrderState, OrderType, Outcome, PayMethod, PayState, SubType
from services.order.repo import Wanted
from services.order.service import Shown

_NOT_EXACT = {"since", "until", "q", "page", "page_size"}


class OrderFilters(BaseModel):
    """S77-S90: each member narrows the list; an unknown one is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    order_no: Annotated[str, Field(max_length=32)] | None = None
    payment_id: UUID | None = None
    order_state: OrderState | None = None
    order_type: OrderType | None = None
    sub_type: SubType | None = None
    pay_state: PayState | None = None
    pay_method: PayMethod | None = None
    store_id: UUID | None = None
    device_id: UUID | None = None
    since: AwareDatetime | None = Field(default=None, alias="from")
    until: AwareDatetime | None = Field(default=None, alias="to")
    q: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")] | None = None
    """the beginning of an order number, out_trade_no or trade_no"""
    page: Annotated[int, Field(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 20

    def wanted(self) -> Wanted:
        exact = self.model_dump(exclude=_NOT_EXACT, exclude_none=True)
        return Wanted(exact, since=self.since, until=self.until, prefix=self.q)


class OrderOut(BaseModel):
    """One row of the list (S92, S97-S100). Face pay leaves receiver and phone empty."""

    model_config = ConfigDict(from_attributes=True)

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
    is_late: bool = False
    """captured by the channel after the payment had been closed: somebody should look at it"""
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
    def of(cls, shown: Shown) -> Self:
        order = cls.model_validate(shown.order)
        return order.model_copy(
            update={
                "store_name": shown.store_name,
                "is_late": shown.order.outcome == Outcome.LATE,
            }
        )


class OrderList(BaseModel):
    items: list[OrderOut]
    total: int
    page: int
    page_size: int

    @classmethod
    def of(cls, shown: Sequence[Shown], total: int, asked: OrderFilters) -> Self:
        return cls(
            items=[OrderOut.of(one) for one in shown],
            total=total,
            page=asked.page,
            page_size=asked.page_size,
        )


class TimelineEntry(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    event_id: UUID | None = None
    kind: str
    at: datetime
    data: dict[str, Any] = {}


class OrderDetail(OrderOut):
    """An order and what happened to it, oldest first; it begins with its creation."""

    timeline: list[TimelineEntry] = []

    @classmethod
    def of(cls, shown: Shown) -> Self:
        detail = super().of(shown)
        entries = [TimelineEntry(kind="created", at=shown.order.ordered_at)]
        entries += [TimelineEntry.model_validate(event) for event in shown.timeline]
        return detail.model_copy(update={"timeline": entries})
