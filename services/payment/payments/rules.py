"""The payment's rules: its states, and the effect of each fact in each state.

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
       └─ FAILED, CLOSED ───────────────────▶ SUCCESS_LATE ──────────┘   never silent: a case
    CANCELLING ──24 h without an end, or paid with another sum──▶ MANUAL

All other moves are rejected; open ─▶ MANUAL is not in use. An unclear result is neither failed nor
paid: money is booked only on the channel's verified report, and where reports differ, the query
decides.

Problems of a request (outcomes of payments are data, not problems):

Problem
├── InvalidBody
│   ├── BadAuthCode            422  payment.bad_auth_code
│   ├── ChannelNotConfigured   422  payment.channel_not_configured
│   └── RequestMismatch        422  payment.request_mismatch
├── Unauthorized
│   └── Replayed               401  auth.replayed
├── NotFound
│   └── UnknownStore           404  payment.unknown_store
└── Conflict
    ├── AppNotBound            409  payment.app_not_bound
    ├── MerchantIsSuspended    409  payment.merchant_suspended
    └── OrderActive            409  payment.order_active
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.payment.channels.port import (
    Cancelled,
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
from services.payment.schedule import Schedule
from services.payment.snapshot import Payment, State
from shared.errors import Conflict, InvalidBody, NotFound, Unauthorized

S = State
OPEN = frozenset({S.SUBMITTED, S.PAYING, S.UNKNOWN})
"""Sent, or about to be sent, and the channel has not reported the outcome."""
REFUNDABLE = frozenset({S.SUCCESS, S.PARTIAL_REFUND, S.SUCCESS_LATE})
NOTHING_TAKEN = frozenset({S.FAILED, S.CLOSED})

TRANSITIONS: dict[State, frozenset[State]] = {
    S.SUBMITTED: frozenset({S.SUCCESS, S.PAYING, S.UNKNOWN, S.FAILED, S.MANUAL}),
    S.PAYING: frozenset({S.SUCCESS, S.FAILED, S.CANCELLING, S.MANUAL}),
    S.UNKNOWN: frozenset({S.SUCCESS, S.FAILED, S.CANCELLING, S.MANUAL}),
    S.CANCELLING: frozenset({S.CLOSED, S.REVERSED, S.SUCCESS_LATE, S.MANUAL}),
    S.SUCCESS: frozenset({S.PARTIAL_REFUND, S.REFUNDED}),
    S.PARTIAL_REFUND: frozenset({S.REFUNDED}),
    S.SUCCESS_LATE: frozenset({S.PARTIAL_REFUND, S.REFUNDED}),
    S.FAILED: frozenset({S.SUCCESS_LATE}),
    S.CLOSED: frozenset({S.SUCCESS_LATE}),
    S.REVERSED: frozenset(),
    S.REFUNDED: frozenset(),
    S.MANUAL: frozenset(),
}

PublicStatus = Literal[
    "paid", "pending", "failed", "closed", "reversed", "refunded", "partially_refunded", "late_paid"
]
PUBLIC_STATUS: dict[State, PublicStatus] = {
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
    S.REVERSED: "reversed",
    S.SUCCESS_LATE: "late_paid",
}


CaseKind = Literal["late_success", "amount_mismatch", "manual"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The change of the row. `poll_s`: check again after so many seconds; None: never."""

    state: State
    poll_s: float | None = None
    paid: Paid | None = None
    trade_no: str | None = None
    is_finished: bool = False
    reason_code: str | None = None
    reason: str | None = None
    case: CaseKind | None = None


class BadAuthCode(InvalidBody):
    code = "payment.bad_auth_code"
    title = "付款码无法识别，请重新扫码或刷脸 This is no payment code; please scan again."


class ChannelNotConfigured(InvalidBody):
    code = "payment.channel_not_configured"
    title = (
        "暂不支持微信付款码，请出示支付宝付款码或刷脸"
        " WeChat codes are not taken yet; please show an Alipay code, or pay by face."
    )


class RequestMismatch(InvalidBody):
    code = "payment.request_mismatch"
    title = "同一请求号的内容不一致 The same pay_request_id was used with other content."


class Replayed(Unauthorized):
    code = "auth.replayed"
    title = "请求已被使用，请重新签名 This request was used before; sign a new one."


class UnknownStore(NotFound):
    code = "payment.unknown_store"
    title = "没有这个门店 No such store."


class AppNotBound(Conflict):
    code = "payment.app_not_bound"
    title = "商户尚未绑定应用 No app is bound to this merchant."


class MerchantIsSuspended(Conflict):
    code = "payment.merchant_suspended"
    title = (
        "商户已被平台停用，暂不能收款，请联系平台 "
        "The platform has suspended this merchant; it takes no payments. Please ask the platform."
    )


class OrderActive(Conflict):
    code = "payment.order_active"
    title = "该订单正在支付或已支付 This order is being paid, or is paid."


class IllegalMove(Exception):
    """A decision that the transition table does not allow: a bug in our code."""


def apply(payment: Payment, fact: Fact, at: datetime, schedule: Schedule) -> Decision | None:
    """The effect of `fact` on `payment`; None if it changes nothing."""
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
    # By default check again later, but at once after an unclear pay call.
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
        # In PAYING the channel has confirmed the trade, so the pay call was sent.
        case Unsent() if payment.state is not S.PAYING:
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
    """CANCELLING, committed before the cancel is sent; from SUBMITTED it takes two steps."""
    if payment.state is S.SUBMITTED:
        return Decision(S.UNKNOWN, poll_s=0.0)
    return Decision(S.CANCELLING, poll_s=0.0)


def _apply_cancelling(payment: Payment, fact: Fact, at: datetime, schedule: Schedule) -> Decision:
    # A late response of the pay call decides nothing here: the cancel does.
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
        case Unclear() | Waiting() | TradeNotFound() | Overdue():
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
    """The decision for money after the end; None for another amount, which is never booked."""
    if paid.total_fen != payment.payable_fen:
        return None
    return Decision(S.SUCCESS_LATE, paid=paid, trade_no=paid.trade_no, case="late_success")


def _apply_nothing_taken(
    payment: Payment, fact: Fact, at: datetime, schedule: Schedule
) -> Decision | None:
    """After the end: late money opens a case; `next_poll_at` is the time of a late check."""
    if isinstance(fact, Paid):
        return _late(payment, fact) or Decision(payment.state, case="amount_mismatch")
    if payment.next_poll_at is None:
        return None
    if isinstance(fact, Waiting | Unclear):
        age_s = (at - payment.created_at).total_seconds()
        again = schedule.late_check_s if age_s < schedule.late_check_until_s else None
        return Decision(payment.state, poll_s=again)
    if isinstance(fact, TradeNotFound | TradeClosed):
        return Decision(payment.state)
    return None
