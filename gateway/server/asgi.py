"""Raw ASGI for edge and egress: one parsed request in, one response out.

A response is whole, except for the few that are streamed. FastAPI costs 80 µs per request. A
service can afford that; a process that every request crosses cannot.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

import orjson
from prometheus_client import Counter, Histogram
from starlette.types import Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from gateway.limits import (
    BODY_WAIT_S,
    HEADER_BYTES_MAX,
    HEADERS_MAX,
    TARGET_BYTES_MAX,
    HeadersTooLarge,
    RequestLate,
)
from gateway.server.streaming import Disconnected, End, StreamBody, Upload, send_body
from shared import telemetry, tracing
from shared.errors import NotFound, Problem, TooLarge
from shared.serve import clean_id

Header = tuple[bytes, bytes]
Job = Callable[[], Awaitable[None]]

JOB_REST_S = 1.0
SECRET_PREFIXES = ("/alipay/notify/", "/alipay/messages/", "/h5/rewards/")
_PATH = re.compile(rb"/|(?:/[A-Za-z0-9_\-~:.@]+)+", re.ASCII)
_QUERY = re.compile(rb"[\x21\x22\x24-\x7e]*", re.ASCII)
JSON: Header = (b"content-type", b"application/json")
PROBLEM: Header = (b"content-type", b"application/problem+json")
PLAIN: Header = (b"content-type", b"text/plain; charset=utf-8")
NO_STORE: Header = (b"cache-control", b"no-store")
CSP_NAME = b"content-security-policy"
METRICS: Header = (b"content-type", b"text/plain; version=0.0.4")

log = telemetry.get_logger("gateway")
_requests = Counter("gateway_requests_total", "Requests answered", ["route", "status"])
_streams = Counter("gateway_streams_total", "Streamed answers by how they ended", ["route", "end"])
_seconds = Histogram(
    "gateway_request_seconds",
    "Time to the whole answer",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response, or the head of one whose body is sent while it is being made."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()
    policy: bytes = b""
    """its own content security policy, which replaces the app's"""
    stream: StreamBody | None = None
    """a body that is still being made; replaces `body`"""


class Request:
    """A request as our apps see it. `path` is what was sent, limited to plain characters, so that
    every process along the way reads the same path."""

    __slots__ = (
        "_receive",
        "body",
        "client",
        "headers",
        "http_version",
        "method",
        "path",
        "query",
        "raw_headers",
        "request_id",
        "route",
        "unreadable_path",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        raw: list[Header] = scope["headers"]
        self.method: str = scope["method"]
        self.http_version: str = scope.get("http_version", "1.1")
        self.headers = dict(raw)
        self.raw_headers = raw
        """as received: a repeated name is kept twice"""
        self.request_id = clean_id(self.headers.get(b"x-request-id", b""))
        self.client: str = scope["client"][0] if scope.get("client") else ""
        """address of the peer; the edge puts the client's here when the peer is a known proxy"""
        self.path = ""
        self.unreadable_path = b""
        """a path with characters that our paths never have, as received; nothing is routed by it"""
        self.query = ""
        self.body = b""
        self.route = "none"
        """label for logs and metrics, set by the handler that matches the path; never the path
        itself"""
        self._receive = receive

    def read_target(self, scope: Scope) -> None:
        """Sets path and query. The path's characters are checked before anything is routed by
        it."""
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        size = sum([len(name) + len(value) for name, value in scope["headers"]])
        if (
            size > HEADER_BYTES_MAX
            or len(scope["headers"]) > HEADERS_MAX
            or len(raw_path) + len(query) > TARGET_BYTES_MAX
        ):
            raise HeadersTooLarge
        if not _QUERY.fullmatch(query):
            raise NotFound
        if _PATH.fullmatch(raw_path) is None or b"/." in raw_path:
            self.unreadable_path = raw_path
            raise NotFound
        self.path = raw_path.decode("ascii")
        self.query = query.decode("ascii")

    async def read_body(self, limit: int) -> bytes:
        """The whole body. Raises TooLarge as soon as the limit is known to be exceeded."""
        declared = self.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise TooLarge(f"at most {limit} bytes")
        message = await self._next_part()
        body: bytes = message.get("body", b"")
        if message.get("more_body", False):
            body = await self._rest(body, limit)
        if len(body) > limit:
            raise TooLarge(f"at most {limit} bytes")
        self.body = body
        return body

    async def _rest(self, first: bytes, limit: int) -> bytes:
        parts, size = [first], len(first)
        try:
            async with asyncio.timeout(BODY_WAIT_S):
                while True:
                    message = await self._next_part()
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise TooLarge(f"at most {limit} bytes")
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise RequestLate from None

    def upload(self, limit: int) -> Upload:
        """The body as it arrives. Raises TooLarge at once if it declares more than `limit`
        bytes."""
        return Upload(self._receive, self.headers.get(b"content-length", b""), limit)

    async def wait_for_disconnect(self) -> None:
        """Returns when the caller has disconnected."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _next_part(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            raise Disconnected
        return message


def json_response(document: object, status: int = 200) -> Response:
    return Response(status, orjson.dumps(document), (JSON,))


def plain_response(text: str) -> Response:
    return Response(200, text.encode(), (PLAIN,))


def problem_response(problem: Problem, request: Request) -> Response:
    """The problem as RFC 9457 problem+json."""
    headers = [PROBLEM, NO_STORE]
    retry_after = problem.extensions.get("retry_after_s")
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    allow = problem.extensions.get("allow")
    if allow is not None:
        headers.append((b"allow", ", ".join(allow).encode()))
    body = problem.body(instance=request.path, request_id=request.request_id)
    return Response(problem.status, orjson.dumps(body, default=str), tuple(headers))


Handler = Callable[[Request], Awaitable[Response]]
"""Handles a request whose target has been read."""
UnreadablePage = Callable[[Request], Response | None]
"""The page for a person whose address has characters that none of our paths has; None: no page."""


class HttpApp:
    """An ASGI app around one handler. Adds limits on the head, problem responses, access log and
    metrics."""

    def __init__(
        self,
        handler: Handler,
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
        headers: Iterable[Header] = (),
        unreadable_page: UnreadablePage | None = None,
    ) -> None:
        self._handler = handler
        self._unreadable_page = unreadable_page
        self._lifespan = lifespan
        self._headers = tuple(headers)
        self._without_policy = tuple(header for header in self._headers if header[0] != CSP_NAME)
        self._counters: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request = Request(scope, receive)
        bind_contextvars(request_id=request.request_id)
        try:
            request.read_target(scope)
            response = await self._handler(request)
        except Problem as problem:
            if problem.status >= 500:
                log.warning("problem", code=problem.code, detail=problem.detail)
            page = (
                self._unreadable_page(request)
                if self._unreadable_page and request.unreadable_path
                else None
            )
            response = page or problem_response(problem, request)
        except Disconnected:
            return
        except Exception:
            log.exception("unhandled")
            response = problem_response(Problem(), request)
        scope[tracing.ROUTE] = request.route
        if response.stream is not None:
            await self._stream(request, response, response.stream, scope, send, started)
            return
        await self._send(request, response, send)
        self._account(request, response.status, perf_counter() - started)

    async def _stream(
        self,
        request: Request,
        response: Response,
        body: StreamBody,
        scope: Scope,
        send: Send,
        started: float,
    ) -> None:
        """Measures the time to the head only: how long the body takes depends on the client."""
        head_s = perf_counter() - started
        end: End | None = None
        try:
            await send(self._head(request, response))
            end = await send_body(body, scope, send, request.wait_for_disconnect)
        finally:
            # However the stream ends, its slot becomes free.
            await body.aclose()
            ended = end or "cut"
            _streams.labels(request.route, ended).inc()
            self._account(request, response.status, head_s, ended)

    async def _send(self, request: Request, response: Response, send: Send) -> None:
        body = response.body
        await send(self._head(request, response))
        if request.method == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body})

    def _head(self, request: Request, response: Response) -> Message:
        ours = self._headers
        if response.policy:
            ours = ((CSP_NAME, response.policy), *self._without_policy)
        headers = [
            *response.headers,
            *ours,
            *(
                ((b"content-length", str(len(response.body)).encode()),)
                if not response.stream
                else ()
            ),
            (b"x-request-id", request.request_id.encode()),
        ]
        return {"type": "http.response.start", "status": response.status, "headers": headers}

    def _account(self, request: Request, status: int, spent: float, ended: str = "") -> None:
        label = request.route
        counter = self._counters.get((label, status))
        if counter is None:
            counter = self._counters[label, status] = _requests.labels(label, status)
        counter.inc()
        timer = self._timers.get(label)
        if timer is None:
            timer = self._timers[label] = _seconds.labels(label)
        timer.observe(spent)
        telemetry.access_line(
            {
                "event": "http",
                "method": request.method,
                "route": label,
                "path": _masked(request.path),
                "status": status,
                "ms": round(spent * 1000, 2),
                "request_id": request.request_id,
            }
            | ({"stream": ended} if ended else {})
        )

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            log.exception("lifespan")
            await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
            return
        await send({"type": "lifespan.shutdown.complete"})


def _masked(path: str) -> str:
    """The path without its secret part: an app's notify route, or a buyer's code."""
    for prefix in SECRET_PREFIXES:
        if path.startswith(prefix):
            return prefix + telemetry.MASK
    return path


@asynccontextmanager
async def running(jobs: Iterable[Job], aclose: Job) -> AsyncIterator[None]:
    """Runs the background jobs while the process serves, then calls `aclose`."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_restarted(job)) for job in jobs]
            yield
            for task in tasks:
                task.cancel()
    finally:
        await aclose()


async def _restarted(job: Job) -> None:
    while True:
        try:
            await job()
        except Exception:
            log.exception("job")
        await asyncio.sleep(JOB_REST_S)
