"""Applies facts to a payment's row, and queries the channel for missing facts.

`settle` is the only caller of `store.move`: snapshot, decision, compare-and-swap, and again if
another writer was faster. `advance` is one round of queries, for the sweeper or a clerk's stop.
"""

import secrets
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter

from services.payment.channels.port import (
    Fact,
    NothingToCancel,
    Overdue,
    Paid,
    PaidForGood,
    Refused,
    TradeClosed,
    TradeNotFound,
    Unclear,
    Unsent,
    Waiting,
)
from services.payment.deps import Deps
from services.payment.leases import renewed
from services.payment.payments import store
from services.payment.payments.rules import NOTHING_TAKEN, OPEN, Decision, apply
from services.payment.snapshot import NO_DEVICE, NewPayment, Payment, State
from shared import outbox
from shared.clock import Clock
from shared.contracts.events.base import stamp
from shared.contracts.events.payment import (
    PaymentClosed,
    PaymentFact,
    PaymentFailed,
    PaymentLateSuccess,
    PaymentReversed,
    PaymentSucceeded,
)
from shared.errors import NotFound
from shared.ids import uuid7
from shared.telemetry import get_logger

RACES_MAX = 20

log = get_logger("payment")
_moves = Counter("payment_moves_total", "Changes of state", ["old", "new"])
_cases = Counter("payment_cases_total", "Cases opened for a person to look at", ["kind"])


async def settle(
    deps: Deps,
    payment: Payment,
    fact: Fact,
    *,
    at: datetime | None = None,
    lease: UUID | None = None,
    is_lease_kept: bool = False,
    is_pay_ended: bool = False,
    key_version: int | None = None,
    notice: tuple[str, str] | None = None,
) -> Payment:
    """The payment after `fact`. Nothing is changed if `lease` is no longer held. `notice` is the
    (app_id, notify_id) of the notice that reported the fact."""
    for _ in range(RACES_MAX):
        decision = apply(payment, fact, at or deps.clock.now(), deps.schedule)
        if decision is None:
            return payment
        change = store.PaymentChange.of(
            payment,
            decision,
            side_id=uuid7(deps.clock),
            finished_at=_finished_at(decision, deps.clock),
            key_version=key_version,
            is_pay_ended=is_pay_ended,
            lease=lease,
            is_lease_kept=is_lease_kept,
            notice=_applied(notice, decision),
        )
        moved = await store.move(deps.writes, change, outbox_row_of(payment, decision, deps.clock))
        if moved is not None:
            _report(payment, moved, decision)
            return moved
        payment = await reload(deps, payment)
        if lease is not None and payment.lease_token != lease:
            return payment
    raise RuntimeError(f"{payment.payment_id}: lost {RACES_MAX} races in a row")


def _applied(notice: tuple[str, str] | None, decision: Decision) -> tuple[str, str] | None:
    """The notice to mark as applied: only a move that books its money does that."""
    return notice if decision.paid is not None else None


def _finished_at(decision: Decision, clock: Clock) -> datetime | None:
    if decision.paid is not None:
        return decision.paid.paid_at
    return clock.now() if decision.is_finished else None


def _report(before: Payment, after: Payment, decision: Decision) -> None:
    if before.state is not after.state:
        _moves.labels(before.state, after.state).inc()
    if decision.case is not None:
        _cases.labels(decision.case).inc()
        log.error(
            "payment.case",
            kind=decision.case,
            tenant_id=str(after.tenant_id),
            payment_id=str(after.payment_id),
            out_trade_no=after.out_trade_no,
        )


async def reload(deps: Deps, payment: Payment) -> Payment:
    found = await store.load(deps.db, payment.tenant_id, payment.payment_id)
    if found is None:
        raise NotFound
    return found


def common_members(payment: Payment | NewPayment) -> dict[str, object]:
    """The members that every event about this payment has."""
    return {
        "payment_id": payment.payment_id,
        "store_id": payment.store_id,
        "device_id": payment.device_id if payment.device_id != NO_DEVICE else None,
        "out_trade_no": payment.out_trade_no,
        "pay_request_id": payment.pay_request_id,
        "channel": payment.channel,
        "scene": payment.scene,
        "subject_text": payment.subject,
        "total_fen": payment.total_fen,
        "payable_fen": payment.payable_fen,
        "created_at": payment.created_at,
    }


def outbox_row_of(payment: Payment, decision: Decision, clock: Clock) -> outbox.Row | None:
    """The outbox row of the event for the decision; None if no event is published."""
    if decision.state is payment.state:
        return None
    members = {**stamp(payment.tenant_id, clock), **common_members(payment)}
    now = members["occurred_at"]
    event: PaymentFact
    match decision.state:
        case State.SUCCESS if decision.paid is not None:
            event = PaymentSucceeded(
                **members,
                trade_no=decision.paid.trade_no,
                buyer_id=decision.paid.buyer_id,
                buyer_logon_id=decision.paid.buyer_logon_id,
                paid_at=decision.paid.paid_at,
            )
        case State.FAILED:
            event = PaymentFailed(
                **members, reason_code=decision.reason_code or "unknown", finished_at=now
            )
        case State.CLOSED:
            event = PaymentClosed(**members, finished_at=now)
        case State.REVERSED:
            event = PaymentReversed(**members, trade_no=decision.trade_no, finished_at=now)
        case State.SUCCESS_LATE:
            event = PaymentLateSuccess(**members, trade_no=decision.trade_no, detected_at=now)
        case _:
            return None
    return outbox.row(event)


async def advance(deps: Deps, payment: Payment, at: datetime, lease: UUID) -> Payment:
    """One round for a leased payment: query, and if it is overdue, cancel at once. The lease is
    renewed until the channel has responded."""
    lease_s, name = deps.schedule.lease_s, (payment.tenant_id, payment.payment_id)
    async with renewed(lease_s, lambda: store.renew_payment(deps.db, *name, lease, lease_s)):
        return await _advance(deps, payment, at, lease)


async def _advance(deps: Deps, payment: Payment, at: datetime, lease: UUID) -> Payment:
    if payment.state in OPEN:
        fact = await deps.channels.of(payment).query(payment)
        is_overdue = at >= payment.deadline_at
        payment = await settle(deps, payment, fact, at=at, lease=lease, is_lease_kept=is_overdue)
        if is_overdue:
            payment = await _overdue(deps, payment, fact, at, lease)
    elif payment.state in NOTHING_TAKEN:
        return await _check_late(deps, payment, at, lease)
    if payment.state is State.CANCELLING and payment.lease_token == lease:
        closing = await _close(deps, payment)
        payment = await settle(deps, payment, closing, at=at, lease=lease)
    return payment


async def _overdue(deps: Deps, payment: Payment, last: Fact, at: datetime, lease: UUID) -> Payment:
    """Moves to CANCELLING after the last query; this is committed before the cancel is sent."""
    fact = Overdue(is_unpaid=not isinstance(last, Unclear))
    is_last = fact.is_unpaid or at >= deps.schedule.last_query_until(payment)
    while payment.state in OPEN and payment.lease_token == lease:
        payment = await settle(deps, payment, fact, at=at, lease=lease, is_lease_kept=is_last)
    return payment


async def _close(deps: Deps, payment: Payment) -> Fact:
    """Cancels, and queries if the cancel's response alone does not prove the outcome."""
    channel = deps.channels.of(payment)
    fact = await channel.cancel(payment)
    match fact:
        case NothingToCancel():
            seen = await channel.query(payment)
            return fact if isinstance(seen, TradeNotFound) else _not_paid(seen)
        case Refused():
            seen = await channel.query(payment)
            return PaidForGood(seen) if isinstance(seen, Paid) else _not_paid(seen)
        case Unsent():
            return Unclear(fact.code)
        case Unclear():
            return fact
    if fact.action == "close" and payment.attempts > 0:
        # An earlier cancel may have refunded and its response was lost: closed, or reversed?
        seen = await channel.query(payment)
        return fact if isinstance(seen, TradeNotFound) else _not_paid(seen)
    return fact


def _not_paid(seen: Fact) -> Fact:
    """The fact from a query while we are cancelling: unless closed, cancel again."""
    return seen if isinstance(seen, TradeClosed) else Unclear(type(seen).__name__)


async def _check_late(deps: Deps, payment: Payment, at: datetime, lease: UUID) -> Payment:
    """A trade that the channel did not know when we cancelled may have arrived there since."""
    channel = deps.channels.of(payment)
    fact = await channel.query(payment)
    if isinstance(fact, Waiting):
        await channel.cancel(payment)
    return await settle(deps, payment, fact, at=at, lease=lease)


def new_lease() -> UUID:
    return UUID(bytes=secrets.token_bytes(16))
