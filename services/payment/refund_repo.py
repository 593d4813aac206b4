"""The list of refunds as people ask for it; the caller owns the transaction and its scope."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.payment.models import PaymentRow, RefundRow, Store

RefundState = Literal["pending", "unknown", "done", "rejected"]
"""pending: not asked of the channel yet, or being asked; unknown: asked, without a clear answer"""

STATES: dict[RefundState, tuple[str, ...]] = {
    "pending": ("CREATED", "SUBMITTED"),
    "unknown": ("UNKNOWN",),
    "done": ("DONE",),
    "rejected": ("REJECTED",),
}


@dataclass(frozen=True, slots=True)
class RefundFilter:
    """Which refunds; None means all. `after` is the last one of the page before, `before` the first
    one of the page after."""

    state: RefundState | None = None
    store_id: UUID | None = None
    stores: frozenset[UUID] = frozenset()
    """the only stores that count; empty: all"""
    number: str | None = None
    """part of the payment's out_trade_no or trade_no, in capitals or not"""
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


asked_first = func.coalesce(RefundRow.first_requested_at, RefundRow.created_at)
"""When it was asked for first. Trying it again makes `created_at` new and must not move it to
another page while somebody walks the list."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A refund beside the payment that it is of."""

    refund: RefundRow
    payment: PaymentRow
    store_name: str | None

    @property
    def asked_at(self) -> datetime:
        return self.refund.first_requested_at or self.refund.created_at


def _conditions(tenant_id: UUID, wanted: RefundFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [RefundRow.tenant_id == tenant_id]
    if wanted.state is not None:
        found.append(RefundRow.state.in_(STATES[wanted.state]))
    if wanted.store_id is not None:
        found.append(PaymentRow.store_id == wanted.store_id)
    if wanted.stores:
        found.append(PaymentRow.store_id.in_(wanted.stores))
    if wanted.number is not None:
        numbers = (PaymentRow.out_trade_no, PaymentRow.trade_no)
        found.append(or_(*(one.icontains(wanted.number, autoescape=True) for one in numbers)))
    if wanted.since is not None:
        found.append(asked_first >= wanted.since)
    if wanted.until is not None:
        found.append(asked_first < wanted.until)
    place = tuple_(asked_first, RefundRow.refund_id)
    if wanted.after is not None:
        found.append(place < wanted.after)
    if wanted.before is not None:
        found.append(place > wanted.before)
    return found


async def listed(tx: AsyncSession, tenant_id: UUID, wanted: RefundFilter) -> list[Listed]:
    """Newest first: those next to the place they are asked from."""
    of_store = and_(Store.tenant_id == PaymentRow.tenant_id, Store.store_id == PaymentRow.store_id)
    of_payment = and_(
        PaymentRow.tenant_id == RefundRow.tenant_id, PaymentRow.payment_id == RefundRow.payment_id
    )
    statement = (
        select(RefundRow, PaymentRow, Store.name)
        .join(PaymentRow, of_payment)
        .outerjoin(Store, of_store)
        .where(*_conditions(tenant_id, wanted))
        .limit(wanted.limit)
    )
    place = (asked_first, RefundRow.refund_id)
    if wanted.before is not None:
        found = (await tx.execute(statement.order_by(*place))).all()[::-1]
    else:
        found = (await tx.execute(statement.order_by(*(one.desc() for one in place)))).all()
    return [Listed(*row) for row in found]
