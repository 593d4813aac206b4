"""Order numbers: a letter and 14 digits that never repeat and count nothing (S94)."""

import itertools
from datetime import UTC, datetime
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.order.domain import is_order_no, order_day
from tests.unit.order.digits import digits, undone

KEYS = st.integers(0, 2**62 - 1)


@given(number=st.integers(0, 10**8 - 1), key=KEYS)
def test_every_number_comes_back(number: int, key: int) -> None:
    """What can be undone for each of the 10**8 numbers is a bijection on them."""
    text = digits(number, key)
    assert len(text) == 8
    assert undone(text, key) == number


@given(text=st.from_regex(r"[0-9]{8}", fullmatch=True), key=KEYS)
def test_every_text_is_somebodys(text: str, key: int) -> None:
    assert digits(undone(text, key), key) == text


@given(start=st.integers(0, 10**9), key=KEYS)
def test_a_run_of_numbers_has_no_twins(start: int, key: int) -> None:
    run = range(start, start + 500)
    assert len({digits(number, key) for number in run}) == len(run)


def test_neighbours_tell_nothing() -> None:
    """Consecutive numbers are as far apart as random ones: a third of the range on average, and
    hardly ever the same distance (a distance that repeats lets a reader count)."""
    values = [int(digits(number, 2**61 + 12_345)) for number in range(5_000)]
    steps = [abs(b - a) for a, b in itertools.pairwise(values)]
    assert 0.31e8 < mean(steps) < 0.36e8
    assert len(set(steps)) > 4_950


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 23, 4, 0, tzinfo=UTC), "261123"),
        (datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), "261123"),
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), "261124"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "270101"),
        (datetime(2000, 1, 1, 0, 0, tzinfo=UTC), "000101"),
    ],
)
def test_the_day_is_the_one_in_china(at: datetime, day: str) -> None:
    assert order_day(at) == day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D26112312345678", True),
        ("O26112312345678", True),
        ("X26112312345678", False),
        ("d26112312345678", False),
        ("D2611231234567", False),
        ("D261123123456789", False),
        ("D2611231234567\u0661", False),
        ("D26112312345678\n", False),
    ],
)
def test_what_an_order_number_looks_like(text: str, expected: bool) -> None:
    assert is_order_no(text) is expected
