"""Serving HTTP and links without a framework: the server's settings, health, problem responses.

Separate from shared.web, so that a worker or the gateway does not pay for FastAPI's start.
"""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import orjson
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared import telemetry, tracing
from shared.config import BaseConfig
from shared.errors import NotFound, Problem
from shared.ids import random_token
from shared.link import PREFACE, LinkServer

KEEP_ALIVE_S, STOP_WITHIN_S, BACKLOG = 75, 8, 512
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
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


ON_STOP, IS_STOPPING = "damselfly.on_stop", "damselfly.is_stopping"
"""Keys of a request's scope: the function to call when the process stops, and whether it stops. An
endless response ends then; the server waits for any other one (STOP_WITHIN_S)."""


def notify_stop(scope: Any) -> None:
    """Notifies the request of this scope that the process stops before its response is complete."""
    scope[IS_STOPPING] = True
    scope.get(ON_STOP, bool)()


class Http(HttpToolsProtocol):
    """uvicorn's HTTP protocol, or a link, as the peer begins."""

    frame_max = 512 * 1024
    """bytes of a request over a link"""
    _has_begun = False

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is not None:
            notify_stop(self.cycle.scope)

    def data_received(self, data: bytes) -> None:
        if not self.became_link(self.transport, data):
            super().data_received(data)

    def became_link(self, transport: asyncio.Transport, data: bytes) -> bool:
        """Hands the connection on to a `LinkServer` if PREFACE, which comes in one piece, is the
        first that comes. Later it may be a part of somebody's upload."""
        is_first, self._has_begun = not self._has_begun, True
        if not is_first or not data.startswith(PREFACE):
            return False
        self.connections.discard(self)
        link: Any = LinkServer(self)
        self.connections.add(link)
        link.connection_made(transport)
        transport.set_protocol(link)
        link.data_received(data[len(PREFACE) :])
        return True


class _Server(uvicorn.Server):
    """uvicorn's server, which waits until it shall end. uvicorn looks ten times a second whether it
    shall, and that was a sixth of what all processes took at rest."""

    _is_ending = False
    _wake: Callable[[], object] = bool

    @property
    def should_exit(self) -> bool:
        return self._is_ending

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._is_ending = value
        self._wake()

    async def main_loop(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        # A signal handler sets it, or another thread.
        self._wake = lambda: loop.call_soon_threadsafe(ended.set)
        if not self.should_exit:
            await ended.wait()
        self._wake = bool


def _server(
    app: ASGIApp, *, lifespan: Literal["on", "off"], http: type[Http] = Http
) -> uvicorn.Server:
    config = uvicorn.Config(
        app, loop="uvloop", http=http, ws="none", lifespan=lifespan, backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=STOP_WITHIN_S,
        access_log=False, log_level="warning",
        proxy_headers=False, server_header=False, date_header=False,
    )  # fmt: skip
    return _Server(config)


def bound(address: str, *, is_shared: bool = False) -> socket.socket:
    """A socket to listen on at host:port; accepted sockets inherit its options. TCP keep-alive
    detects a peer that died without closing the connection; nothing else here would. Of a shared
    port, the kernel gives each new connection to one of the processes that listen there."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if is_shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        host, _, port = address.rpartition(":")
        sock.bind((host, int(port)))
    except OSError:
        sock.close()
        raise
    return sock


def listen(config: BaseConfig) -> socket.socket:
    """A socket on LISTEN; if the port is taken, one line on stderr and exit 2."""
    if config.workers > 1 and not config.metrics_listen:
        sys.stderr.write("WORKERS > 1: each process needs a METRICS_LISTEN of its own\n")
        raise SystemExit(2)
    try:
        return bound(config.listen, is_shared=config.workers > 1)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {config.listen} (LISTEN): {error.strerror}\n")
        raise SystemExit(2) from None


def metrics_listener(config: BaseConfig) -> list[socket.socket]:
    """The socket on METRICS_LISTEN, if that is set. Payments matter more than metrics: when the
    port is taken, the process starts without it."""
    if config.metrics_listen:
        try:
            return [bound(config.metrics_listen)]
        except OSError as error:
            why = f"{config.metrics_listen} (METRICS_LISTEN): {error.strerror}"
            sys.stderr.write(f"cannot listen on {why}; /metrics is not served\n")
    return []


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


def run_api(name: str, app: ASGIApp, config: BaseConfig, http: type[Http] = Http) -> None:
    """Serves `app` on LISTEN and METRICS_LISTEN until SIGTERM, then lets requests finish."""
    telemetry.configure(name, config.log_level)
    tracing.configure(name, config.otel_exporter_otlp_endpoint)
    settle_memory()
    if tracing.is_on():
        app = Traced(app)
    _server(app, lifespan="on", http=http).run([listen(config), *metrics_listener(config)])


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
