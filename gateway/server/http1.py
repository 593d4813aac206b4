"""HTTP/1.1 for a public listener: uvicorn's protocol with a limit on every wait.

A request is handed on when it is complete, so that half a request occupies no place. Until then its
bytes are counted as they arrive, per connection and for all connections together. A request that is
late, too long or not HTTP is answered here with a problem, and the connection is closed.

An upload (`uploads`) is handed on with its head, because its caller is authenticated before the
body is read. Its body is received as fast as it is read, and the reader ends it (streaming.Upload).
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import httptools
from prometheus_client import Counter
from starlette.types import ASGIApp

from gateway.limits import (
    BODY_WAIT_S,
    HEAD_WAIT_S,
    HEADER_BYTES_MAX,
    LINGER_BYTES_MAX,
    LINGER_S,
    PIPELINE_BYTES_MAX,
    PIPELINE_MAX,
    RESPONSE_BYTES_PER_S,
    RESPONSE_WAIT_S,
    RETRY_AFTER_S,
    UNFINISHED_BYTES_FREE,
    UNSENT_BYTES_FREE,
    Busy,
    HeadersTooLarge,
    Malformed,
    RequestLate,
)
from gateway.server.connections import ConnectionTable
from gateway.server.writing import CoalescingTransport, whole_response
from shared.errors import Problem, TooLarge
from shared.serve import KEEP_ALIVE_S, Http, notify_stop

PART = HEADER_BYTES_MAX
UPLOAD_HELD = 2 * PART
"""Unread bytes of an upload that are held before its sender is paused."""
WIRE_FACTOR = 8
"""A chunked body may take this many times its length on the wire: six for chunks of one byte."""

_refused = Counter("gateway_unread_total", "Requests refused before they were whole", ["code"])


IsUpload = Callable[[Any], bool]
"""of a request's scope"""


class _StopParsing(Exception):
    """Ends the parsing of what has arrived; a response, if any, has been sent already."""


class BoundedHttp(Http):
    """One connection. `bounded` makes the class for a server."""

    table: ConnectionTable
    private: tuple[int, ASGIApp] | None = None
    """port of this process's inner listener, and the app that answers there"""
    speaks_links = False
    """whether it takes links, too: only where all callers are our own processes"""
    frame_max = 16 * 1024 * 1024
    uploads: IsUpload | None = None
    """whether a request is an upload; None: no request is"""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._raw = transport
        super().connection_made(CoalescingTransport(transport, self.loop))  # type: ignore[arg-type]
        self.address = self.client[0] if self.client else ""
        self.is_known = False
        self._received = 0
        """bytes since the last complete request"""
        self._counted = 0
        self._pipelined_bytes = 0
        """bytes of bodies whose requests wait for earlier ones"""
        self._head_tail = b""
        self._has_message = False
        self._has_head = False
        self._is_body_awaited = False
        self._is_discarding = False
        self._waiting: Any = None
        self._current: Any = None
        """the request that is being answered"""
        self._upload: Any = None
        """the request whose body is still arriving and is read as it comes"""
        self._due = self.loop.time() + HEAD_WAIT_S
        self._response_due = math.inf
        self._late_refusal: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(high=UNSENT_BYTES_FREE)
        if self.private is not None and self.server and self.server[1] == self.private[0]:
            self.app, self.address = self.private[1], ""
        if not self.table.enter(self, self.loop):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.table.leave(self)
        if self._late_refusal is not None:
            self._late_refusal.cancel()
        # uvicorn tells the last request only, which may wait behind the one that is being answered.
        if self._current is not None:
            self._current.disconnected = True
            self._current.message_event.set()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Between two requests."""
        return self._current is None and not self._received and not self.pipeline

    def abort(self) -> None:
        self.transport.abort()

    # What arrives

    def data_received(self, data: bytes) -> None:
        if self.speaks_links and self.became_link(self._raw, data):
            self.table.leave(self)
            return
        # In parts: bytes that follow the end of a request within one part are not counted.
        for start in range(0, len(data), PART):
            if self.transport.is_closing():
                return
            self._part_received(data[start : start + PART])

    def _part_received(self, data: bytes) -> None:
        if self._is_discarding:
            self._received += len(data)
            if self._received > LINGER_BYTES_MAX:
                self.abort()
            return
        if not self._received:
            self._due = self.loop.time() + HEAD_WAIT_S
        self._received += len(data)
        if self._received > HEADER_BYTES_MAX and not self._has_head and not self._ends_head(data):
            self._refuse(HeadersTooLarge())
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The client requested another protocol and is answered in HTTP/1.1; nothing may follow.
            self.cycle.keep_alive = False
            self._is_discarding = True
        except httptools.HttpParserError:
            if not self._is_discarding:
                self._refuse(Malformed())
            return
        if self._has_message:
            self._settle(data)
        elif self._counted:
            self._forget_bytes()

    def _ends_head(self, data: bytes) -> bool:
        """Whether the head ends within its limit, although more bytes than that have arrived."""
        allowed = HEADER_BYTES_MAX - (self._received - len(data))
        return (self._head_tail + data[: max(allowed, 0)]).find(b"\r\n\r\n") >= 0

    def _settle(self, data: bytes) -> None:
        """Applies the limits on size and time to a request that has begun and is incomplete."""
        if self._upload is not None:
            self._received = len(self._upload.body)
        self._received = self._received or 1
        if not self._has_head:
            self._head_tail = data[-3:]
        elif self._waiting is not None and not self._is_body_awaited:
            self._await_body()
        limits = self.table.limits
        if self._received > HEADER_BYTES_MAX + WIRE_FACTOR * limits.body_bytes:
            self._refuse(TooLarge(f"at most {limits.body_bytes} bytes"))
            return
        counted = max(self._received - UNFINISHED_BYTES_FREE, 0)
        before, self._counted = self._counted, counted
        if (before or counted) and not self.table.keep_unfinished(self, counted):
            self._refuse(Busy("too much is arriving", retry_after_s=RETRY_AFTER_S))

    def _await_body(self) -> None:
        """The head is complete and it is this request's turn; its body has yet to arrive."""
        if self._is_discarding:
            return
        self._is_body_awaited = True
        self._due = self.loop.time() + BODY_WAIT_S
        cycle = self._waiting[0]
        limit = self.table.limits.body_bytes
        for name, value in cycle.scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                self._refuse(TooLarge(f"at most {limit} bytes"))
                return
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _forget_bytes(self) -> None:
        if self._counted:
            self._counted = 0
            self.table.keep_unfinished(self, 0)

    # What the parser finds

    def on_message_begin(self) -> None:
        if self._is_discarding:
            raise _StopParsing
        self._has_message = True
        self._has_head = False
        self._is_body_awaited = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._has_head = True
        if len(self.pipeline) >= PIPELINE_MAX:
            self._end_behind(self.pipeline[0][0])
            raise _StopParsing
        super().on_headers_complete()
        # Trailer fields are dropped: no proxy before us has checked them.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        if self.pipeline:
            self._pipelined_bytes += len(body)
            if self._pipelined_bytes > PIPELINE_BYTES_MAX:
                self._refuse_pipelined()
                raise _StopParsing
        held = self.cycle.body
        if self.cycle is self._upload:
            held += body
            self._upload.message_event.set()
            if len(held) > UPLOAD_HELD:
                self.flow.pause_reading()
            return
        held += body
        if len(held) > self.table.limits.body_bytes:
            self._refuse(TooLarge(f"at most {self.table.limits.body_bytes} bytes"))
            raise _StopParsing

    def _refuse_pipelined(self) -> None:
        """Drops the arriving request, which is too long to wait for its turn."""
        self.pipeline.popleft()
        self.cycle.body.clear()
        self._end_behind(self.pipeline[0][0] if self.pipeline else self._current)

    def _end_behind(self, last: Any) -> None:
        """Answers the requests up to `last`, then closes the connection."""
        last.keep_alive = False
        self._is_discarding = True
        self._forget_bytes()

    def on_message_complete(self) -> None:
        self._has_message = False
        self._received = 0
        self._head_tail = b""
        self._upload = None
        cycle = self.cycle
        cycle.more_body = False
        cycle.message_event.set()
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._start_request(*waiting)

    # Answering

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if cycle.more_body and cycle is self.cycle and self.uploads and self.uploads(cycle.scope):
            self._upload = cycle
            self._start_request(cycle, app)
        elif cycle.more_body:
            self._waiting = (cycle, app)
        else:
            self._start_request(cycle, app)

    def _start_request(self, cycle: Any, app: Any) -> None:
        self._current = cycle
        if not self.is_known and cycle is not self._upload:
            self.table.mark_known(self)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._current = None
        now = self.loop.time()
        if self.transport.is_closing():
            self._due = now + _send_time_s(self.transport)
            return
        self.flow.resume_reading()
        if self._upload is not None:
            # Answered before its end: what still arrives is dropped for a while, as in `_refuse`.
            self._upload, self._is_discarding, self._received = None, True, 0
            self._forget_bytes()
            self._due = now + LINGER_S
            self.transport.write_eof()
        elif self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            if not self.pipeline:
                self._pipelined_bytes = 0
            if self._waiting is not None:
                self._await_body()
        else:
            self._due = now + (HEAD_WAIT_S if self._received else KEEP_ALIVE_S)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._response_due = self.loop.time() + _send_time_s(self.transport)
        if not self.table.keep_unsent(self, self.transport.get_write_buffer_size()):
            self.abort()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._response_due = math.inf
        self.table.forget_unsent(self)

    # Ending

    def enforce_deadline(self, now: float) -> None:
        """Ends what is overdue: a request (408), a response that is not read, an idle
        connection."""
        if self._current is not None and self.transport.is_closing():
            # Its response broke off; what was sent of it may still be taken, but not for ever.
            self._response_due = min(self._response_due, now + _send_time_s(self.transport))
        if self._response_due < math.inf:
            if now > self._response_due:
                self.abort()
        elif self._current is not None or now <= self._due:
            return
        elif self._is_discarding or self.transport.is_closing():
            self.abort()
        elif self._received:
            self._refuse(RequestLate())
        elif self.transport.get_write_buffer_size():
            self.abort()
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """The process is ending: incomplete requests are not waited for."""
        if self._current is None:
            self.transport.close()
        else:
            self.cycle.keep_alive = self._current.keep_alive = False
            notify_stop(self._current.scope)

    def send_400_response(self, msg: str) -> None:
        self._refuse(Malformed())

    def _refuse(self, problem: Problem) -> None:
        """Sends the problem and closes. What still arrives is dropped for a while: closing at once
        could destroy the response before a client that is still sending reads it (RFC 9112
        §9.6)."""
        self._is_discarding = True
        self._forget_bytes()
        self._waiting = None
        _refused.labels(problem.code).inc()
        if self._current is not None:
            # Responses keep their order: the connection ends after the current one.
            self._current.keep_alive = False
            return
        self._received = 0
        delay_s = self.table.delay_s(self)
        if delay_s:
            # A separate timer: the sweep would answer all due refusals at once.
            self._due = math.inf
            self._late_refusal = self.loop.call_later(
                delay_s, self._end_with, whole_response(problem)
            )
        else:
            self._end_with(whole_response(problem))

    def _end_with(self, response: bytes) -> None:
        self._due = self.loop.time() + LINGER_S
        self.transport.write(response)
        self.transport.write_eof()


def _send_time_s(transport: asyncio.Transport) -> float:
    """Seconds that a client has to read what is not yet sent to it."""
    return RESPONSE_WAIT_S + transport.get_write_buffer_size() / RESPONSE_BYTES_PER_S


def bounded(
    table: ConnectionTable,
    private: tuple[int, ASGIApp] | None = None,
    uploads: IsUpload | None = None,
    *,
    speaks_links: bool = False,
) -> type[BoundedHttp]:
    """The protocol class for one server; uvicorn creates the instances with its own arguments."""
    more: dict[str, Any] = {"table": table, "private": private, "speaks_links": speaks_links}
    if uploads is not None:
        more["uploads"] = staticmethod(uploads)
    return type("BoundedHttp", (BoundedHttp,), more)
