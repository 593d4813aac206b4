"""The edge on a socket of its own before a service of ours that streams, and clients of both."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from gateway.config import EdgeConfig
from gateway.edge import Edge
from gateway.routing import ROUTES, Route, table, uploads
from gateway.server.asgi import HttpApp
from gateway.server.connections import ConnectionLimits, ConnectionTable
from gateway.server.http1 import bounded
from shared import tracing
from shared.clock import Clock
from shared.errors import Conflict
from shared.keys.tokens import TokenVerifier
from shared.serve import Http, Traced, _server, bound, json_response
from shared.web import Streamed, guard, make_app

FEED, FILE, PACKAGES, IMAGES = (
    f"/api/merchant/v1/{name}" for name in ("feed", "file", "packages", "images")
)
PACKAGE_MAX = 300_000
IMAGE_MAX = 64_000_000
"""Far more than sockets and both processes hold."""
MORE = (
    Route("GET", FEED, "order", "user", streams=True),
    Route("GET", FILE, "order", "user", streams=True),
    Route("POST", PACKAGES, "order", "user", upload_max=PACKAGE_MAX),
    Route("POST", IMAGES, "order", "user", upload_max=IMAGE_MAX),
)
PART = bytes(range(256)) * 256
PARTS_MAX = 4_000
"""A file of 260 MB: far more than all buffers on the way."""


class NotToday(Conflict):
    code = "test.not_today"


@dataclass
class Service:
    """What it made and got, and what it waits for."""

    made: int = 0
    """parts of files"""
    closed: int = 0
    """streams that ended, however"""
    events: list[bytes] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    """files go on behind their second part, uploads are read"""
    seen: list[dict[str, str]] = field(default_factory=list)
    taken: int = 0
    """bytes of uploads"""
    broken: int = 0
    """uploads"""
    file_name: str = "file.csv"
    server: Any = None
    stopped: Any = None
    """done when its server has ended"""

    def publish(self, *events: bytes) -> None:
        self.events += events
        self.news.set()

    async def file(self, parts: int, fault: bool) -> AsyncIterator[bytes]:
        try:
            for number in range(parts):
                if number == 2:
                    await self.go.wait()
                    if fault:
                        raise RuntimeError("the database went away")
                self.made += 1
                yield PART
        finally:
            self.closed += 1

    async def feed(self, after: int) -> AsyncIterator[bytes]:
        try:
            while True:
                for event in self.events[after:]:
                    after += 1
                    yield event
                self.news.clear()
                await self.news.wait()
        finally:
            self.closed += 1

    def router(self) -> APIRouter:
        made = APIRouter()

        @made.get(FILE, dependencies=[guard("user")])
        async def file(
            request: Request, parts: int = 4, fault: bool = False, refused: bool = False
        ) -> Response:
            self.seen.append(dict(request.headers))
            if refused:
                raise NotToday("come back tomorrow")
            headers = {"Content-Disposition": f'attachment; filename="{self.file_name}"'}
            return Streamed(self.file(parts, fault), headers=headers, media_type="text/csv")

        @made.get(FEED, dependencies=[guard("user")])
        async def feed(request: Request) -> Response:
            self.seen.append(dict(request.headers))
            after = int(request.headers.get("last-event-id", "0"))
            return Streamed(self.feed(after), media_type="text/event-stream")

        @made.post(IMAGES, dependencies=[guard("user")])
        @made.post(PACKAGES, dependencies=[guard("user")])
        async def package(request: Request, refused: bool = False) -> Response:
            self.seen.append(dict(request.headers))
            if refused:
                raise NotToday("no packages")
            digest = hashlib.sha256()
            try:
                async for part in request.stream():
                    self.taken += len(part)
                    digest.update(part)
                    await self.go.wait()
            except ClientDisconnect:
                self.broken += 1
                raise
            return json_response({"size": self.taken, "sha256": digest.hexdigest()})

        return made

    def die(self) -> None:
        """As a process that is killed: its connections end in the midst of it."""
        for connection in list(self.server.server_state.connections):
            connection.transport.abort()


@dataclass
class Public:
    """The edge as the public reaches it."""

    edge: Edge
    server: Any
    connections: ConnectionTable
    at: tuple[str, int]

    @property
    def url(self) -> str:
        return f"http://{self.at[0]}:{self.at[1]}"

    @property
    def streams_held(self) -> int:
        return self.edge._upstreams.streams._slots._now

    def later(self, seconds: float) -> None:
        """What each connection does when it is looked at so many seconds from now."""
        now = asyncio.get_running_loop().time()
        for connection in self.connections:
            connection.enforce_deadline(now + seconds)


@contextlib.asynccontextmanager
async def served(app: Any, http: type[Http]) -> AsyncIterator[tuple[Any, Any, tuple[str, int]]]:
    socket = bound("127.0.0.1:0")
    server = _server(app, lifespan="off", http=http)
    task = asyncio.ensure_future(server.serve(sockets=[socket]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server, task, socket.getsockname()
    finally:
        server.should_exit = True
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await task


async def _ready() -> dict[str, bool]:
    return {}


@contextlib.asynccontextmanager
async def _alive(_app: Any) -> AsyncIterator[None]:
    yield


@contextlib.asynccontextmanager
async def service_of(verifier: TokenVerifier) -> AsyncIterator[tuple[Service, str]]:
    service = Service()
    app = make_app(
        "order", verifier=verifier, lifespan=_alive, ready=_ready,
        routers=[service.router()], body_limit=IMAGE_MAX,
    )  # fmt: skip
    async with served(app, Http) as (server, task, at):
        service.server, service.stopped = server, task
        yield service, f"http://{at[0]}:{at[1]}"


@contextlib.asynccontextmanager
async def edge_on(clock: Clock) -> AsyncIterator[Public]:
    """An edge of its own, from the environment as it is, with routes that stream."""
    edge = Edge(EdgeConfig(), clock)
    edge._refusal_delay.base_s = 0
    routes = (*ROUTES, *MORE)
    edge._routes = table(routes)
    connections = ConnectionTable(ConnectionLimits(64 * 1024))
    door: Any = HttpApp(edge.handle, edge.lifespan)
    door = Traced(door) if tracing.is_on() else door
    async with served(door, bounded(connections, None, uploads(routes))) as (server, _, at):
        yield Public(edge, server, connections, at)
    await edge.aclose()


@contextlib.asynccontextmanager
async def browser(headers: dict[str, str]) -> AsyncIterator[ClientSession]:
    async with ClientSession(
        headers=headers, connector=TCPConnector(limit=0), timeout=ClientTimeout(total=20)
    ) as session:
        yield session


async def eventually(is_so: Any, within_s: float = 5.0) -> None:
    """Until it is so; a test that waits in vain fails here."""
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.01)


async def settled(count: Any) -> int:
    """The count, once it has stopped growing."""
    before = -1
    async with asyncio.timeout(20):
        while count() != before:
            before = count()
            await asyncio.sleep(0.4)
    return int(before)
