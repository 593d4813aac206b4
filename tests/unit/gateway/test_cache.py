"""The short memory: bounded, single-flight, and never older than an event that says otherwise."""

import asyncio

import pytest

from gateway.cache import LookupCache
from shared.errors import NotFound, Unavailable
from tests.fixtures.clock import FixedClock

pytestmark = pytest.mark.asyncio


class Source:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.values: dict[str, str] = {"a": "1", "b": "2", "c": "3"}
        self.away = False
        self.gate: asyncio.Event | None = None

    async def load(self, key: str) -> str | None:
        self.asked.append(key)
        value = self.values.get(key)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise Unavailable
        return value


def memory(source: Source, clock: FixedClock, **options: float) -> LookupCache[str, str]:
    settings = {"kept": 2, "fresh_s": 10.0, **options}
    return LookupCache("test", source.load, clock, **settings)  # type: ignore[arg-type]


async def test_asked_once_while_fresh(clock: FixedClock) -> None:
    source = Source()
    cache = memory(source, clock)
    assert [await cache.get("a") for _ in range(3)] == ["1"] * 3
    clock.advance(10)
    source.values["a"] = "new"
    assert await cache.get("a") == "new"
    assert source.asked == ["a", "a"]


async def test_absence_is_remembered_for_a_moment_only(clock: FixedClock) -> None:
    source = Source()
    cache = memory(source, clock)
    assert [await cache.get("x") for _ in range(3)] == [None] * 3
    assert not cache.knows("x")
    clock.advance(2)
    source.values["x"] = "now there"
    assert await cache.get("x") == "now there"


async def test_the_least_used_is_forgotten(clock: FixedClock) -> None:
    source = Source()
    cache = memory(source, clock)
    for key in ("a", "b", "a", "c"):
        await cache.get(key)
    assert len(cache) == 2
    assert cache.knows("a")
    assert not cache.knows("b")


async def test_many_waiters_one_question(clock: FixedClock) -> None:
    source = Source()
    source.gate = asyncio.Event()
    cache = memory(source, clock)
    waiting = [asyncio.ensure_future(cache.get("a")) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*waiting) == ["1"] * 5
    assert source.asked == ["a"]


async def test_a_failure_reaches_every_waiter_and_is_not_remembered(clock: FixedClock) -> None:
    source = Source()
    source.gate, source.away = asyncio.Event(), True
    cache = memory(source, clock)
    waiting = [asyncio.ensure_future(cache.get("a")) for _ in range(3)]
    await asyncio.sleep(0)
    source.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    source.away = False
    assert await cache.get("a") == "1"


async def test_the_first_waiter_leaving_does_not_take_the_others_along(clock: FixedClock) -> None:
    source = Source()
    source.gate = asyncio.Event()
    cache = memory(source, clock)
    first = asyncio.ensure_future(cache.get("a"))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(cache.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(Unavailable):
        await second
    source.gate.set()
    assert await cache.get("a") == "1"


async def test_stale_serves_while_the_source_is_away(clock: FixedClock) -> None:
    source = Source()
    cache = memory(source, clock, stale_s=30)
    await cache.get("a")
    source.away = True
    clock.advance(15)
    assert [await cache.get("a") for _ in range(4)] == ["1"] * 4
    assert len(source.asked) == 2, "asked once, then left alone for a second"
    clock.advance(30)
    with pytest.raises(Unavailable):
        await cache.get("a")


async def test_what_was_dropped_does_not_serve_again(clock: FixedClock) -> None:
    source = Source()
    cache = memory(source, clock, stale_s=30)
    await cache.get("a")
    source.away = True
    cache.drop("a")
    with pytest.raises(Unavailable):
        await cache.get("a")


async def test_a_change_during_the_question_is_not_overwritten_by_the_old_answer(
    clock: FixedClock,
) -> None:
    source = Source()
    source.gate = asyncio.Event()
    cache = memory(source, clock)
    asking = asyncio.ensure_future(cache.get("a"))
    await asyncio.sleep(0)
    source.values["a"] = "new"
    cache.drop("a")
    source.gate.set()
    assert await asking == "1"
    assert await cache.get("a") == "new"


@pytest.mark.parametrize("how", ["drop", "drop_where", "expire_all"])
async def test_who_asks_after_a_change_does_not_wait_for_what_was_asked_before(
    clock: FixedClock, how: str
) -> None:
    """A slow look-up that began before the change answers those who waited for it, and nobody who
    came after; what is remembered is the newer answer, whichever comes first."""
    source = Source()
    source.gate = asyncio.Event()
    cache = memory(source, clock)
    before = asyncio.ensure_future(cache.get("a"))
    await asyncio.sleep(0)
    source.values["a"] = "new"
    made = {"drop": ("a",), "drop_where": (lambda value: value == "1",), "expire_all": ()}
    getattr(cache, how)(*made[how])
    slow, source.gate = source.gate, None
    after = [asyncio.ensure_future(cache.get("a")) for _ in range(3)]
    await asyncio.sleep(0)
    slow.set()
    assert await asyncio.gather(*after) == ["new"] * 3
    assert await before == "1"
    assert await cache.get("a") == "new"
    assert source.asked == ["a", "a"]


async def test_dropping_one_disturbs_no_other(clock: FixedClock) -> None:
    source = Source()
    source.gate = asyncio.Event()
    cache = memory(source, clock)
    asking = asyncio.ensure_future(cache.get("a"))
    await asyncio.sleep(0)
    cache.drop("b")
    joined = asyncio.ensure_future(cache.get("a"))
    await asyncio.sleep(0)
    source.gate.set()
    assert (await asking, await joined, await cache.get("a")) == ("1", "1", "1")
    assert source.asked == ["a"]


async def test_asked_anew_is_asked_after_the_call(clock: FixedClock) -> None:
    """A look-up that runs already may have begun before what one wants to know; together they
    share one that did not, also when the running one fails."""
    for is_away in (False, True):
        source = Source()
        source.gate, source.away = asyncio.Event(), is_away
        cache = memory(source, clock)
        running = asyncio.ensure_future(cache.get("a"))
        await asyncio.sleep(0)
        source.values["a"] = "new"
        anew = [asyncio.ensure_future(cache.refreshed("a")) for _ in range(3)]
        await asyncio.sleep(0)
        first, source.gate = source.gate, asyncio.Event()
        first.set()
        await asyncio.wait([running])
        source.away = False
        source.gate.set()
        assert await asyncio.gather(*anew) == ["new"] * 3
        assert (source.asked, await cache.get("a")) == (["a", "a"], "new")
        assert isinstance(running.exception(), Unavailable) is is_away


async def test_dropping_by_value_and_expiring_all(clock: FixedClock) -> None:
    source = Source()
    cache = memory(source, clock)
    await cache.get("a")
    await cache.get("b")
    cache.drop_where(lambda value: value == "1")
    assert not cache.knows("a")
    source.values["b"] = "new"
    cache.expire_all()
    assert await cache.get("b") == "new"


async def test_a_definite_refusal_is_passed_on(clock: FixedClock) -> None:
    async def load(_key: str) -> str | None:
        raise NotFound

    cache: LookupCache[str, str] = LookupCache("test", load, clock, kept=2, fresh_s=1, stale_s=9)
    with pytest.raises(NotFound):
        await cache.get("a")
