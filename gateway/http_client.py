"""The only place that makes an HTTP client, for what is streamed and for what leaves the platform:
one bounded pool per destination, nothing sent twice.

Each destination has a pool of its own, because a slow peer would use up the connections of a shared
one (reference: performance §5). An error states whether the request can have reached the peer: for
a call that moves money, this decides between "failed" and "unknown".

Connections, pool and parser are aiohttp's. Its session is left out: it took 40 to 50 % of the CPU
of a call (decision 0031).
"""

import asyncio
import functools
import select
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from shared.client import Client, Reply
from shared.errors import NoAnswer, NotSent
from shared.link import has_closed


@contextmanager
def _no_certificates() -> Iterator[None]:
    """For imports that create TLS contexts: they load no certificates, so these contexts trust no
    peer. aiohttp creates two, which would take a twentieth of the start."""
    ssl.SSLContext.set_default_verify_paths = lambda _: None  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths


with _no_certificates():
    import aiohttp
    from aiohttp.http import HttpProcessingError, StreamWriter
    from yarl import URL

CONNECT = aiohttp.ClientTimeout(sock_connect=3.0)
KEEP_ALIVE_S = 30.0
"""Shorter than our servers' keep-alive (75 s): we never write to a connection they are closing."""
RESPONSE_MAX = 8 * 1024 * 1024
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Their requests declare no length when they have no body (RFC 9110 §8.6)."""
LENGTH = "Content-Length"
ENDED_CONNECTIONS_MAX = 4
"""After so many kept connections that the peer had closed, a request ends as not sent."""
FAILURES = (aiohttp.ClientError, HttpProcessingError, TimeoutError, ConnectionError, OSError)


@functools.cache
def tls() -> ssl.SSLContext:
    """The TLS context for peers with a publicly trusted certificate, made when it is first used. It
    names the protocol, because some front ends would otherwise choose HTTP/2."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context


def _is_usable(protocol: Any) -> bool:
    """Whether a request may be sent: the peer has neither closed its side nor sent anything, also
    if the event loop has not seen that yet. What came before a request would be read as its
    response. Over TLS only the close is seen, because TLS has messages of its own."""
    transport = protocol.transport
    if protocol.should_close or transport is None or transport.is_closing():
        return False
    return not has_closed(transport, 0 if transport.get_extra_info("sslcontext") else select.POLLIN)


async def _upload(protocol: Any, parts: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
    """Sends a body in parts, as fast as the peer takes it. The peer may pause for as long as it may
    be silent."""
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    if LENGTH not in headers:
        writer.enable_chunking()
    try:
        # Not `wait_for`: it drops a cancellation that meets the end of what it waits for.
        async for part in parts:
            async with asyncio.timeout(protocol.read_timeout):
                await writer.write(part)
        async with asyncio.timeout(protocol.read_timeout):
            await writer.write_eof()
        protocol.start_timeout()
    except Exception as error:
        protocol.set_exception(aiohttp.ClientConnectionError(type(error).__name__), error)


def _end(connection: Any, body: aiohttp.StreamReader | None) -> None:
    """Keeps the connection if request and response went through it whole; else closes it."""
    is_sent = connection.transport and not connection.transport.get_write_buffer_size()
    is_whole = is_sent and body is not None and body.is_eof()
    (connection.release if is_whole else connection.close)()


class HttpClient(Client):
    """A bounded pool of connections to one destination."""

    def __init__(self, base_url: str, *, is_ours: bool = True, **options: Any) -> None:
        super().__init__(base_url, **options)
        self.is_ours = is_ours
        self._connector: aiohttp.TCPConnector | None = None

    async def aclose(self) -> None:
        """Closes the connections; a later request ends as not sent."""
        self._is_closed = True
        if self._connector is not None:
            await self._connector.close()

    async def _send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str],
        within: float,
    ) -> Reply:  # fmt: skip
        async with self.stream(method, path, content, headers, timeout_s=within) as (head, parts):
            body, declared = bytearray(), int(head.headers.get("content-length") or 0)
            async for part in parts:
                body += part
                if max(len(body), declared) > RESPONSE_MAX:
                    raise NoAnswer(f"{self.name}: the answer is too large")
            return Reply(head.status, head.headers, bytes(body))

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, content: bytes | AsyncIterator[bytes] | None,
        headers: Mapping[str, str], idle_s: float | None = None, timeout_s: float | None = None,
    ) -> AsyncIterator[tuple[Reply, AsyncIterator[bytes]]]:  # fmt: skip
        """One attempt whose response is streamed: its head (a Reply without content) and its parts.
        A peer that sends faster than the parts are read has to wait. An error while reading, also
        silence for `idle_s`, is raised as NoAnswer when the block ends. Leaving the block before
        the last part closes the connection. While an upload (`content` in parts) is sent, `idle_s`
        is how long the peer may take nothing of it. `timeout_s` is for the whole of it, when one
        task enters and leaves the block."""
        head = self._head(method, path, content, headers)
        await self._take_slot()
        connection = body = sending = None
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self._connected()
                protocol = connection.protocol
                protocol.set_response_params(
                    skip_payload=method == "HEAD", read_until_eof=True, auto_decompress=False,
                    read_timeout=idle_s,
                )  # fmt: skip
                # Before this write nothing was sent. After it the outcome is unknown, because a
                # close that is seen later does not tell what the peer read (RFC 9112 §9.3.1).
                if isinstance(content, bytes | None):
                    connection.transport.write(head + (content or b""))
                    protocol.start_timeout()
                else:
                    connection.transport.write(head)
                    sending = asyncio.ensure_future(_upload(protocol, content, headers))
                message, body = await protocol.read()
                while message.code < 200 and message.code != 101:
                    message, body = await protocol.read()  # what came was an interim response
                lowered = {name.lower(): value for name, value in message.headers.items()}
                yield Reply(message.code, lowered, b""), body.iter_any()
        except FAILURES as error:
            kind = NotSent if connection is None else NoAnswer
            raise kind(f"{self.name}: {type(error).__name__}") from error
        finally:
            self._slots.release()
            if connection is not None:
                _end(connection, body if sending is None or sending.done() else None)
            if sending is not None:
                sending.cancel()
                await asyncio.wait((sending,))

    def _head(self, method: str, path: str, content: Any, headers: Mapping[str, str]) -> bytes:
        target = self._url.path + path
        target = target if target.startswith("/") else f"/{target}"
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._url.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if isinstance(content, bytes) or (content is None and method not in BODILESS):
            lines.append(f"Content-Length: {len(content or b'')}")
        elif content is not None and LENGTH not in headers:
            lines.append("Transfer-Encoding: chunked")
        text = "\r\n".join(lines)
        if {text.count("\r"), text.count("\n")} != {len(lines) - 1} or "\0" in text:
            raise ValueError("a line break in a header")
        return f"{text}\r\n\r\n".encode("utf-8", "surrogateescape")

    async def _connected(self) -> Any:
        """A connection on which a request may be sent, if possible a kept one."""
        if self._is_closed:
            raise NotSent(f"{self.name}: the client is closed")
        # Made on first use: a connector belongs to the running loop.
        if self._connector is None:
            # aiohttp's default context has no certificates here (`_no_certificates`).
            context = tls() if self._url.scheme == "https" else True
            self._connector = aiohttp.TCPConnector(
                limit=self._pool, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=30, ssl=context
            )
            self._peer = aiohttp.ClientRequest("GET", URL(self._url.geturl()), ssl=context)
        for _ in range(ENDED_CONNECTIONS_MAX):
            connection = await self._connector.connect(self._peer, [], CONNECT)
            if _is_usable(connection.protocol):
                return connection
            connection.close()
            await asyncio.sleep(0)  # the event loop finds other kept connections that have ended
        raise NotSent(f"{self.name}: the peer closes every connection")
