"""Natural batching: items that wait at the same time are handled by one call.

Without a call under way, an item starts one at once. While one is, others wait for it and then go
together: the higher the load, the larger the batches and the lower the cost per item. Without a
`gather_s` there is no collection time, so at low load nothing waits. A slow call delays others by
WAIT_MAX_S at most: then the next call starts beside it, up to CALLS_MAX at a time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.errors import Problem, Unavailable

WAIT_MAX_S = 0.05
CALLS_MAX = 8
ITEMS_MAX = 64
"""Also the most subtransactions of one transaction that PostgreSQL keeps in shared memory."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(eq=False)
class Batches(Generic[ItemT, ResultT]):
    """The items that wait, and the calls under way."""

    call: Callable[[Sequence[ItemT]], Awaitable[Sequence[ResultT]]]
    """handles items and returns the result of each, in order; its Problem applies to all of them"""
    observe: Callable[[float], None]
    """is given the number of items of each call"""
    size_of: Callable[[ItemT], int] = lambda _: 0
    size_max: int = 0
    """of the items of a call together; a larger item goes alone"""
    gather_s: float = 0.0
    """how long each call waits for more items first, where no person waits for the result"""
    _waiting: "deque[tuple[ItemT, asyncio.Future[ResultT]]]" = field(default_factory=deque)
    _calls: "set[asyncio.Future[None]]" = field(default_factory=set)
    _timer: asyncio.TimerHandle | None = None

    async def put(self, item: ItemT) -> ResultT:
        """The result for this item; raises the Problem of its call."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[ResultT] = loop.create_future()
        self._waiting.append((item, result))
        if not self._calls:
            self._start_call()
        elif self._timer is None:
            self._timer = loop.call_later(WAIT_MAX_S, self._start_call)
        return await result

    def _start_call(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and len(self._calls) < CALLS_MAX:
            # It starts in the loop's next iteration, with all items put in this one. It runs in an
            # empty context, because it belongs to no single request.
            call = Context().run(asyncio.ensure_future, self._call_next())
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            call.add_done_callback(lambda _: self._start_call())

    async def _call_next(self) -> None:
        if self.gather_s:
            await asyncio.sleep(self.gather_s)
        # Who gave up waiting is left out: nothing is done for a request that has ended.
        batch = [entry for entry in self._next_batch() if not entry[1].done()]
        if self._waiting:
            self._start_call()  # the current batch is full
        results: Sequence[ResultT] = ()
        failure: Problem = Unavailable("there is no result for every item", retry_after_s=1)
        try:
            if batch:
                self.observe(len(batch))
                results = await self.call([item for item, _ in batch])
        except Problem as error:
            failure = error
        finally:
            # Whatever happened, nobody is left waiting; a cancelled future is done already.
            for number, (_, result) in enumerate(batch):
                if not result.done() and len(results) == len(batch):
                    result.set_result(results[number])
                elif not result.done():
                    result.set_exception(failure)

    def _next_batch(self) -> Iterator[tuple[ItemT, "asyncio.Future[ResultT]"]]:
        """The next batch, in the order of arrival."""
        size = 0
        for number in range(min(len(self._waiting), ITEMS_MAX)):
            size += self.size_of(self._waiting[0][0])
            if number and size > self.size_max:
                break
            yield self._waiting.popleft()
