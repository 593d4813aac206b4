"""Trade numbers are unique without asking, and fit the channels."""

import re

from services.payment.snapshot import trade_no


def test_trade_no_fits_both_channels(clock):
    numbers = {trade_no(clock) for _ in range(1000)}
    assert len(numbers) == 1000
    assert all(re.fullmatch(r"[0-9A-Z]{32}", number) for number in numbers)


def test_each_random_place_of_a_trade_no_takes_every_character(clock):
    numbers = [trade_no(clock) for _ in range(1000)]
    assert [len({number[place] for number in numbers}) for place in range(14, 32)] == [36] * 18
