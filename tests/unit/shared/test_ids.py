"""Identifiers are ordered by time and unique without asking."""

from shared.ids import random_token, uuid7


def test_uuid7_is_version_7_and_ordered_by_time(clock):
    first = uuid7(clock)
    clock.advance(0.002)
    second = uuid7(clock)
    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
    assert first < second


def test_random_token_is_long_enough():
    assert len(random_token(32)) >= 43
