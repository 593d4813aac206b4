"""Sends documents that wait at the same time to their owner in one call.

Without a call under way, a document is sent at once. While one is, others wait for it and are then
sent together: the higher the load, the larger the batches and the lower the cost per document
(decision 0015). A slow call delays others by WAIT_MAX_S at most: then the next call starts beside
it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context

from prometheus_client import Histogram

from shared.errors import Problem, Unavailable
from shared.telemetry import get_logger

WAIT_MAX_S = 0.05
CALLS_MAX = 8
DOCUMENTS_MAX = 64
BYTES_MAX = 192 * 1024
"""Within the owner's limit for one body; a larger document is sent alone."""

SendBatch = Callable[[Sequence[bytes]], Awaitable[Sequence[str]]]
"""Sends documents; returns the owner's verdict on each, in order. A Problem applies to all."""

log = get_logger("batches")
_sizes = Histogram(
    "notify_batch_notices", "Notices that one call carries", buckets=(1, 2, 4, 8, 16, 32, 64)
)
_Entry = tuple[bytes, asyncio.Future[str]]


class Batches:
    """The documents that wait for one owner, and the calls under way."""

    def __init__(self, send: SendBatch) -> None:
        self._send_batch = send
        self._waiting: deque[_Entry] = deque()
        self._calls: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def put(self, document: bytes) -> str:
        """The owner's verdict on this document; raises its Problem when there is none."""
        loop = asyncio.get_running_loop()
        verdict: asyncio.Future[str] = loop.create_future()
        self._waiting.append((document, verdict))
        if not self._calls:
            self._start_call()
        elif self._timer is None:
            self._timer = loop.call_later(WAIT_MAX_S, self._start_call)
        return await verdict

    def _start_call(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and len(self._calls) < CALLS_MAX:
            # It starts in the loop's next iteration, with all documents put in this one. It runs in
            # an empty context, because it belongs to no single delivery.
            call = Context().run(asyncio.ensure_future, self._send_next())
            self._calls.add(call)
            call.add_done_callback(self._returned)

    def _returned(self, call: asyncio.Future[None]) -> None:
        self._calls.discard(call)
        if not call.cancelled() and (error := call.exception()) is not None:
            log.error("batches.call", exc_info=error)
        self._start_call()

    async def _send_next(self) -> None:
        batch = self._next_batch()
        if self._waiting:
            self._start_call()  # the current batch is full
        verdicts: Sequence[str] = ()
        failure: Exception = Unavailable("the owner did not return a verdict for every document")
        try:
            if batch:
                _sizes.observe(len(batch))
                verdicts = await self._send_batch([document for document, _ in batch])
        except Problem as error:
            failure = error
        finally:
            # Whatever happened, nobody is left waiting; a cancelled future is done already.
            for number, (_, verdict) in enumerate(batch):
                if not verdict.done() and len(verdicts) == len(batch):
                    verdict.set_result(verdicts[number])
                elif not verdict.done():
                    verdict.set_exception(failure)

    def _next_batch(self) -> list[_Entry]:
        """The next batch, in the order of arrival."""
        batch: list[_Entry] = []
        size = 0
        while self._waiting and len(batch) < DOCUMENTS_MAX:
            size += len(self._waiting[0][0])
            if batch and size > BYTES_MAX:
                break
            batch.append(self._waiting.popleft())
        return batch
