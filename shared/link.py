"""A link: a connection on which many requests travel at a time, each in a frame with a number.

What our processes ask each other is small. Over HTTP/1.1 each request that is under way needs a
connection of its own and wakes both processes by itself. On a link the frames that are ready
together leave in one write and arrive together, and so does the work behind them. A response leaves
when it is ready, whatever the order of the requests: a slow one delays nobody (decision 0038).

A caller opens a link with PREFACE, at the port of HTTP. A frame is the length of its content and
its number (4 and 8 bytes, big-endian), and the content: a line of JSON, and the body of a request
or a response as it is. The line of a request is [method, target, headers], of a response [status,
headers]; a header is [name, value]. A server that is going to stop sends the frame 0: the caller
sends no more, and closes the link when it has its responses.
"""

import asyncio
import select
import struct
from http import HTTPMethod
from typing import Any, cast

import orjson
from starlette.types import Message, Receive, Scope

from shared import telemetry
from shared.errors import NoAnswer, NotSent

PREFACE = b"damselfly-link/1\r\n\r\n"
_SIZES = struct.Struct("!IQ")
STOP = 0
_PEER_CLOSED = getattr(select, "POLLRDHUP", 0)
log = telemetry.get_logger("link")


def has_closed(transport: asyncio.BaseTransport, events: int = 0) -> bool:
    """Whether the peer has closed its side, or one of these `events` of a poll has come, also if
    the event loop has not seen that yet."""
    ready = select.poll()
    ready.register(transport.get_extra_info("socket").fileno(), _PEER_CLOSED | events)
    return bool(ready.poll(0))


class _Frames(asyncio.Protocol):
    """Either end of a link."""

    transport: asyncio.Transport
    frame_max = 16 * 1024 * 1024
    """of a response: twice the largest"""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._leaving: list[bytes] = []
        self.may_write = asyncio.Event()
        self.may_write.set()

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        at, held = 0, len(self._received)
        while held - at >= _SIZES.size and not self.transport.is_closing():
            length, number = _SIZES.unpack_from(self._received, at)
            start, end = at + _SIZES.size, at + _SIZES.size + length
            if length > self.frame_max:
                return self.transport.abort()
            if end > held:
                break
            self.frame_received(number, bytes(self._received[start:end]))
            at = end
        del self._received[:at]

    def frame_received(self, number: int, content: bytes) -> None:
        """A whole frame has come."""

    def write_frame(self, number: int, line: Any, body: bytes = b"") -> None:
        """The frames of one loop iteration leave together."""
        if not self._leaving:
            self._loop.call_soon(self._flush)
        head = orjson.dumps(line) + b"\n"
        self._leaving += (_SIZES.pack(len(head) + len(body), number), head, body)

    def _flush(self) -> None:
        leaving, self._leaving = b"".join(self._leaving), []
        if not self.transport.is_closing():
            self.transport.write(leaving)


def _split(content: bytes) -> tuple[Any, bytes]:
    line, _, body = content.partition(b"\n")
    return orjson.loads(line), body


class Link(_Frames):
    """The caller's end."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = True
        self._responses: dict[int, asyncio.Future[bytes]] = {}
        self._last = STOP

    @property
    def is_usable(self) -> bool:
        """Whether the peer takes requests."""
        return self.is_open and not has_closed(self.transport)

    async def request(self, line: Any, body: bytes, timeout_s: float) -> tuple[Any, bytes]:
        """Line and body of the response. Raises NotSent, or NoAnswer when the peer may have
        received the request."""
        self._last = number = self._last + 1
        try:
            async with asyncio.timeout(timeout_s):
                await self.may_write.wait()
                if not self.is_open:
                    raise NotSent("the link has ended")
                response = self._responses[number] = self._loop.create_future()
                self.write_frame(number, line, body)
                return _split(await response)
        except TimeoutError as error:
            # A peer that hangs would hold up all that comes later, too.
            self.is_open = False
            raise (NoAnswer if number in self._responses else NotSent)("TimeoutError") from error
        finally:
            self._responses.pop(number, None)
            if not self.is_open and not self._responses:
                self.transport.abort()

    def frame_received(self, number: int, content: bytes) -> None:
        if number == STOP:
            self.is_open = False
            if not self._responses:
                self.transport.abort()
        elif (response := self._responses.get(number)) is not None and not response.done():
            response.set_result(content)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self.may_write.set()
        for response in self._responses.values():
            if not response.done():
                response.set_exception(NoAnswer(f"the link has ended: {error}"))


class LinkServer(_Frames):
    """The server's end: runs the app of a uvicorn protocol for each request."""

    def __init__(self, http: Any) -> None:
        super().__init__()
        self._http, self.frame_max = http, http.frame_max

    def frame_received(self, number: int, content: bytes) -> None:
        try:
            scope, receive = self._scope(content)
        except (ValueError, TypeError, AttributeError):
            return self.transport.abort()
        task = asyncio.ensure_future(self._answer(number, scope, receive))
        self._http.tasks.add(task)
        task.add_done_callback(self._http.tasks.discard)

    async def _answer(self, number: int, scope: Scope, receive: Receive) -> None:
        """A response that breaks off, or is too large, becomes a frame that is none."""
        line: Any = None
        body, sent = b"", list[Message]()

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self._http.app(scope, receive, send)
            start, *parts = sent
            whole = b"".join([part.get("body", b"") for part in parts])
            if not parts[-1].get("more_body") and len(whole) <= _Frames.frame_max // 2:
                pairs = [(n.decode(), value.decode("latin-1")) for n, value in start["headers"]]
                line, body = (start["status"], pairs), whole
        except Exception:
            log.exception("unhandled")
        await self.may_write.wait()
        self.write_frame(number, line, body)

    def _scope(self, content: bytes) -> tuple[Scope, Receive]:
        (method, target, headers), body = _split(content)
        path, _, query = target.partition("?")
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return given.pop() if given else await self._loop.create_future()

        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        return {
            "type": "http", "http_version": "1.1", "scheme": "http", "path": path,
            "method": HTTPMethod(method).value, "raw_path": path.encode(),
            "query_string": query.encode(), "headers": pairs,
            "client": self._http.client, "server": self._http.server,
            "state": self._http.app_state.copy(),
        }, receive  # fmt: skip

    def shutdown(self) -> None:
        """The caller closes the link; requests that are on their way to us are answered."""
        self.write_frame(STOP, None)

    def connection_lost(self, error: Exception | None) -> None:
        self.may_write.set()
        self._http.connections.discard(self)
