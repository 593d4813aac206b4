"""The demo merchant's days: lively, plausible, and the same however often they are asked for."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest

from deploy.local.demo import merchant
from deploy.local.demo.sales import days_before, steps
from deploy.local.layout import StackError

CHINA = timezone(timedelta(hours=8))
UNTIL = datetime(2026, 11, 28, 14, 30, tzinfo=UTC)
"""22:30 in China"""


def test_some_days_of_sales_in_all_stores() -> None:
    sales = list(days_before(UNTIL, 6, 3))
    days = Counter(sale.at.astimezone(CHINA).date() for sale in sales)
    assert len(days) == 7
    assert min(days.values()) >= 5
    assert {sale.store for sale in sales} == {0, 1, 2}
    assert Counter(sale.ending for sale in sales)["unknown"] == 1
    assert Counter(sale.ending for sale in sales)["refused"] >= 3
    given_back = [sale for sale in sales if sale.refund_fen]
    assert any(sale.refund_fen == sale.amount_fen for sale in given_back)
    assert any(sale.refund_fen < sale.amount_fen for sale in given_back)
    assert all(0 < sale.refund_fen <= sale.amount_fen for sale in given_back)


def test_oldest_first_and_none_in_the_future() -> None:
    for until in (UNTIL, datetime(2026, 11, 27, 16, 1, tzinfo=UTC)):  # a minute after midnight
        times = [sale.at for sale in days_before(until, 2, 3)]
        assert times == sorted(times)
        assert max(times) < until


@pytest.mark.parametrize("hour", range(24))
def test_a_refund_moves_no_sale_to_a_later_time(hour: int) -> None:
    """The clock of the past goes forward only, and its future is the sandbox's now."""
    until = datetime(2026, 11, 28, hour, 50, tzinfo=UTC)
    sales = list(days_before(until, 6, 3))
    clock, sold = sales[0].at, []
    for at, sale, is_refund in steps(sales, until):
        clock = max(clock, at)
        assert clock <= until
        if is_refund:
            assert sale.name in sold
            assert at >= sale.at
        else:
            assert clock == sale.at
            sold.append(sale.name)
    assert sold == [sale.name for sale in sales]


def test_asked_again_it_is_the_same() -> None:
    """Under the same names, with the same codes: the platform takes each for one payment."""
    sales = list(days_before(UNTIL, 3, 3))
    assert sales == list(days_before(UNTIL, 3, 3))
    assert len({sale.name for sale in sales}) == len(sales)
    codes = [sale.code("s") for sale in sales]
    assert codes == [sale.code("s") for sale in sales]
    assert len(set(codes)) == len(codes)
    assert not set(codes) & {sale.code("another stack") for sale in sales}
    assert {len(code) for code in codes} == {18, 35}


@pytest.mark.parametrize("given", ["-1", "many", "400", "2.5"])
def test_what_is_no_number_of_days_is_said(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_DAYS", given)
    with pytest.raises(StackError, match="DEMO_DAYS"):
        merchant.days()
