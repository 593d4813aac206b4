"""The lottery's pick: fixed bits, fixed prize; honest odds (reliability §8 #10)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaign.domain import DEFAULT_OFFER
from services.campaign.draw import BITS, pick

WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=20).filter(any)
FULL = 1 << BITS


@pytest.mark.parametrize(
    ("part", "index"), [(0, 0), (0.49, 0), (0.51, 1), (0.64, 1), (0.66, 2), (0.69, 2), (0.71, 3)]
)
def test_fixed_bits_choose_a_fixed_prize(part: float, index: int) -> None:
    """50, 15, 5 and a miss of 30: the cuts lie at 0.50, 0.65 and 0.70."""
    assert pick([50, 15, 5, 30], int(part * FULL)) == index


def test_the_edges_belong_to_one_prize_each() -> None:
    weights = [1, 1]
    assert pick(weights, FULL // 2 - 1) == 0
    assert pick(weights, FULL // 2) == 1
    assert pick(weights, FULL - 1) == 1


@given(weights=WEIGHTS, bits=st.integers(0, FULL - 1))
def test_a_pick_is_an_index_that_may_win(weights: list[int], bits: int) -> None:
    index = pick(weights, bits)
    assert weights[index] > 0
    assert pick(weights, bits) == index


@given(weights=WEIGHTS, low=st.integers(0, FULL - 1), high=st.integers(0, FULL - 1))
def test_more_bits_never_choose_an_earlier_prize(weights: list[int], low: int, high: int) -> None:
    """Monotone in the bits, so each prize owns one stretch as long as its weight."""
    low, high = sorted((low, high))
    assert pick(weights, low) <= pick(weights, high)


def test_odds_are_as_configured() -> None:
    """Chi squared over 200,000 picks with a fixed seed: 16.27 is p = 0.001 at 3 degrees."""
    weights = [*(prize.weight for prize in DEFAULT_OFFER.prizes), DEFAULT_OFFER.miss_weight]
    source = random.Random(20261123)
    rounds = 200_000
    counts = [0] * len(weights)
    for _ in range(rounds):
        counts[pick(weights, source.getrandbits(BITS))] += 1
    expected = [rounds * weight / sum(weights) for weight in weights]
    distance = sum((c - e) ** 2 / e for c, e in zip(counts, expected, strict=True))
    assert distance < 16.27


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [3, -1]])
def test_weights_that_make_no_lottery(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        pick(weights, 0)


@pytest.mark.parametrize("bits", [-1, FULL])
def test_bits_out_of_range(bits: int) -> None:
    with pytest.raises(ValueError, match="random bits"):
        pick([1], bits)
