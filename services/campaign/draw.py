"""The lottery's pick: pure, so that the same bits always choose the same prize.

The caller brings the bits from the operating system's generator. A prize that has run out keeps
its share of the odds and counts as a miss, so the chances of the others never change.
"""

from collections.abc import Sequence

BITS = 128
"""Enough that the rounding of `pick` is beyond any measurement (below 2**-96 for 2**32 weights)."""


def pick(weights: Sequence[int], bits: int) -> int:
    """The index chosen by `bits`, uniform in [0, 2**BITS), with chances as the weights."""
    if not 0 <= bits < 1 << BITS:
        raise ValueError(f"needs {BITS} random bits")
    if any(weight < 0 for weight in weights) or sum(weights) <= 0:
        raise ValueError("the weights must be non-negative, and one of them positive")
    point = (bits * sum(weights)) >> BITS
    for index, weight in enumerate(weights):
        if point < weight:
            return index
        point -= weight
    raise AssertionError("the point lies inside the sum of the weights")
