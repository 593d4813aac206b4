"""How our processes call each other: over links, so many calls at a time, nothing sent twice.

Each destination has a limit of its own, because a slow peer would use up what is shared (reference:
performance §5). An error states whether the request can have reached the peer: for a call that
moves money, this decides between "failed" and "unknown". What is streamed, and what leaves the
platform, is HTTP and the gateway's (`gateway.http_client`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from structlog.contextvars import get_contextvars

from shared import tracing
from shared.errors import BadGateway, NoAnswer, NotSent, PoolFull, Problem, Unavailable
from shared.keys.tokens import TokenSigner
from shared.link import PREFACE, STOP, Link

POOL_WAIT_S, CONNECT_WAIT_S = 2.0, 1.5
_BYTES_AS_TEXT = "utf-8", "surrogateescape"
LINKS, LINK_LIFE_S = 4, 30.0
"""Links to a destination are used by turns and opened anew after a while: they may lead to several
processes that share a port, also to one that was started later, and none rests for long."""


class UpstreamRefused(Problem):
    """A peer's problem document, raised here with the same status, code and title."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("detail", "")))
        self.status, self.code = status, str(document["code"])  # type: ignore[misc]
        self.title = str(document.get("title", ""))  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response. Header names are lower case; their values hold bytes that are no UTF-8
    as surrogate escapes, as those of a request do."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError as error:
            raise BadGateway("the answer is not JSON") from error


class Client:
    """Sends requests to one destination, at most `pool` at a time."""

    is_ours = True
    """whether it is one of our processes: trace headers go to no other"""
    _send: Callable[[str, str, bytes | None, Mapping[str, str], float], Awaitable[Reply]]
    """(method, path, content, headers, within_s); raises NotSent or NoAnswer"""

    def __init__(
        self, base_url: str, *, name: str, pool: int = 32, timeout_s: float = 10.0
    ) -> None:
        self.name = name
        self._url = urlsplit(base_url.rstrip("/"))
        self._pool = pool
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(pool)
        self._is_closed = False

    async def request(
        self, method: str, path: str,
        *, content: bytes | None = None, headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Reply:  # fmt: skip
        """One attempt. `path` is sent as given (query included, already encoded).

        Raises NotSent, NoAnswer or PoolFull; an HTTP error status is a Reply like any other.
        """
        timeout_s = timeout_s or self._timeout_s
        if not tracing.is_on():
            return await self._send(method, path, content, headers or {}, timeout_s)
        with tracing.span(f"{method} {self.name}", "client") as current:
            headers = {**(headers or {}), **(tracing.carried() if self.is_ours else {})}
            reply = await self._send(method, path, content, headers, timeout_s)
            current.set_attribute("http.response.status_code", reply.status)
            return reply

    async def _take_slot(self) -> None:
        try:
            async with asyncio.timeout(POOL_WAIT_S) if self._slots.locked() else nullcontext():
                await self._slots.acquire()
        except TimeoutError:
            raise PoolFull(f"{self.name}: {self._pool} calls in flight") from None


class LinkClient(Client):
    """Calls one of our processes."""

    def __init__(self, base_url: str, **options: Any) -> None:
        super().__init__(base_url, **options)
        self._links: dict[int, asyncio.Future[Link]] = {}
        self._calls = 0

    async def aclose(self) -> None:
        """Ends the links; a later request ends as not sent."""
        self._is_closed = True
        for link in await asyncio.gather(*self._links.values(), return_exceptions=True):
            if isinstance(link, Link):
                link.transport.abort()

    async def _send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str],
        within: float,
    ) -> Reply:  # fmt: skip
        # Headers travel byte for byte, in a JSON text.
        pairs = [(n, v.encode(*_BYTES_AS_TEXT).decode("latin-1")) for n, v in headers.items()]
        line = method, self._url.path + path, pairs
        await self._take_slot()
        try:
            (status, found), body = await (await self._link()).request(line, content or b"", within)
            text = {n.lower(): v.encode("latin-1").decode(*_BYTES_AS_TEXT) for n, v in found}
            return Reply(int(status), text, body)
        except (OSError, TimeoutError) as error:
            raise NotSent(f"{self.name}: {type(error).__name__}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise NoAnswer(f"{self.name} answered with an odd frame") from error
        finally:
            self._slots.release()

    async def _link(self) -> Link:
        if self._is_closed or self._url.scheme != "http":
            raise NotSent(f"{self.name}: the client is closed, or its address is not http://")
        self._calls = turn = (self._calls + 1) % LINKS
        link = self._links.get(turn)
        if link is None or (link.done() and (link.exception() or not link.result().is_usable)):
            link = self._links[turn] = asyncio.ensure_future(self._opened())
        return await asyncio.shield(link)

    async def _opened(self) -> Link:
        loop, host = asyncio.get_running_loop(), str(self._url.hostname)
        async with asyncio.timeout(CONNECT_WAIT_S):
            transport, link = await loop.create_connection(Link, host, self._url.port or 80)
        transport.write(PREFACE)
        loop.call_later(LINK_LIFE_S, link.frame_received, STOP, b"")
        return link


class ServiceClient(LinkClient):
    """Calls one of our services with a service token for it."""

    def __init__(
        self, base_url: str, *, audience: str, signer: TokenSigner, **options: Any
    ) -> None:
        super().__init__(base_url, name=audience, **options)
        self._signer = signer

    async def call(
        self, method: str, path: str,
        *, body: Mapping[str, Any] | bytes | None = None, tenant_id: UUID | None = None,
        timeout_s: float | None = None,
    ) -> Reply:  # fmt: skip
        """One attempt as this service; any HTTP status comes back as a Reply."""
        who = self._signer.issuer
        token = self._signer.issue(self.name, kind="service", subject=who, tenant_id=tenant_id)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if request_id := get_contextvars().get("request_id"):
            headers["X-Request-Id"] = request_id
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        return await self.request(method, path, content=data, headers=headers, timeout_s=timeout_s)

    async def call_ok(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of a 2xx response. Raises UpstreamRefused for a problem body and Unavailable for
        a peer that does not answer. Only for calls that are safe to repeat."""
        try:
            reply = await self.call(method, path, **more)
        except (NotSent, NoAnswer) as error:
            raise Unavailable(f"{self.name} does not answer") from error
        if reply.status < 400:
            return reply.json() if reply.content else None
        document = reply.json()
        if not isinstance(document, dict) or "code" not in document:
            raise BadGateway(f"{self.name} answered {reply.status}")
        raise UpstreamRefused(reply.status, document)
