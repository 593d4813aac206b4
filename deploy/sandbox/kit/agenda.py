"""Things to do at a time: a heap of due times that wakes up for the next one."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

K = TypeVar("K")
LONGEST_WAIT_S = 60.0


class AgendaClock(Protocol):
    scale: float

    def now(self) -> int: ...


class Agenda(Generic[K]):
    """Keys only; what they stand for is read from the ledger when they are due."""

    def __init__(self, clock: AgendaClock, do: Callable[[K], Awaitable[None]]) -> None:
        self._clock = clock
        self._do = do
        self._heap: list[tuple[int, int, K]] = []
        self._pushed = 0
        self._changed = asyncio.Event()

    def push(self, due: int, key: K) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (due, self._pushed, key))
        if self._heap[0][1] == self._pushed:
            self._changed.set()

    def wake(self) -> None:
        """The clock's speed has changed."""
        self._changed.set()

    def __len__(self) -> int:
        return len(self._heap)

    async def run(self) -> None:
        while True:
            self._changed.clear()
            while self._heap and self._heap[0][0] <= self._clock.now():
                await self._do(heapq.heappop(self._heap)[2])
            await self._wait()

    async def _wait(self) -> None:
        seconds = LONGEST_WAIT_S
        if self._heap:
            ahead_ms = self._heap[0][0] - self._clock.now()
            seconds = min(max(ahead_ms / 1000 / self._clock.scale, 0.001), LONGEST_WAIT_S)
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
