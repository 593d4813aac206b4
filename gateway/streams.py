"""Streamed responses and uploads through the edge: slots, connections, and how they end.

A service's response is read only as fast as its client takes it. It ends early when its service is
silent for too long, when its caller loses access, and when this process ends. A file is then cut
off, which its client notices. An event stream ends as a complete response with a `retry:` time, and
its listener continues after the last event it received (`Last-Event-ID`).
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from gateway.http_client import HttpClient
from gateway.limits import (
    HEARTBEAT_S,
    RECONNECT_MS,
    REFUSAL_BYTES_MAX,
    STREAM_IDLE_S,
    STREAM_LIFE_S,
    STREAMS,
    Slots,
)
from gateway.routing import Route
from gateway.server.streaming import Broken, Upload
from shared.client import Reply
from shared.contracts.events import Event
from shared.contracts.events.binding import (
    ApiKeyRevoked,
    MerchantSuspended,
    SessionChanged,
    SessionRevoked,
)
from shared.contracts.events.device import DeviceRevoked
from shared.errors import BadGateway, NoAnswer

EVENTS = "text/event-stream"
HEARTBEAT = b":\n\n"
EVENT_ENDS = (b"\n\n", b"\r\r", b"\r\n\r\n")

PendingReply = AbstractAsyncContextManager[tuple[Reply, AsyncIterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a stream."""

    name: object
    """a person, key, device or address: the name that the slots are counted by"""
    merchant: UUID | None = None
    session_hash: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A request to a service."""

    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes | Upload | None


class Streams:
    """All streams of this process."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._clients = {
            name: HttpClient(url, name=f"{name}-streams", pool=STREAMS.slots)
            for name, url in urls.items()
        }
        self._slots = Slots("streams", STREAMS.slots)
        self._running: dict[StreamedBody, Caller] = {}

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def open(
        self, route: Route, request: ServiceRequest, caller: Caller
    ) -> tuple[Reply, "StreamedBody | None"]:
        """One attempt. A successful response of a streaming route is passed on as its body arrives;
        any other is read whole. Raises TooMany when the caller or its merchant has its full share
        of the slots, Busy when all are taken, and the client's NotSent or NoAnswer."""
        self._slots.enter(caller.name, caller.merchant, STREAMS)
        content = request.content
        pending = self._clients[route.service].stream(
            request.method,
            request.target,
            aiter(content) if isinstance(content, Upload) else content,
            request.headers,
            idle_s=STREAM_IDLE_S if route.upload_max else None,
        )
        body = StreamedBody(pending, lambda: self._leave(body))
        self._running[body] = caller
        try:
            head = await body.read_head(None if route.upload_max else route.wait_s)
            if route.streams and head.status < 300:
                return head, body
            content = await body.read_whole()
        except BaseException:
            await body.aclose()
            raise
        await body.aclose()
        return Reply(head.status, head.headers, content), None

    def _leave(self, body: "StreamedBody") -> None:
        caller = self._running.pop(body)
        self._slots.leave(caller.name, caller.merchant)

    def on_event(self, event: Event) -> None:
        """Cuts the streams of callers that lost access. If only the permissions changed, an event
        stream ends, so that its listener is authenticated again, and a file continues. If an event
        is missed, an event stream ends after STREAM_LIFE_S, and a file when it is complete."""
        for body, caller in list(self._running.items()):
            match event:
                case SessionRevoked() if caller.session_hash == event.session_hash:
                    body.cut()
                case SessionChanged() if caller.session_hash == event.session_hash:
                    body.stop()
                case ApiKeyRevoked() if caller.name == event.key_id:
                    body.cut()
                case DeviceRevoked() if caller.name == str(event.device_id):
                    body.cut()
                case MerchantSuspended() if caller.merchant == event.tenant_id:
                    body.cut()
                case _:
                    pass


class StreamedBody:
    """The body of one response, on its way from the service to the client."""

    def __init__(self, pending: PendingReply, on_close: Callable[[], None]) -> None:
        self._run = self._parts(pending)
        self._head = Reply(0, {}, b"")
        self._on_close: Callable[[], None] | None = on_close
        self._is_events = False
        self._is_cut = False
        self._stopped = asyncio.Event()

    async def read_head(self, within_s: float | None) -> Reply:
        """The head of the response."""
        try:
            async with asyncio.timeout(within_s):
                await anext(self._run)
        except TimeoutError as error:
            raise NoAnswer("no head in time") from error
        self._is_events = self._head.headers.get("content-type", "").startswith(EVENTS)
        return self._head

    async def _parts(self, pending: PendingReply) -> AsyncGenerator[bytes, None]:
        """Yields nothing once the head has arrived, then the parts. It is one generator, so that
        closing it ends the call, and the client's errors are raised from it."""
        async with pending as (self._head, parts):
            yield b""
            async for part in parts:
                yield part

    async def read_whole(self) -> bytes:
        """The body of an error response, which is small."""
        content = bytearray()
        while part := await self._next_part():
            content += part
            if len(content) > REFUSAL_BYTES_MAX:
                raise BadGateway("the answer is too large")
        return bytes(content)

    def stop(self) -> None:
        """Ends an event stream as a complete response; a file continues."""
        self._stopped.set()

    def cut(self) -> None:
        """The caller may read no more of it: a file breaks off, an event stream ends."""
        self._is_cut = True
        self._stopped.set()

    async def aclose(self) -> None:
        await self._run.aclose()
        if self._on_close is not None:
            on_close, self._on_close = self._on_close, None
            on_close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._events() if self._is_events else self._file()

    async def _next_part(self) -> bytes | None:
        """The next part; None after the last one."""
        try:
            async with asyncio.timeout(None if self._is_events else STREAM_IDLE_S):
                return await anext(self._run, None)
        except TimeoutError as error:
            raise NoAnswer("silent for too long") from error

    async def _file(self) -> AsyncIterator[bytes]:
        try:
            while part := await self._next_part():
                if self._is_cut:
                    raise Broken
                yield part
        except NoAnswer as error:
            raise Broken from error

    async def _events(self) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        ends_at = now() + STREAM_LIFE_S
        stopped = asyncio.ensure_future(self._stopped.wait())
        next_part = asyncio.ensure_future(self._next_part())
        last = EVENT_ENDS[0]
        try:
            while now() < ends_at and not stopped.done():
                wait_s = min(HEARTBEAT_S, ends_at - now())
                await asyncio.wait(
                    (next_part, stopped), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                if next_part.done():
                    part = next_part.result()
                    if part is None:
                        break
                    last = (last + part)[-4:]
                    yield part
                    next_part = asyncio.ensure_future(self._next_part())
                # A timer may be a moment early: what was to wait for the end waits once more.
                elif not stopped.done() and wait_s == HEARTBEAT_S and last.endswith(EVENT_ENDS):
                    yield HEARTBEAT
            if last.endswith(EVENT_ENDS):
                low, high = RECONNECT_MS
                yield b"retry: %d\n\n" % (low + secrets.randbelow(high - low))
        except NoAnswer as error:
            raise Broken from error
        finally:
            stopped.cancel()
            next_part.cancel()
            await asyncio.wait((stopped, next_part))
