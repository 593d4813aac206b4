"""What the gateway remembers of other services for a short while: bounded, single-flight, and
droppable at once when an event says that it changed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import Counter

from gateway.limits import EXPECTED_KEPT, MISSING_FRESH_S, MISSING_KEPT
from shared.clock import Clock
from shared.errors import Problem, Unavailable

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

RETRY_STALE_S = 1.0

_counter = Counter("gateway_cache_total", "Look-ups in the gateway's memory", ["cache", "result"])


@dataclass(slots=True)
class _Entry(Generic[ValueT]):
    value: ValueT
    fresh_until: float
    usable_until: float
    epoch: int


@dataclass(slots=True, eq=False)
class _Lookup(Generic[ValueT]):
    """A look-up that runs."""

    result: "asyncio.Future[ValueT | None]"
    is_outdated: bool = False
    """something was dropped since it began: its answer may be from before, so it is for those who
    wait for it already, and nobody joins them"""


class LookupCache(Generic[KeyT, ValueT]):
    """A look-up elsewhere, remembered. `None` (not there) is remembered too, but only briefly.

    What is not there is kept apart: whoever asks for things that do not exist pushes out nothing
    that does. A dropped entry is gone, and whoever asks after the drop gets an answer to a question
    that was put after it; an expired one may still serve for `stale_s` while its source is away, so
    that a restart of a neighbour does not stop payments.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[KeyT], Awaitable[ValueT | None]],
        clock: Clock,
        *,
        kept: int,
        fresh_s: float,
        stale_s: float = 0.0,
    ) -> None:
        self._load = load
        self._clock = clock
        self._kept = kept
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._entries: OrderedDict[KeyT, _Entry[ValueT]] = OrderedDict()
        self._missing: OrderedDict[KeyT, tuple[float, int]] = OrderedDict()
        """key -> (until when, epoch)"""
        self._expected: OrderedDict[KeyT, None] = OrderedDict()
        self._lookups: dict[KeyT, _Lookup[ValueT]] = {}
        self._epoch = 0
        self._hit = _counter.labels(name, "hit")
        self._miss = _counter.labels(name, "miss")
        self._stale = _counter.labels(name, "stale")

    async def get(self, key: KeyT) -> ValueT | None:
        """The value, from memory or its source; raises what the source raises."""
        entry = self._entries.get(key)
        if (
            entry is not None
            and entry.epoch == self._epoch
            and self._clock.monotonic() < entry.fresh_until
        ):
            self._entries.move_to_end(key)
            self._hit.inc()
            return entry.value
        if entry is None and self._is_missing(key):
            self._hit.inc()
            return None
        self._miss.inc()
        try:
            return await self._loaded(key)
        except Problem as error:
            # Looked up again: it may have been dropped while the source was asked.
            entry = self._entries.get(key)
            now = self._clock.monotonic()
            if error.status < 500 or entry is None or now >= entry.usable_until:
                raise
            self._stale.inc()
            # Not every request has to find out again that the source is away.
            entry.fresh_until, entry.epoch = now + RETRY_STALE_S, self._epoch
            return entry.value

    async def _loaded(self, key: KeyT) -> ValueT | None:
        running = self._lookups.get(key)
        if running is not None and not running.is_outdated:
            return await asyncio.shield(running.result)
        lookup: _Lookup[ValueT] = _Lookup(asyncio.get_running_loop().create_future())
        self._lookups[key] = lookup
        try:
            value = await self._load(key)
        except BaseException as error:
            failed = error if isinstance(error, Problem) else Unavailable("the look-up broke off")
            lookup.result.set_exception(failed)
            lookup.result.exception()  # seen: nobody else may be waiting
            raise
        finally:
            if self._lookups.get(key) is lookup:
                del self._lookups[key]
        lookup.result.set_result(value)
        if not lookup.is_outdated:
            self._keep(key, value)
        return value

    async def refreshed(self, key: KeyT) -> ValueT | None:
        """From the source, asked after this call, whatever is remembered or being asked for: until
        it answers, others get what there is. Those who come together share one question."""
        running = self._lookups.get(key)
        if running is not None:
            await asyncio.wait([running.result])
        return await self._loaded(key)

    def _is_missing(self, key: KeyT) -> bool:
        until, epoch = self._missing.get(key, (0.0, -1))
        return epoch == self._epoch and self._clock.monotonic() < until

    def _keep(self, key: KeyT, value: ValueT | None) -> None:
        now = self._clock.monotonic()
        self._expected.pop(key, None)
        if value is None:
            self._entries.pop(key, None)
            self._missing[key] = (now + MISSING_FRESH_S, self._epoch)
            self._missing.move_to_end(key)
            if len(self._missing) > MISSING_KEPT:
                self._missing.popitem(last=False)
            return
        self._missing.pop(key, None)
        fresh_until = now + self._fresh_s
        self._entries[key] = _Entry(value, fresh_until, fresh_until + self._stale_s, self._epoch)
        self._entries.move_to_end(key)
        if len(self._entries) > self._kept:
            self._entries.popitem(last=False)

    def knows(self, key: KeyT) -> bool:
        """Whether a value is at hand, fresh or not."""
        return key in self._entries

    def is_familiar(self, key: KeyT) -> bool:
        """Whether it is known, was until it was dropped, or is being asked for already: a look-up
        for it is not the doing of somebody unknown."""
        return key in self._entries or key in self._lookups or key in self._expected

    def expect(self, key: KeyT) -> None:
        """It is there, though never asked for yet."""
        self._expected[key] = None
        if len(self._expected) > EXPECTED_KEPT:
            self._expected.popitem(last=False)

    def drop(self, key: KeyT) -> None:
        """Forgets one entry: it must not serve again, not even while its source is away."""
        if key in self._lookups:
            self._lookups[key].is_outdated = True
        if self._entries.pop(key, None) is not None:
            self.expect(key)
        self._missing.pop(key, None)

    def drop_where(self, matches: Callable[[ValueT], bool]) -> None:
        """Forgets every entry whose value matches."""
        self._outdate()
        dropped = [key for key, entry in self._entries.items() if matches(entry.value)]
        for key in dropped:
            del self._entries[key]
            self.expect(key)

    def expire_all(self) -> None:
        """After a gap in the events everything must be asked for again."""
        self._outdate()
        self._epoch += 1

    def _outdate(self) -> None:
        for lookup in self._lookups.values():
            lookup.is_outdated = True

    def __len__(self) -> int:
        return len(self._entries) + len(self._missing)
