"""Items that wait at the same time are handled by one call."""

import asyncio
from collections.abc import Sequence

import pytest

from shared import batches
from shared.batches import CALLS_MAX, ITEMS_MAX, Batches
from shared.errors import PoolFull, Problem, Unavailable
from tests.unit.gateway.streamed import eventually

pytestmark = pytest.mark.asyncio


class Held:
    """Calls that do not end before they are let go."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        """the items of each call"""
        self.sizes: list[float] = []
        self.failures: dict[int, Problem] = {}
        """what the call that begins with this item raises"""
        self.lost: set[int] = set()
        """items without a result"""
        self._gates: dict[int, asyncio.Event] = {}
        self.waiting: Batches[int, str] = Batches(self._call, self.sizes.append)

    async def _call(self, items: Sequence[int]) -> Sequence[str]:
        self.calls.append(list(items))
        await self._gate(items[0]).wait()
        if failure := self.failures.get(items[0]):
            raise failure
        return [f"of {item}" for item in items if item not in self.lost]

    def _gate(self, item: int) -> asyncio.Event:
        return self._gates.setdefault(item, asyncio.Event())

    def put(self, item: int) -> "asyncio.Future[str]":
        return asyncio.ensure_future(self.waiting.put(item))

    def let_go(self, *items: int) -> None:
        """Lets go the calls that begin with these items."""
        for item in items:
            self._gate(item).set()

    async def started(self, times: int) -> None:
        await eventually(lambda: len(self.calls) >= times, 20)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call starts beside another because that one is slow."""
    monkeypatch.setattr(batches, "WAIT_MAX_S", 3600)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "WAIT_MAX_S", 0.01)


@pytest.mark.usefixtures("patient")
async def test_who_gave_up_waiting_is_left_out() -> None:
    held = Held()
    first = held.put(1)
    await held.started(1)
    second, third = held.put(2), held.put(3)
    await asyncio.sleep(0)
    second.cancel()
    held.let_go(1, 2, 3)
    assert [await first, await third] == ["of 1", "of 3"]
    assert held.calls == [[1], [3]]


async def test_a_call_that_gathers_takes_what_comes_meanwhile() -> None:
    calls: list[list[int]] = []

    async def call(items: Sequence[int]) -> Sequence[int]:
        calls.append(list(items))
        return calls[-1]

    waiting: Batches[int, int] = Batches(call, lambda _: None, gather_s=0.5)
    first = asyncio.ensure_future(waiting.put(1))
    await asyncio.sleep(0.01)
    second = asyncio.ensure_future(waiting.put(2))
    await asyncio.sleep(0.01)
    assert calls == []
    assert [await first, await second] == [1, 2]
    assert calls == [[1, 2]]


@pytest.mark.usefixtures("impatient")
async def test_a_stuck_call_holds_up_nobody_for_long() -> None:
    held = Held()
    stuck = held.put(1)
    await held.started(1)
    others = [held.put(2), held.put(3)]
    held.let_go(2)
    async with asyncio.timeout(20):
        assert [await other for other in others] == ["of 2", "of 3"]
    assert not stuck.done()
    assert held.calls == [[1], [2, 3]], "those that waited went together"
    held.let_go(1)
    assert await stuck == "of 1"


@pytest.mark.usefixtures("impatient")
async def test_so_many_calls_at_a_time_and_the_next_when_one_ends() -> None:
    held = Held()
    stuck = []
    for number in range(CALLS_MAX):
        stuck.append(held.put(number))
        await held.started(number + 1)
    late = [held.put(100), held.put(101)]
    await asyncio.sleep(0.3)  # many times the wait
    assert held.calls == [[number] for number in range(CALLS_MAX)]
    held.let_go(3, 100)
    async with asyncio.timeout(20):
        assert await stuck.pop(3) == "of 3"
        assert [await one for one in late] == ["of 100", "of 101"]
    assert held.calls[CALLS_MAX:] == [[100, 101]]
    assert not any(one.done() for one in stuck)
    held.let_go(*range(CALLS_MAX))
    await asyncio.gather(*stuck)


@pytest.mark.usefixtures("patient")
async def test_behind_a_full_call_the_next_starts_at_once() -> None:
    held = Held()
    everyone = [held.put(number) for number in range(2 * ITEMS_MAX + 1)]
    await held.started(3)
    numbers = list(range(2 * ITEMS_MAX + 1))
    full = [numbers[:ITEMS_MAX], numbers[ITEMS_MAX:-1]]
    assert held.calls == [*full, numbers[-1:]]
    assert held.sizes == [ITEMS_MAX, ITEMS_MAX, 1]
    assert not any(one.done() for one in everyone), "none of the calls has ended"
    held.let_go(0, ITEMS_MAX, 2 * ITEMS_MAX)
    assert await asyncio.gather(*everyone) == [f"of {number}" for number in numbers]


async def one_two_one(held: Held) -> "list[asyncio.Future[str]]":
    """Three calls under way: of the items 1, of 2 and 3, and of 4."""
    items = [held.put(1)]
    await held.started(1)
    items += [held.put(2), held.put(3)]
    await held.started(2)
    items.append(held.put(4))
    await held.started(3)
    assert held.calls == [[1], [2, 3], [4]]
    return items


@pytest.mark.usefixtures("impatient")
async def test_a_problem_is_that_of_the_items_of_its_call_and_of_no_other() -> None:
    held = Held()
    failure = held.failures[2] = PoolFull("no room")
    items = await one_two_one(held)
    held.let_go(2, 4, 1)
    ends = await asyncio.gather(*items, return_exceptions=True)
    assert ends == ["of 1", failure, failure, "of 4"]
    held.let_go(5)
    assert await held.put(5) == "of 5"


@pytest.mark.usefixtures("impatient")
async def test_no_item_gets_the_result_of_another_when_one_is_missing() -> None:
    held = Held()
    held.lost = {2}
    items = await one_two_one(held)
    held.let_go(2, 4, 1)
    first, *lost, last = await asyncio.gather(*items, return_exceptions=True)
    assert (first, last) == ("of 1", "of 4")
    assert [type(end) for end in lost] == [Unavailable, Unavailable]
    held.let_go(5)
    assert await held.put(5) == "of 5"
