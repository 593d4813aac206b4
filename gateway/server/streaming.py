"""Bodies that are passed on piece by piece: responses without a known size, and uploads.

A response `StreamBody` is read only as fast as the client takes it. A slow client therefore slows
down the service that makes the response, and memory stays bounded. When the client disconnects, the
body is closed. When the body breaks off, the last chunk is never sent, so that no client can
mistake the response for a complete one.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import ClassVar, Literal, Protocol, cast

from starlette.types import Message, Scope, Send

from gateway.limits import BODY_WAIT_S, UPLOAD_BYTES_PER_S, RequestLate
from shared.errors import Problem, TooLarge
from shared.serve import IS_STOPPING, ON_STOP

End = Literal["whole", "broken", "gone"]


class Broken(Exception):
    """A body broke off: what was sent of it is incomplete."""


class Disconnected(Exception):
    """The caller disconnected before its request was complete."""


class OldHttp(Problem):
    """An HTTP/1.0 client cannot tell a response that broke off from a complete one."""

    status: ClassVar[int] = 505
    code: ClassVar[str] = "http.version"
    title: ClassVar[str] = "此接口需要 HTTP/1.1 This answer needs HTTP/1.1."


class StreamBody(Protocol):
    """The body of a response while it is being made."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The parts; raises Broken when the body breaks off."""

    def stop(self) -> None:
        """The process is ending: a body without an end of its own ends now."""

    async def aclose(self) -> None:
        """Nobody reads any more of it."""


async def send_body(
    body: StreamBody, scope: Scope, send: Send, wait_for_disconnect: Callable[[], Awaitable[None]]
) -> End:
    """Sends all parts of the body; the head was sent already. Only after `whole` is the response
    complete by HTTP's rules; after any other end the server must close the connection."""
    scope[ON_STOP] = body.stop
    if scope.get(IS_STOPPING):
        body.stop()
    sending = asyncio.ensure_future(_sent(body, send))
    leaving = asyncio.ensure_future(wait_for_disconnect())
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        return sending.result() if sending.done() else "gone"
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.wait((sending, leaving))
        await body.aclose()


async def _sent(body: StreamBody, send: Send) -> End:
    try:
        # Closed at once, also when this is cancelled: else it may still be reading from the body.
        async with aclosing(cast(AsyncGenerator[bytes, None], aiter(body))) as parts:
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
    except Broken:
        return "broken"
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return "whole"


class Upload:
    """The body of a request, passed on as it arrives: up to `limit` bytes, on average no slower
    than UPLOAD_BYTES_PER_S. The error that stopped it is raised here and kept in `failed`, because
    the client that sends the body on can only report that it broke off."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], declared: bytes, limit: int):
        self._receive = receive
        self._limit = limit
        self.length = int(declared) if declared.isdigit() else None
        """as the caller declared it; None: sent in chunks"""
        self.failed: Problem | Disconnected | None = None
        self._require(self.length or 0)

    def _require(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge(f"at most {self._limit} bytes")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._parts():
                yield part
        except (Problem, Disconnected) as error:
            self.failed = error
            raise

    async def _parts(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        size, waited_s, more = 0, 0.0, True
        while more:
            since = loop.time()
            try:
                async with asyncio.timeout(BODY_WAIT_S + size / UPLOAD_BYTES_PER_S - waited_s):
                    message = await self._receive()
            except TimeoutError:
                raise RequestLate from None
            # Only time spent waiting for the client counts: between reads it may be unable to send.
            waited_s += loop.time() - since
            if message["type"] != "http.request":
                raise Disconnected
            part: bytes = message.get("body", b"")
            size += len(part)
            self._require(size)
            more = message.get("more_body", False)
            if part:
                yield part
