"""The only place that makes an HTTP client: one bounded pool per destination, nothing sent twice.

Each destination has a pool of its own, because a slow peer would use up the connections of a shared
one (reference: performance §5). An error states whether the request can have reached the peer: for
a call that moves money, this decides between "failed" and "unknown".
"""

import asyncio
import functools
import select
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from structlog.contextvars import get_contextvars

from shared import tracing
from shared.errors import BadGateway, NoAnswer, NotSent, PoolFull, Problem, Unavailable
from shared.keys.tokens import TokenSigner
from shared.startup import no_certificates

with no_certificates():
    import aiohttp

POOL_WAIT_S = 2.0
CONNECT_S = 3.0
KEEP_ALIVE_S = 30.0
"""Shorter than our servers' keep-alive (75 s): we never write to a connection they are closing."""
RESPONSE_MAX = 8 * 1024 * 1024
ENDED_CONNECTIONS_MAX = 4
"""After so many kept connections that the peer had closed, a request ends as not sent."""
Headers = Mapping[str, str] | None
NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
FAILURES = (aiohttp.ClientError, TimeoutError, ConnectionError, OSError)
_PEER_CLOSED = getattr(select, "POLLRDHUP", 0)


class UpstreamRefused(Problem):
    """A peer's problem document, raised here with the same status, code and title."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("detail", "")))
        self.status = status  # type: ignore[misc]
        self.code = str(document["code"])  # type: ignore[misc]
        self.title = str(document.get("title", ""))  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError as error:
            raise BadGateway("the answer is not JSON") from error


@functools.cache
def tls() -> ssl.SSLContext:
    """The TLS context for peers with a publicly trusted certificate, made when it is first used. It
    names the protocol, because some front ends would otherwise choose HTTP/2."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context


class _Request(aiohttp.ClientRequest):
    """Checks right before the first byte whether the peer has closed the connection. Head and body
    leave in one write, so before it nothing was sent. After it the outcome is unknown, because a
    close that is seen later does not tell what the peer had read (RFC 9112 §9.3.1)."""

    has_begun = False

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        if not self._body:
            self._note_begun(conn)
        return await super().send(conn)

    async def write_bytes(self, writer: Any, conn: Any, content_length: int | None = None) -> None:
        try:
            self._note_begun(conn)
        except aiohttp.ClientConnectionResetError as error:
            if conn.protocol is not None:
                conn.protocol.set_exception(error)
        else:
            await super().write_bytes(writer, conn, content_length)

    def _note_begun(self, conn: Any) -> None:
        transport = conn.transport
        if transport is None or transport.is_closing() or _has_ended(transport):
            raise aiohttp.ClientConnectionResetError("closed by the peer while it was idle")
        self.has_begun = True


def _has_ended(transport: asyncio.BaseTransport) -> bool:
    """Whether the peer has closed its side, even if the event loop has not handled that yet."""
    ready = select.poll()
    ready.register(transport.get_extra_info("socket").fileno(), _PEER_CLOSED)
    return bool(ready.poll(0))


async def _once(request: Any, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Repeats a request only if nothing of it was sent, on another connection. aiohttp itself would
    also repeat a GET, PUT or DELETE that was sent on a kept connection and lost."""
    for _ in range(ENDED_CONNECTIONS_MAX):
        try:
            return await handler(request)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
            raise
        except aiohttp.ClientConnectionError as error:
            if request.has_begun:
                raise aiohttp.ClientConnectionError(type(error).__name__) from error
    raise NotSent("the peer closes every connection")


class Client:
    """A bounded pool of connections to one destination; `is_ours`: pass trace headers to it."""

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        pool: int = 32,
        timeout_s: float = 10.0,
        is_ours: bool = True,
    ) -> None:
        self.name = name
        self._base = base_url.rstrip("/")
        self._pool = pool
        self._timeout_s = timeout_s
        self._is_ours = is_ours
        # aiohttp's default context has no certificates here (`no_certificates`).
        self._tls = tls() if base_url.startswith("https:") else True
        self._slots = asyncio.Semaphore(pool)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def aclose(self) -> None:
        """Closes the connections; a later request ends as not sent."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise NotSent(f"{self.name}: the client is closed")
        # Made on first use: a session belongs to the running loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._pool,
                    keepalive_timeout=KEEP_ALIVE_S,
                    ttl_dns_cache=30,
                    ssl=self._tls,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                request_class=_Request,
                middlewares=(_once,),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                trust_env=False,
            )
        return self._session

    async def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Headers = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """One attempt. `path` is sent as given (query included, already encoded).

        Raises NotSent, NoAnswer or PoolFull; an HTTP error status is a Reply like any other.
        """
        timeout_s = timeout_s or self._timeout_s
        await self._take_slot()
        try:
            if not tracing.is_on():
                return await self._send(method, path, content, headers, timeout_s)
            with tracing.span(f"{method} {self.name}", "client") as current:
                if self._is_ours:  # trace headers go to our own services only
                    headers = {**(headers or {}), **tracing.carried()}
                reply = await self._send(method, path, content, headers, timeout_s)
                current.set_attribute("http.response.status_code", reply.status)
                return reply
        finally:
            self._slots.release()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        content: bytes | AsyncIterator[bytes] | None,
        headers: Mapping[str, str],
        idle_s: float | None = None,
    ) -> AsyncIterator[tuple[Reply, AsyncIterator[bytes]]]:
        """One attempt whose response is streamed: its head (a Reply without content) and its parts.
        A peer that sends faster than the parts are read has to wait. An error while reading, also
        silence for `idle_s`, is raised as NoAnswer when the block ends. Leaving the block before
        the last part closes the connection. An upload (`content` in parts) is not bound by
        `idle_s`."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=idle_s)
        await self._take_slot()
        try:
            async with self._request(method, path, content, headers, timeout) as response:
                yield Reply(response.status, _lowered(response), b""), response.content.iter_any()
        except FAILURES as error:
            raise self._failure(error) from error
        finally:
            self._slots.release()

    async def _take_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            await asyncio.wait_for(self._slots.acquire(), POOL_WAIT_S)
        except TimeoutError:
            raise PoolFull(f"{self.name}: {self._pool} calls in flight") from None

    async def _send(
        self, method: str, path: str, content: bytes | None, headers: Headers, timeout_s: float
    ) -> Reply:
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S)
        try:
            async with self._request(method, path, content, headers, timeout) as response:
                return Reply(response.status, _lowered(response), await self._whole(response))
        except FAILURES as error:
            raise self._failure(error) from error

    def _request(self, method: str, path: str, content: Any, headers: Any, timeout: Any) -> Any:
        from yarl import URL

        return self._open_session().request(
            method,
            URL(self._base + path, encoded=True),
            data=content,
            headers=headers,
            allow_redirects=False,
            timeout=timeout,
        )

    def _failure(self, error: Exception) -> Exception:
        is_unsent = isinstance(error, NOT_CONNECTED)
        return (NotSent if is_unsent else NoAnswer)(f"{self.name}: {type(error).__name__}")

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        """The body. A chunked response declares no length, so its size is counted while reading."""
        if response.content_length is not None:
            if response.content_length > RESPONSE_MAX:
                raise NoAnswer(f"{self.name}: the answer is too large")
            return await response.read()
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > RESPONSE_MAX:
                raise NoAnswer(f"{self.name}: the answer is too large")
        return bytes(body)


def _lowered(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


class ServiceClient(Client):
    """Calls one of our services with a service token for it."""

    def __init__(
        self,
        base_url: str,
        *,
        audience: str,
        signer: TokenSigner,
        pool: int = 32,
        timeout_s: float = 10.0,
    ) -> None:
        super().__init__(base_url, name=audience, pool=pool, timeout_s=timeout_s)
        self._signer = signer

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | bytes | None = None,
        tenant_id: UUID | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """One attempt as this service; any HTTP status comes back as a Reply."""
        token = self._signer.issue(
            self.name, kind="service", subject=self._signer.issuer, tenant_id=tenant_id
        )
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if request_id := get_contextvars().get("request_id"):
            headers["X-Request-Id"] = request_id
        content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        return await self.request(
            method, path, content=content, headers=headers, timeout_s=timeout_s
        )

    async def call_ok(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of a 2xx response. Raises UpstreamRefused for a problem body and Unavailable for
        a peer that does not answer. Only for calls that are safe to repeat."""
        try:
            reply = await self.call(method, path, **more)
        except (NotSent, NoAnswer) as error:
            raise Unavailable(f"{self.name} does not answer") from error
        if reply.status < 400:
            return reply.json() if reply.content else None
        document: Any = None
        with suppress(BadGateway):
            document = reply.json()
        if not isinstance(document, dict) or "code" not in document:
            raise BadGateway(f"{self.name} answered {reply.status}")
        raise UpstreamRefused(reply.status, document)
