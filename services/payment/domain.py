"""The payment's rules: states, what each fact does to each state, patience.

    CREATED ──────▶ CANCELLED_LOCAL            nothing was ever sent
       │
    SUBMITTED ──10003──▶ PAYING ─┐             committed before the socket write
       │  └─no clear answer──▶ UNKNOWN ─┐
       │                 │       │      │
       ├────refused──────┴───────┼──────┴───▶ FAILED
       ├────paid─────────────────┴──────────▶ SUCCESS ─▶ PARTIAL_REFUND ─▶ REFUNDED
       │                PAYING, UNKNOWN         ▲ refund ledger      ▲
       │                    │ deadline or stop, last query unpaid    │
       │                    ▼                                        │
       │                CANCELLING ──closed──▶ CLOSED                │
       │                  │  ▲ │ └──refunded─▶ REVERSED              │
       │                  └──┘ └──paid for good─┐                    │
       │                                        ▼                    │
       └─ FAILED, CLOSED, CANCELLED_LOCAL ──▶ SUCCESS_LATE ──────────┘   never silent: a case
    CANCELLING ──24 h without an end, or paid with another sum──▶ MANUAL

Everything else is rejected; CREATED, CANCELLED_LOCAL and open ─▶ MANUAL are not in use. Unclear is
neither failed nor paid: only the channel's verified word moves money, and the query has the last.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

NO_DEVICE = UUID(int=0)  # of payments that no device asked for: keys must not hold NULLs


class State(StrEnum):
    CREATED = "CREATED"
    SUBMITTED = "SUBMITTED"
    PAYING = "PAYING"
    UNKNOWN = "UNKNOWN"
    CANCELLING = "CANCELLING"
    SUCCESS = "SUCCESS"
    PARTIAL_REFUND = "PARTIAL_REFUND"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"
    CLOSED = "CLOSED"
    CANCELLED_LOCAL = "CANCELLED_LOCAL"
    REVERSED = "REVERSED"
    SUCCESS_LATE = "SUCCESS_LATE"
    MANUAL = "MANUAL"


S = State
OPEN = frozenset({S.SUBMITTED, S.PAYING, S.UNKNOWN})
"""Sent, or about to be, and the channel has not said what became of it."""
REFUNDABLE = frozenset({S.SUCCESS, S.PARTIAL_REFUND, S.SUCCESS_LATE})
NOTHING_TAKEN = frozenset({S.FAILED, S.CLOSED, S.CANCELLED_LOCAL})
ACTIVE = OPEN | {S.CREATED, S.CANCELLING, S.MANUAL, S.SUCCESS, S.PARTIAL_REFUND}
"""An order may have one attempt in these states."""

TRANSITIONS: dict[State, frozenset[State]] = {
    S.CREATED: frozenset({S.SUBMITTED, S.CANCELLED_LOCAL, S.MANUAL}),
    S.SUBMITTED: frozenset({S.SUCCESS, S.PAYING, S.UNKNOWN, S.FAILED, S.MANUAL}),
    S.PAYING: frozenset({S.SUCCESS, S.FAILED, S.CANCELLING, S.MANUAL}),
    S.UNKNOWN: frozenset({S.SUCCESS, S.FAILED, S.CANCELLING, S.MANUAL}),
    S.CANCELLING: frozenset({S.CLOSED, S.REVERSED, S.SUCCESS_LATE, S.MANUAL}),
    S.SUCCESS: frozenset({S.PARTIAL_REFUND, S.REFUNDED}),
    S.PARTIAL_REFUND: frozenset({S.REFUNDED}),
    S.SUCCESS_LATE: frozenset({S.PARTIAL_REFUND, S.REFUNDED}),
    S.FAILED: frozenset({S.SUCCESS_LATE}),
    S.CLOSED: frozenset({S.SUCCESS_LATE}),
    S.CANCELLED_LOCAL: frozenset({S.SUCCESS_LATE}),
    S.REVERSED: frozenset(),
    S.REFUNDED: frozenset(),
    S.MANUAL: frozenset(),
}

PublicStatus = Literal[
    "paid", "pending", "failed", "closed", "reversed", "refunded", "partially_refunded", "late_paid"
]
PUBLIC_STATUS: dict[State, PublicStatus] = {
    S.CREATED: "pending",
    S.SUBMITTED: "pending",
    S.PAYING: "pending",
    S.UNKNOWN: "pending",
    S.CANCELLING: "pending",
    S.MANUAL: "pending",
    S.SUCCESS: "paid",
    S.PARTIAL_REFUND: "partially_refunded",
    S.REFUNDED: "refunded",
    S.FAILED: "failed",
    S.CLOSED: "closed",
    S.CANCELLED_LOCAL: "closed",
    S.REVERSED: "reversed",
    S.SUCCESS_LATE: "late_paid",
}


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt as its row stood when it was read; the fields are the columns, in order."""

    tenant_id: UUID
    payment_id: UUID
    store_id: UUID
    device_id: UUID
    pay_request_id: str
    request_hash: bytes = field(repr=False)
    order_ref: str | None
    out_trade_no: str
    channel: Literal["alipay", "wechat", "none"]
    scene: Literal["face", "code", "none"]
    subject: str
    total_fen: int
    payable_fen: int
    app_id: str | None
    seller_id: str | None
    key_version: int | None
    state: State
    version: int
    reason_code: str | None
    reason: str | None
    trade_no: str | None
    buyer_id: str | None
    buyer_logon_id: str | None
    refund_reserved_fen: int
    refunded_fen: int
    created_at: datetime
    paid_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime
    pay_open_until: datetime | None
    """a pay request of ours may still be on its way until then; empty once its end was seen"""
    cancelling_at: datetime | None
    next_poll_at: datetime | None
    attempts: int
    """leases taken in the present state, counted before the call they are for"""
    lease_until: datetime | None
    lease_token: UUID | None


# What can be learnt about a payment. The channel's own words are in services/payment/channels.py.


@dataclass(frozen=True, slots=True)
class Paid:
    """The channel says it was captured."""

    trade_no: str
    total_fen: int
    paid_at: datetime
    buyer_id: str | None = None
    buyer_logon_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The trade exists and the buyer has not confirmed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The pay call was definitely refused; nothing was captured."""

    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The pay call surely never left."""

    code: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The channel knows no such trade (now)."""


@dataclass(frozen=True, slots=True)
class TradeClosed:
    """The query says closed; `was_paid` when money had been taken before."""

    was_paid: bool = False
    trade_no: str | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Timeout, no believable answer, or words we do not know."""

    reason: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """The deadline passed, or somebody stopped it, and the query just now did not say paid."""

    is_unpaid: bool = True
    """False when that query gave no clear answer either"""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The channel confirmed our cancel."""

    action: Literal["close", "refund"]
    trade_no: str | None = None


@dataclass(frozen=True, slots=True)
class NothingToCancel:
    """The channel knows nothing that could be cancelled."""


@dataclass(frozen=True, slots=True)
class PaidForGood:
    """The channel refuses to cancel, and the query says paid."""

    paid: Paid


Fact = (
    Paid | Waiting | Refused | NotSent | NotFound | TradeClosed | Unclear | Overdue
    | Cancelled | NothingToCancel | PaidForGood
)  # fmt: skip

CaseKind = Literal["late_success", "amount_mismatch", "manual"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the row. `poll_s`: look again after so many seconds; None: never."""

    state: State
    poll_s: float | None = None
    paid: Paid | None = None
    trade_no: str | None = None
    is_finished: bool = False
    reason_code: str | None = None
    reason: str | None = None
    case: CaseKind | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """How patient we are; every number is configuration (alipay-protocol §4.9)."""

    deadline_s: float = 60.0
    poll_s: float = 3.0
    slow_poll_s: float = 5.0
    slow_after_s: float = 30.0
    crashed_s: float = 5.0
    """after submit, when nobody has reported the pay call's end"""
    last_query_grace_s: float = 15.0
    pay_open_s: float = 30.0
    cancel_quick_s: float = 2.0
    cancel_quick_tries: int = 3
    cancel_max_s: float = 30.0
    give_up_s: float = 24 * 3600.0
    late_check_s: float = 30.0
    late_check_until_s: float = 3600.0
    lease_s: float = 15.0
    refund_query_s: float = 10.0
    refund_max_s: float = 60.0

    def poll_after(self, payment: Payment, at: datetime) -> float:
        """Every 3 s in the first half minute, then every 5 s."""
        age_s = (at - payment.created_at).total_seconds()
        return self.poll_s if age_s < self.slow_after_s else self.slow_poll_s

    def last_query_until(self, payment: Payment) -> datetime:
        """A last query without a clear answer is repeated for a while before we cancel blindly."""
        return payment.deadline_at + timedelta(seconds=self.last_query_grace_s)

    def cancel_after(self, attempts: int) -> float:
        """Three quick tries, then doubling to a cap that keeps healing fast."""
        if attempts < self.cancel_quick_tries:
            return self.cancel_quick_s
        doubled = self.cancel_quick_s * 2.0 ** min(attempts - self.cancel_quick_tries + 1, 10)
        return min(doubled, self.cancel_max_s)

    def refund_after(self, attempts: int) -> float:
        """A refund is asked about 10 s after it was sent, then ever more rarely."""
        return min(self.refund_query_s * 1.5 ** min(attempts, 10), self.refund_max_s)


class IllegalMove(Exception):
    """A decision that the transition table does not allow: a bug, never data."""


def apply(payment: Payment, fact: Fact, at: datetime, schedule: Schedule) -> Decision | None:
    """What `fact` does to `payment`; None when it changes nothing at all."""
    if payment.state in OPEN:
        decision: Decision | None = _apply_open(payment, fact, at, schedule)
    elif payment.state is S.CANCELLING:
        decision = _apply_cancelling(payment, fact, at, schedule)
    elif payment.state in NOTHING_TAKEN:
        decision = _apply_nothing_taken(payment, fact, at, schedule)
    else:
        decision = None
    if decision is not None and decision.state is not payment.state:
        check_move(payment.state, decision.state)
    return decision


def check_move(old: State, new: State) -> None:
    """Raises IllegalMove unless the table allows it."""
    if new not in TRANSITIONS[old]:
        raise IllegalMove(f"{old} -> {new}")


def _apply_open(payment: Payment, fact: Fact, at: datetime, schedule: Schedule) -> Decision:
    still = S.UNKNOWN if payment.state is S.SUBMITTED else payment.state
    # Nothing learnt: look again, at once after an unclear pay call.
    is_new_doubt = isinstance(fact, Unclear) and payment.state is S.SUBMITTED
    decision = Decision(still, poll_s=0.0 if is_new_doubt else schedule.poll_after(payment, at))
    match fact:
        case Paid() if fact.total_fen == payment.payable_fen:
            decision = Decision(S.SUCCESS, paid=fact, trade_no=fact.trade_no)
        case Paid():
            decision = replace(decision, case="amount_mismatch")
        case Waiting() if payment.state is S.SUBMITTED:
            decision = replace(decision, state=S.PAYING)
        case Refused():
            decision = _failed(fact.code, fact.message)
        # A trade that the channel has shown us was sent, whatever the caller believes.
        case NotSent() if payment.state is not S.PAYING:
            decision = _failed(fact.code, "")
        case TradeClosed() | Overdue(is_unpaid=True):
            decision = _stop(payment)
        case Overdue() if at >= schedule.last_query_until(payment):
            decision = _stop(payment)
        case Overdue():
            decision = Decision(still, poll_s=schedule.cancel_quick_s)
        case _:
            pass
    return decision


def _failed(code: str, message: str) -> Decision:
    return Decision(S.FAILED, is_finished=True, reason_code=code, reason=message or None)


def _stop(payment: Payment) -> Decision:
    """CANCELLING, committed before the cancel is sent; SUBMITTED gets there in two steps."""
    if payment.state is S.SUBMITTED:
        return Decision(S.UNKNOWN, poll_s=0.0)
    return Decision(S.CANCELLING, poll_s=0.0)


def _apply_cancelling(payment: Payment, fact: Fact, at: datetime, schedule: Schedule) -> Decision:
    # The pay call's own late answer decides nothing here: the cancel does.
    decision = Decision(S.CANCELLING, poll_s=0.0)
    match fact:
        case Cancelled(action="refund") | TradeClosed(was_paid=True):
            decision = Decision(S.REVERSED, is_finished=True, trade_no=fact.trade_no)
        case Cancelled() | TradeClosed():
            decision = Decision(S.CLOSED, is_finished=True, trade_no=fact.trade_no)
        case NothingToCancel():
            is_on_its_way = payment.pay_open_until is not None and at < payment.pay_open_until
            decision = (
                Decision(S.CANCELLING, poll_s=schedule.cancel_quick_s)
                if is_on_its_way
                else Decision(S.CLOSED, is_finished=True, poll_s=schedule.late_check_s)
            )
        case PaidForGood():
            decision = _late(payment, fact.paid) or Decision(S.MANUAL, case="amount_mismatch")
        case Unclear() | Waiting() | NotFound() | Overdue():
            since = payment.cancelling_at or at
            decision = (
                Decision(S.MANUAL, case="manual")
                if (at - since).total_seconds() >= schedule.give_up_s
                else Decision(S.CANCELLING, poll_s=schedule.cancel_after(payment.attempts))
            )
        case _:
            pass
    return decision


def _late(payment: Payment, paid: Paid) -> Decision | None:
    """Money after the end; None when it is not our amount, which nothing may book as ours."""
    if paid.total_fen != payment.payable_fen:
        return None
    return Decision(S.SUCCESS_LATE, paid=paid, trade_no=paid.trade_no, case="late_success")


def _apply_nothing_taken(
    payment: Payment, fact: Fact, at: datetime, schedule: Schedule
) -> Decision | None:
    """After the end: money that shows up now opens a case; `next_poll_at` is a late check."""
    if isinstance(fact, Paid):
        return _late(payment, fact) or Decision(payment.state, case="amount_mismatch")
    if payment.next_poll_at is None:
        return None
    if isinstance(fact, Waiting | Unclear):
        age_s = (at - payment.created_at).total_seconds()
        again = schedule.late_check_s if age_s < schedule.late_check_until_s else None
        return Decision(payment.state, poll_s=again)
    if isinstance(fact, NotFound | TradeClosed):
        return Decision(payment.state)
    return None
