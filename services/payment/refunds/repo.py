"""Ordinary queries of refunds, and the filtered list; the caller opens the transaction and chooses
its scope."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from services.payment.models import PaymentRow, RefundRow, Store

RefundState = Literal["pending", "unknown", "done", "rejected"]
"""pending: not sent to the channel yet, or being sent; unknown: sent, without a clear result"""

OPEN_REFUNDS = ("CREATED", "SUBMITTED", "UNKNOWN")
STATES: dict[RefundState, tuple[str, ...]] = {
    "pending": ("CREATED", "SUBMITTED"),
    "unknown": ("UNKNOWN",),
    "done": ("DONE",),
    "rejected": ("REJECTED",),
}


@dataclass(frozen=True, slots=True)
class RefundFilter:
    """Which refunds; None means all. `after` is the last row of the previous page, `before` the
    first row of the next page."""

    state: RefundState | None = None
    store_id: UUID | None = None
    stores: frozenset[UUID] = frozenset()
    """only refunds of these stores; empty: of all"""
    number: str | None = None
    """part of the payment's out_trade_no or trade_no, in capitals or not"""
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


first_requested = func.coalesce(RefundRow.first_requested_at, RefundRow.created_at)
"""The time of the first request. A retry sets a new `created_at`, and must not move the refund to
another page while somebody reads the list."""


@dataclass(frozen=True, slots=True)
class ListedRefund:
    """A refund with its payment and the name of the store."""

    refund: RefundRow
    payment: PaymentRow
    store_name: str | None

    @property
    def requested_at(self) -> datetime:
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
        found.append(or_(*(column.icontains(wanted.number, autoescape=True) for column in numbers)))
    if wanted.since is not None:
        found.append(first_requested >= wanted.since)
    if wanted.until is not None:
        found.append(first_requested < wanted.until)
    place = tuple_(first_requested, RefundRow.refund_id)
    if wanted.after is not None:
        found.append(place < wanted.after)
    if wanted.before is not None:
        found.append(place > wanted.before)
    return found


async def list_refunds(
    tx: AsyncSession, tenant_id: UUID, wanted: RefundFilter
) -> list[ListedRefund]:
    """One page, newest first: the rows next to `after` or `before`."""
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
    place = (first_requested, RefundRow.refund_id)
    if wanted.before is not None:
        found = (await tx.execute(statement.order_by(*place))).all()[::-1]
    else:
        found = (await tx.execute(statement.order_by(*(column.desc() for column in place)))).all()
    return [ListedRefund(*row) for row in found]


async def refund_by_request(
    tx: AsyncSession, tenant_id: UUID, payment_id: UUID, refund_request_id: str
) -> RefundRow | None:
    statement = select(RefundRow).where(
        RefundRow.tenant_id == tenant_id,
        RefundRow.payment_id == payment_id,
        RefundRow.refund_request_id == refund_request_id,
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def refund_by_id(tx: AsyncSession, tenant_id: UUID, refund_id: UUID) -> RefundRow | None:
    statement = select(RefundRow).where(
        RefundRow.tenant_id == tenant_id, RefundRow.refund_id == refund_id
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def refunds_of(tx: AsyncSession, tenant_id: UUID, payment_id: UUID) -> list[RefundRow]:
    statement = (
        select(RefundRow)
        .where(RefundRow.tenant_id == tenant_id, RefundRow.payment_id == payment_id)
        .order_by(RefundRow.refund_id)
    )
    return list((await tx.execute(statement)).scalars())


async def reserve_refund(tx: AsyncSession, payment: PaymentRow, amount_fen: int) -> bool:
    """Reserves the amount of what may still be refunded; False if less is left."""
    statement = (
        update(PaymentRow)
        .where(
            PaymentRow.tenant_id == payment.tenant_id,
            PaymentRow.payment_id == payment.payment_id,
            PaymentRow.refund_reserved_fen + amount_fen <= PaymentRow.payable_fen,
        )
        .values(
            refund_reserved_fen=PaymentRow.refund_reserved_fen + amount_fen,
            version=PaymentRow.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return _changed(await tx.execute(statement))


async def is_refund_recent(tx: AsyncSession, payment: PaymentRow, within_s: float) -> bool:
    last = func.max(func.coalesce(RefundRow.finished_at, RefundRow.created_at))
    statement = select(last > func.now() - timedelta(seconds=within_s)).where(
        RefundRow.tenant_id == payment.tenant_id, RefundRow.payment_id == payment.payment_id
    )
    return bool((await tx.execute(statement)).scalar())


async def add_refund(tx: AsyncSession, refund: RefundRow, wait_s: float) -> None:
    """Stores a new refund or a new try; the sweeper takes it over after `wait_s`."""
    with tx.no_autoflush:  # the row must not be written before next_poll_at is set
        at = (await tx.execute(select(func.now() + timedelta(seconds=wait_s)))).scalar_one()
    refund.next_poll_at = at
    refund.lease_until = at if refund.lease_token is not None else None
    tx.add(refund)
    await tx.flush()


async def finish_refund(
    tx: AsyncSession,
    refund: RefundRow,
    state: str,
    code: str | None,
    at: datetime,
    lease: UUID | None,
) -> bool:
    """Ends an open refund; False if it has ended before or the lease is no longer held."""
    values = {"finished_at": at, "next_poll_at": None, "lease_until": None, "lease_token": None}
    return await _change_refund(tx, refund, lease, state=state, reason_code=code, **values)


async def postpone_refund(
    tx: AsyncSession,
    refund: RefundRow,
    state: str,
    code: str | None,
    wait_s: float,
    lease: UUID | None,
) -> bool:
    """Leaves a refund open and due again after `wait_s`."""
    at = func.now() + timedelta(seconds=wait_s)
    values: dict[str, Any] = {"state": state, "reason_code": code, "next_poll_at": at}
    if state != "SUBMITTED":
        values |= {"lease_until": None, "lease_token": None}
    return await _change_refund(tx, refund, lease, **values)


async def hasten_refund(tx: AsyncSession, refund: RefundRow, within_s: float) -> None:
    """Makes a refund with an unknown outcome due within `within_s`. This is also the pause that the
    channel demands between two queries, so repeated calls make no query earlier."""
    soon = func.now() + timedelta(seconds=within_s)
    await tx.execute(
        update(RefundRow)
        .where(
            RefundRow.tenant_id == refund.tenant_id,
            RefundRow.refund_id == refund.refund_id,
            RefundRow.state == "UNKNOWN",
            RefundRow.lease_token.is_(None),
        )
        .values(next_poll_at=func.least(RefundRow.next_poll_at, soon))
        .execution_options(synchronize_session=False)
    )
    await tx.refresh(refund)


async def _change_refund(
    tx: AsyncSession, refund: RefundRow, lease: UUID | None, **values: Any
) -> bool:
    statement = update(RefundRow).where(
        RefundRow.tenant_id == refund.tenant_id,
        RefundRow.refund_id == refund.refund_id,
        RefundRow.state.in_(OPEN_REFUNDS),
    )
    if lease is not None:
        statement = statement.where(RefundRow.lease_token == lease)
    done = await tx.execute(statement.values(**values).execution_options(synchronize_session=False))
    return _changed(done)


def _changed(result: Any) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1
