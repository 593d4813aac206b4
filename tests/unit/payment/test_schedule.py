"""Patience: 3 s, then 5 s, then cancel; three quick tries, then doubling to a cap."""

from datetime import timedelta
from itertools import pairwise

import pytest

from services.payment.snapshot import State
from tests.fixtures.clock import NOON
from tests.unit.payment.samples import SCHEDULE, payment


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 3), (29.9, 3), (30, 5), (59, 5), (600, 5)])
def test_polls(age_s, wait_s):
    at = NOON + timedelta(seconds=age_s)
    assert SCHEDULE.poll_after(payment(State.PAYING), at) == wait_s


def test_cancels_back_off_but_stay_close_enough_to_heal_in_time():
    waits = [SCHEDULE.cancel_after(attempts) for attempts in range(40)]
    assert waits[:6] == [2, 2, 2, 4, 8, 16]
    assert max(waits) == 30
    assert all(later >= earlier for earlier, later in pairwise(waits))


def test_refunds_are_asked_about_after_ten_seconds():
    waits = [SCHEDULE.refund_after(attempts) for attempts in range(20)]
    assert waits[0] == 10
    assert max(waits) == 60
    assert all(later >= earlier for earlier, later in pairwise(waits))


def test_the_last_query_is_repeated_for_a_while():
    assert SCHEDULE.last_query_until(payment()) == NOON + timedelta(seconds=75)
