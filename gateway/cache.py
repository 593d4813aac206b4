"""What the gateway remembers of other services for a short while: bounded, single-flight, and
droppable at once when an event says that it changed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import Counter

from gateway.limits import MISSING_FRESH_S
from shared.clock import Clock
from shared.errors import Problem, Unavailable

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

RETRY_STALE_S = 1.0

_asked = Counter("gateway_cache_total", "Look-ups in the gateway's memory", ["cache", "result"])


@dataclass(slots=True)
class _Entry(Generic[ValueT]):
    value: ValueT | None
    fresh_until: float
    usable_until: float
    epoch: int


class Remembered(Generic[KeyT, ValueT]):
    """A look-up elsewhere, remembered. `None` (not there) is remembered too, but only briefly.

    A dropped entry is gone; an expired one may still serve for `stale_s` while its source is
    away, so that a restart of a neighbour does not stop payments.
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
        self._loading: dict[KeyT, asyncio.Future[ValueT | None]] = {}
        self._drops = 0
        self._epoch = 0
        self._hit = _asked.labels(name, "hit")
        self._miss = _asked.labels(name, "miss")
        self._stale = _asked.labels(name, "stale")

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
        running = self._loading.get(key)
        if running is not None:
            return await asyncio.shield(running)
        future: asyncio.Future[ValueT | None] = asyncio.get_running_loop().create_future()
        self._loading[key] = future
        drops = self._drops
        try:
            value = await self._load(key)
        except BaseException as error:
            failed = error if isinstance(error, Problem) else Unavailable("the look-up broke off")
            future.set_exception(failed)
            future.exception()  # seen: nobody else may be waiting
            raise
        finally:
            del self._loading[key]
        future.set_result(value)
        if drops == self._drops:
            # Otherwise something was dropped meanwhile, and this answer may be from before.
            self._keep(key, value)
        return value

    def _keep(self, key: KeyT, value: ValueT | None) -> None:
        now = self._clock.monotonic()
        fresh_s = MISSING_FRESH_S if value is None else self._fresh_s
        usable_s = fresh_s if value is None else fresh_s + self._stale_s
        self._entries[key] = _Entry(value, now + fresh_s, now + usable_s, self._epoch)
        self._entries.move_to_end(key)
        if len(self._entries) > self._kept:
            self._entries.popitem(last=False)

    def knows(self, key: KeyT) -> bool:
        """Whether a value is at hand, fresh or not."""
        entry = self._entries.get(key)
        return entry is not None and entry.value is not None

    def drop(self, key: KeyT) -> None:
        """Forgets one entry: it must not serve again, not even while its source is away."""
        self._drops += 1
        self._entries.pop(key, None)

    def drop_where(self, matches: Callable[[ValueT], bool]) -> None:
        """Forgets every entry whose value matches."""
        self._drops += 1
        gone = [
            key
            for key, entry in self._entries.items()
            if entry.value is not None and matches(entry.value)
        ]
        for key in gone:
            del self._entries[key]

    def expire_all(self) -> None:
        """After a gap in the events everything must be asked for again."""
        self._drops += 1
        self._epoch += 1

    def __len__(self) -> int:
        return len(self._entries)
