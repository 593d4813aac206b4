"""Picks the prize of a draw. The function is pure: the same bits always pick the same prize.

The caller takes the bits from the operating system's random generator. A prize that has run out
keeps its weight and counts as a miss, so the odds of the other prizes never change.
"""

from collections.abc import Sequence

BITS = 128
"""So many that the rounding of `pick` cannot be measured (below 2**-96 for 2**32 weights)."""


def pick(weights: Sequence[int], bits: int) -> int:
    """The index that `bits` pick, with probabilities in proportion to the weights. `bits` are
    uniform in [0, 2**BITS). ValueError for bits or weights out of range."""
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
