"""Serving HTTP without a framework: the server's settings, health routes, problem responses.

Separate from shared.web, so that a worker or the gateway does not pay for FastAPI's start.
"""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import orjson
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared import telemetry, tracing
from shared.config import BaseConfig
from shared.errors import NotFound, Problem
from shared.ids import random_token

KEEP_ALIVE_S = 75
STOP_WITHIN_S = 8
BACKLOG = 512
GC_THRESHOLDS = (10_000, 20, 20)
HEALTH = frozenset({"/livez", "/readyz", "/metrics"})
_ID_MAX = _NAME_MAX = 64
_ESCAPES = str.maketrans({"~": "~0", "/": "~1"})
"""of a JSON pointer (RFC 6901)"""

Ready = Callable[[], Awaitable[Mapping[str, bool]]]


def problem_response(problem: Problem, *, instance: str = "", request_id: str = "") -> Response:
    """The problem as application/problem+json."""
    retry_after = problem.extensions.get("retry_after_s")
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    content = orjson.dumps(problem.body(instance=instance, request_id=request_id), default=str)
    return Response(content, problem.status, headers, "application/problem+json")


def json_response(data: Any, status: int = 200) -> Response:
    """JSON by orjson; bytes count as already encoded."""
    content = data if isinstance(data, bytes) else orjson.dumps(data, default=str)
    return Response(content, status_code=status, media_type="application/json")


def faults(error: Any) -> list[dict[str, str]]:
    """The faults of a body from a pydantic (or FastAPI) validation error, without the values. The
    message is for programmers; people read the console's own text for the code. FastAPI gives the
    position in a text that is not JSON; it is no pointer, because it names no member."""
    return [
        {
            "pointer": _pointer(fault["loc"] if fault["type"] != "json_invalid" else ()),
            "code": str(fault["type"]),
            "message": str(fault["msg"]),
        }
        for fault in error.errors()
    ]


def _pointer(parts: Any) -> str:
    """A JSON pointer that is safe to return: the name of an unknown member can be any text."""
    names = [str(part)[:_NAME_MAX].translate(_ESCAPES) for part in parts if part != "body"]
    return ("/" + "/".join(names)).encode("utf-8", "replace").decode()


async def health_response(path: str, ready: Ready) -> Response:
    """/livez, /readyz and /metrics; they need no token and contain no personal data."""
    if path == "/livez":
        return json_response({"status": "live"})
    if path == "/readyz":
        checks = dict(await ready())
        return json_response({"checks": checks}, 200 if all(checks.values()) else 503)
    if path == "/metrics":
        return Response(telemetry.metrics_page(), media_type="text/plain; version=0.0.4")
    return problem_response(NotFound(), instance=path)


def clean_id(given: bytes) -> str:
    """The caller's request id if it is safe in a log, else a new one. An id of `random_token` is
    kept, so that all processes log a request under the same id."""
    text = given.decode("latin-1")
    plain = text.replace("-", "").replace("_", "")
    if len(text) <= _ID_MAX and plain.isalnum() and text.isascii():
        return text
    return random_token(12)


def settle_memory() -> None:
    """Excludes everything loaded so far from garbage collection, because it stays until the end,
    and switches the collector on (`shared.startup` had switched it off). No collection runs here:
    it would free too little to be worth its time."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


class _CoalescingTransport:
    """A transport that sends a response's head and body as one packet. uvicorn writes them one
    after the other and uvloop would send each at once, but a packet costs both ends more than a
    route. Data that is followed by no other write in the same loop iteration is sent alone."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._held:
            self._held += data
            self._release()
        else:
            self._held = data
            self._loop.call_soon(self._release)

    def _release(self) -> None:
        data, self._held = self._held, b""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> None:
        self._release()
        self._transport.write_eof()

    def close(self) -> None:
        self._release()
        self._transport.close()


ON_STOP, IS_STOPPING = "damselfly.on_stop", "damselfly.is_stopping"
"""Keys of a request's scope: the function to call when the process stops, and whether it stops. An
endless response ends then; the server waits for any other one (STOP_WITHIN_S)."""


def notify_stop(scope: Any) -> None:
    """Notifies the request of this scope that the process stops before its response is complete."""
    scope[IS_STOPPING] = True
    scope.get(ON_STOP, bool)()


class Http(HttpToolsProtocol):
    """uvicorn's HTTP protocol over `_CoalescingTransport`."""

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is not None:
            notify_stop(self.cycle.scope)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, _CoalescingTransport(transport, self.loop)))


def _server(
    app: ASGIApp, *, lifespan: Literal["on", "off"], http: type[Http] = Http
) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            loop="uvloop",
            http=http,
            ws="none",
            lifespan=lifespan,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            backlog=BACKLOG,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
    )


def bound(host: str, port: int) -> socket.socket:
    """A socket to listen on; accepted sockets inherit its options. TCP keep-alive detects a peer
    that died without closing the connection; nothing else here would."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def listen(config: BaseConfig) -> socket.socket:
    """A socket on LISTEN; if the port is taken, one line on stderr and exit 2."""
    try:
        return bound(*config.listen_at)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {config.listen} (LISTEN): {error.strerror}\n")
        raise SystemExit(2) from None


def _flushing(send: Send) -> Send:
    """Sends the remaining spans at the end: the signal that stops the server would lose them."""

    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            await asyncio.to_thread(tracing.flush)
        await send(message)

    return sending


class Traced:
    """An ASGI app that makes a span for each request, named after its route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, _flushing(send))
        if scope["path"] in HEALTH:
            return await self._app(scope, receive, send)
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        parent = headers.get(tracing.HEADER.encode(), b"").decode("latin-1")
        method = scope["method"]
        with tracing.span(method, "server", parent) as current:

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    current.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                await self._app(scope, receive, sending)
            finally:
                route = scope.get(tracing.ROUTE) or getattr(scope.get("route"), "path", "none")
                current.update_name(f"{method} {route}")
                current.set_attribute("http.route", route)


def run_api(
    name: str,
    app: ASGIApp,
    config: BaseConfig,
    http: type[Http] = Http,
    extra_sockets: Sequence[socket.socket] = (),
) -> None:
    """Serves `app` on LISTEN and `extra_sockets` until SIGTERM, then lets requests finish."""
    telemetry.configure(name, config.log_level)
    tracing.configure(name, config.otel_exporter_otlp_endpoint)
    settle_memory()
    if tracing.is_on():
        app = Traced(app)
    _server(app, lifespan="on", http=http).run(sockets=[listen(config), *extra_sockets])


@asynccontextmanager
async def health_server(config: BaseConfig, ready: Ready) -> AsyncIterator[uvicorn.Server]:
    """A worker's HTTP server for health and metrics, inside the running loop."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (await health_response(scope["path"], ready))(scope, receive, send)

    settle_memory()
    server = _server(app, lifespan="off")
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listen(config)]))
        try:
            yield server
        finally:
            server.should_exit = True
            await serving
