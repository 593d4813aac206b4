"""Identifiers are ordered by time, unique without asking, and fit the channels."""

import re

from shared.ids import random_token, trade_no, uuid7


def test_uuid7_is_version_7_and_ordered_by_time(clock):
    first = uuid7(clock)
    clock.advance(0.002)
    second = uuid7(clock)
    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
    assert first < second


def test_trade_no_fits_both_channels(clock):
    numbers = {trade_no(clock) for _ in range(1000)}
    assert len(numbers) == 1000
    assert all(re.fullmatch(r"[0-9A-Z]{32}", number) for number in numbers)


def test_each_random_place_of_a_trade_no_takes_every_character(clock):
    numbers = [trade_no(clock) for _ in range(1000)]
    assert [len({number[place] for number in numbers}) for place in range(14, 32)] == [36] * 18


def test_random_token_is_long_enough():
    assert len(random_token(32)) >= 43
