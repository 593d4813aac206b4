"""A payment against a channel with a memory of its own: any interleaving of the pay call, queries,
notices, cancels and lost answers ends with both books agreeing (F7, F8, F11, F31)."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.payment.channels.port import (
    Cancelled,
    NothingToCancel,
    Overdue,
    TradeClosed,
    TradeNotFound,
    Unclear,
    Waiting,
)
from services.payment.payments.rules import NOTHING_TAKEN, OPEN, apply
from services.payment.snapshot import State
from tests.fixtures.clock import NOON
from tests.unit.payment.samples import PAID, SCHEDULE, payment

CAPTURED = frozenset({State.SUCCESS, State.SUCCESS_LATE})


class Sale(RuleBasedStateMachine):
    """`trade` is the channel's truth: absent, waiting, paid, closed, reversed."""

    def __init__(self):
        super().__init__()
        self.at = NOON
        self.payment = payment()
        self.trade = "absent"
        self.is_request_out = True
        self.answer = None

    def learn(self, fact, **changes):
        decision = apply(self.payment, fact, self.at, SCHEDULE)
        if decision is None:
            return
        since = self.payment.cancelling_at
        if decision.state is State.CANCELLING and since is None:
            since = self.at
        is_new = decision.state is not self.payment.state
        self.payment = replace(
            self.payment,
            state=decision.state,
            cancelling_at=since,
            attempts=0 if is_new else self.payment.attempts,
            next_poll_at=self.at if decision.poll_s is not None else None,
            **changes,
        )

    def query(self):
        return {
            "absent": TradeNotFound(),
            "waiting": Waiting(),
            "paid": PAID,
            "closed": TradeClosed(),
            "reversed": TradeClosed(was_paid=True),
        }[self.trade]

    @rule(seconds=st.integers(1, 40))
    def time_passes(self, seconds):
        self.at += timedelta(seconds=seconds)

    @precondition(lambda self: self.is_request_out and self.at < self.payment.pay_open_until)
    @rule(needs_confirmation=st.booleans(), is_answer_lost=st.booleans())
    def the_request_arrives(self, needs_confirmation, is_answer_lost):
        """Before the instant until which our own call may be on its way: what has not arrived by
        then never does, and what was decided after it is not undone by going back in time."""
        self.is_request_out = False
        self.trade = "waiting" if needs_confirmation else "paid"
        answer = Waiting() if needs_confirmation else PAID
        self.learn(Unclear("lost") if is_answer_lost else answer, pay_open_until=None)

    @precondition(lambda self: self.is_request_out)
    @rule()
    def the_request_is_lost(self):
        self.is_request_out = False
        self.learn(Unclear("lost"), pay_open_until=None)

    @precondition(lambda self: self.trade == "waiting")
    @rule()
    def the_buyer_confirms(self):
        self.trade = "paid"

    @precondition(lambda self: self.payment.state in OPEN)
    @rule(is_lost=st.booleans())
    def we_ask(self, is_lost):
        self.learn(Unclear("lost") if is_lost else self.query())

    @precondition(lambda self: self.payment.state in OPEN and self.trade == "paid")
    @rule()
    def a_notice_comes(self):
        self.learn(PAID)

    @precondition(lambda self: self.payment.state in OPEN)
    @rule()
    def somebody_stops_it(self):
        """The last query, then (when it says unpaid) the step to CANCELLING."""
        last = self.query()
        self.learn(last)
        while self.payment.state in OPEN:
            self.learn(Overdue(is_unpaid=True))

    @precondition(lambda self: self.payment.state is State.CANCELLING)
    @rule(is_lost=st.booleans())
    def we_cancel(self, is_lost):
        """As settlement._close: the answer, and a query where it does not prove the end."""
        answer = NothingToCancel()
        if self.trade == "paid":
            self.trade, answer = "reversed", Cancelled("refund")
        elif self.trade != "absent":
            was_reversed = self.trade == "reversed"
            self.trade = "reversed" if was_reversed else "closed"
            answer = Cancelled("close")
        is_first = self.payment.attempts == 0
        self.payment = replace(self.payment, attempts=self.payment.attempts + 1)
        if is_lost:
            self.learn(Unclear("lost"))
        elif answer == Cancelled("close") and not is_first:
            self.learn(self.query())
        else:
            self.learn(answer)

    @invariant()
    def a_booked_payment_was_captured(self):
        if self.payment.state in CAPTURED:
            assert self.trade == "paid"

    @invariant()
    def nothing_captured_is_booked_as_nothing(self):
        """Never CLOSED with a capture: our request is no longer out when we say closed."""
        if self.payment.state in NOTHING_TAKEN:
            assert self.trade in {"absent", "closed"}

    @invariant()
    def reversed_means_given_back(self):
        if self.payment.state is State.REVERSED:
            assert self.trade == "reversed"

    def teardown(self):
        """Healed: the sweeper's rounds end it, whatever happened before."""
        if self.is_request_out:
            self.the_request_is_lost()
        self.at += timedelta(seconds=120)
        for _ in range(6):
            if self.payment.state in OPEN:
                self.somebody_stops_it()
            elif self.payment.state is State.CANCELLING:
                self.we_cancel(is_lost=False)
        assert self.payment.state not in OPEN | {State.CANCELLING}
        self.a_booked_payment_was_captured()
        self.nothing_captured_is_booked_as_nothing()
        self.reversed_means_given_back()


Sale.TestCase.settings = settings(max_examples=250, stateful_step_count=12, deadline=None)
TestSale = Sale.TestCase
