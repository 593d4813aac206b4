"""A short run of the id swaps over the real edge (G7, §8 #20); 50,000 of them by hand:
`python -m tests.conformance.swaps`."""

import pytest

from tests.conformance.swaps import doors, run
from tests.fixtures.processes import Stack

SWAPS = 2_000


@pytest.mark.asyncio
async def test_no_id_of_one_merchant_means_anything_to_another(stack: Stack) -> None:
    report = await run(stack.info, SWAPS, seed=20261126)
    assert report.asked == SWAPS
    assert not report.leaks, report.leaks[:10]
    assert len(report.doors) == len(list(doors())), "every door was asked"
    assert report.statuses[404] > SWAPS / 3
