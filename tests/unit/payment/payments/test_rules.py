"""The transition table, row by row, and what no sequence of facts may ever do."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.payment.channels.port import (
    Cancelled,
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
from services.payment.payments.rules import (
    NOTHING_TAKEN,
    OPEN,
    PUBLIC_STATUS,
    REFUNDABLE,
    TRANSITIONS,
    IllegalMove,
    apply,
    check_move,
)
from services.payment.snapshot import State
from tests.fixtures.clock import NOON
from tests.unit.payment.samples import PAID, SCHEDULE, payment

S = State
LATER = NOON + timedelta(seconds=90)
EARLY = NOON + timedelta(seconds=2)

# (state, fact, instant) -> state, poll_s
TABLE = [
    (S.SUBMITTED, PAID, EARLY, S.SUCCESS, None),
    (S.SUBMITTED, Waiting(), EARLY, S.PAYING, 3.0),
    (S.SUBMITTED, Unclear("timeout"), EARLY, S.UNKNOWN, 0.0),
    (S.SUBMITTED, TradeNotFound(), EARLY, S.UNKNOWN, 3.0),
    (S.SUBMITTED, Refused("ACQ.X"), EARLY, S.FAILED, None),
    (S.SUBMITTED, Unsent("c"), EARLY, S.FAILED, None),
    (S.SUBMITTED, Overdue(), LATER, S.UNKNOWN, 0.0),
    (S.SUBMITTED, TradeClosed(), EARLY, S.UNKNOWN, 0.0),
    (S.SUBMITTED, replace(PAID, total_fen=1206), EARLY, S.UNKNOWN, 3.0),
    (S.PAYING, PAID, EARLY, S.SUCCESS, None),
    (S.PAYING, Waiting(), EARLY, S.PAYING, 3.0),
    (S.PAYING, Waiting(), NOON + timedelta(seconds=30), S.PAYING, 5.0),
    (S.PAYING, Unclear("x"), EARLY, S.PAYING, 3.0),
    (S.PAYING, TradeNotFound(), EARLY, S.PAYING, 3.0),
    (S.PAYING, Refused("ACQ.X"), EARLY, S.FAILED, None),
    (S.PAYING, Unsent("c"), EARLY, S.PAYING, 3.0),
    (S.PAYING, Overdue(), LATER, S.CANCELLING, 0.0),
    (S.PAYING, Overdue(is_unpaid=False), NOON + timedelta(seconds=61), S.PAYING, 2.0),
    (S.PAYING, Overdue(is_unpaid=False), LATER, S.CANCELLING, 0.0),
    (S.PAYING, TradeClosed(), EARLY, S.CANCELLING, 0.0),
    (S.UNKNOWN, PAID, EARLY, S.SUCCESS, None),
    (S.UNKNOWN, Waiting(), EARLY, S.UNKNOWN, 3.0),
    (S.UNKNOWN, TradeNotFound(), EARLY, S.UNKNOWN, 3.0),
    (S.UNKNOWN, Unclear("x"), EARLY, S.UNKNOWN, 3.0),
    (S.UNKNOWN, Refused("ACQ.X"), EARLY, S.FAILED, None),
    (S.UNKNOWN, Overdue(), LATER, S.CANCELLING, 0.0),
    (S.CANCELLING, Cancelled("close"), EARLY, S.CLOSED, None),
    (S.CANCELLING, Cancelled("refund"), EARLY, S.REVERSED, None),
    (S.CANCELLING, TradeClosed(), EARLY, S.CLOSED, None),
    (S.CANCELLING, TradeClosed(was_paid=True), EARLY, S.REVERSED, None),
    (S.CANCELLING, NothingToCancel(), EARLY, S.CANCELLING, 2.0),
    (S.CANCELLING, NothingToCancel(), LATER, S.CLOSED, 30.0),
    (S.CANCELLING, Unclear("x"), EARLY, S.CANCELLING, 2.0),
    (S.CANCELLING, Unclear("x"), NOON + timedelta(hours=24), S.MANUAL, None),
    (S.CANCELLING, PAID, EARLY, S.CANCELLING, 0.0),
    (S.CANCELLING, Refused("ACQ.X"), EARLY, S.CANCELLING, 0.0),
    (S.CANCELLING, PaidForGood(PAID), EARLY, S.SUCCESS_LATE, None),
    (S.CLOSED, PAID, LATER, S.SUCCESS_LATE, None),
    (S.FAILED, PAID, LATER, S.SUCCESS_LATE, None),
]


@pytest.mark.parametrize(("state", "fact", "at", "after", "poll_s"), TABLE)
def test_table(state, fact, at, after, poll_s):
    decision = apply(payment(state), fact, at, SCHEDULE)
    assert decision is not None
    assert (decision.state, decision.poll_s) == (after, poll_s)


@pytest.mark.parametrize(
    "state", [S.SUCCESS, S.PARTIAL_REFUND, S.REFUNDED, S.REVERSED, S.SUCCESS_LATE, S.MANUAL]
)
@pytest.mark.parametrize("fact", [PAID, Waiting(), TradeClosed(), Cancelled("close"), Refused("x")])
def test_what_is_decided_stays(state, fact):
    assert apply(payment(state), fact, LATER, SCHEDULE) is None


@pytest.mark.parametrize("state", sorted(NOTHING_TAKEN))
def test_ends_without_money_are_left_alone(state):
    for fact in (Waiting(), TradeNotFound(), Unclear("x"), TradeClosed(), Refused("x"), Overdue()):
        assert apply(payment(state), fact, LATER, SCHEDULE) is None


def test_a_late_check_ends():
    closed = payment(S.CLOSED, next_poll_at=LATER)
    assert apply(closed, TradeNotFound(), LATER, SCHEDULE).poll_s is None
    assert apply(closed, Unclear("x"), LATER, SCHEDULE).poll_s == 30.0
    assert apply(closed, Unclear("x"), NOON + timedelta(hours=1), SCHEDULE).poll_s is None


def test_money_in_doubt_opens_a_case():
    other_amount = replace(PAID, total_fen=1208)
    assert apply(payment(), other_amount, EARLY, SCHEDULE).case == "amount_mismatch"
    assert apply(payment(S.CLOSED), PAID, LATER, SCHEDULE).case == "late_success"
    for state in (S.CLOSED, S.FAILED):
        late = apply(payment(state), other_amount, LATER, SCHEDULE)
        assert (late.state, late.case, late.paid) == (state, "amount_mismatch", None)
    kept = apply(payment(S.CANCELLING), PaidForGood(other_amount), LATER, SCHEDULE)
    assert (kept.state, kept.case, kept.paid) == (S.MANUAL, "amount_mismatch", None)
    day = NOON + timedelta(hours=25)
    assert apply(payment(S.CANCELLING), Unclear("x"), day, SCHEDULE).case == "manual"


def test_the_table_is_the_specification():
    """reliability-security §3, From → To; no payment is stored before it is submitted, so CREATED
    and CANCELLED_LOCAL are left out."""
    written = {
        ("SUBMITTED", "SUCCESS"), ("SUBMITTED", "PAYING"), ("SUBMITTED", "UNKNOWN"),
        ("SUBMITTED", "FAILED"), ("PAYING", "FAILED"), ("UNKNOWN", "FAILED"),
        ("PAYING", "SUCCESS"), ("UNKNOWN", "SUCCESS"),
        ("PAYING", "CANCELLING"), ("UNKNOWN", "CANCELLING"),
        ("CANCELLING", "CLOSED"), ("CANCELLING", "REVERSED"), ("CANCELLING", "SUCCESS_LATE"),
        ("CLOSED", "SUCCESS_LATE"), ("FAILED", "SUCCESS_LATE"),
        ("SUCCESS", "PARTIAL_REFUND"), ("SUCCESS", "REFUNDED"), ("PARTIAL_REFUND", "REFUNDED"),
        ("SUBMITTED", "MANUAL"), ("PAYING", "MANUAL"),
        ("UNKNOWN", "MANUAL"), ("CANCELLING", "MANUAL"),
        # Late money is given back through the same ledger.
        ("SUCCESS_LATE", "PARTIAL_REFUND"), ("SUCCESS_LATE", "REFUNDED"),
    }  # fmt: skip
    assert {(str(old), str(new)) for old, news in TRANSITIONS.items() for new in news} == written
    for old in State:
        for new in State:
            if (old.value, new.value) not in written:
                with pytest.raises(IllegalMove):
                    check_move(old, new)


def test_every_state_has_a_public_word():
    """What a device is told; written out, not read from the table that it judges."""
    words = {
        "SUBMITTED": "pending", "PAYING": "pending", "UNKNOWN": "pending",
        "CANCELLING": "pending", "MANUAL": "pending", "SUCCESS": "paid",
        "PARTIAL_REFUND": "partially_refunded", "REFUNDED": "refunded", "FAILED": "failed",
        "CLOSED": "closed", "REVERSED": "reversed",
        "SUCCESS_LATE": "late_paid",
    }  # fmt: skip
    assert {state.value: word for state, word in PUBLIC_STATUS.items()} == words


def test_the_sets_of_states_are_these():
    """What is still queried, may be refunded, or ended without money."""
    assert {state.value for state in OPEN} == {"SUBMITTED", "PAYING", "UNKNOWN"}
    assert {s.value for s in REFUNDABLE} == {"SUCCESS", "PARTIAL_REFUND", "SUCCESS_LATE"}
    assert {s.value for s in NOTHING_TAKEN} == {"FAILED", "CLOSED"}


FACTS = st.one_of(
    st.builds(Paid, st.just("t"), st.sampled_from([1207, 1207, 1206]), st.just(NOON)),
    st.sampled_from([
        Waiting(), Refused("x"), Unsent("x"), TradeNotFound(), TradeClosed(), TradeClosed(True),
        Unclear("x"), Overdue(), Overdue(is_unpaid=False), Cancelled("close"),
        Cancelled("refund"), NothingToCancel(), PaidForGood(PAID),
    ]),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(FACTS, st.floats(0, 400)), max_size=12),
    st.sampled_from(sorted(State)),
)
def test_no_sequence_of_facts_breaks_a_rule(steps, state):
    """F11, F14: only listed moves; unclear is never an end; paid needs the right amount; every
    undecided state is looked at again."""
    at, now = NOON, payment(state)
    for fact, seconds in steps:
        at += timedelta(seconds=seconds)
        decision = apply(now, fact, at, SCHEDULE)
        if decision is None:
            continue
        if decision.state is not now.state:
            check_move(now.state, decision.state)
        if decision.state is S.SUCCESS:
            assert isinstance(fact, Paid)
            assert fact.total_fen == now.payable_fen
        if isinstance(fact, Unclear | Waiting | TradeNotFound):
            assert decision.state in OPEN | {S.CANCELLING, S.MANUAL, now.state}
        if decision.state is S.FAILED and now.state is not S.FAILED:
            assert isinstance(fact, Refused | Unsent)
        if decision.state in {S.CLOSED, S.REVERSED} and now.state is not decision.state:
            assert now.state is S.CANCELLING
        assert (decision.poll_s is not None) or decision.state not in OPEN | {S.CANCELLING}
        since = now.cancelling_at or (at if decision.state is S.CANCELLING else None)
        now = replace(now, state=decision.state, version=now.version + 1, cancelling_at=since)
