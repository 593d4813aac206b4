"""The server that the gateway's processes run, and peers that speak to it byte by byte. Time is
told to its connections, not waited."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from gateway.server.asgi import HttpApp, Request, Response, running
from gateway.server.connections import ConnectionLimits, ConnectionTable
from gateway.server.http1 import bounded
from shared.serve import _server, bound

BODY_MAX = 64 * 1024
GET = b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Said:
    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> tuple[int, str]:
        assert self.headers["content-type"] == "application/problem+json"
        document = json.loads(self.body)
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["x-request-id"]
        return self.status, document["code"]


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(0.02)

    async def said(self) -> Said:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            pairs = [line.split(": ", 1) for line in lines[1:] if line]
            headers = {name.lower(): value for name, value in pairs}
            body = await self.reader.readexactly(int(headers["content-length"]))
        return Said(int(lines[0].split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Within a moment, and without another byte."""
        try:
            async with asyncio.timeout(10):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    async def is_open(self) -> bool:
        try:
            async with asyncio.timeout(0.05):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


@dataclass
class Served:
    table: ConnectionTable
    server: Any
    at: tuple[str, int]
    inner_at: tuple[str, int]
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    peers: list[Peer] = field(default_factory=list)

    async def peer(self, data: bytes = b"") -> Peer:
        made = Peer(*await asyncio.open_connection(*self.at))
        self.peers.append(made)
        await made.send(data)
        return made

    def later(self, seconds: float) -> None:
        """What each connection does when it is looked at so many seconds from now."""
        now = asyncio.get_running_loop().time()
        for connection in self.table:
            connection.enforce_deadline(now + seconds)


@contextlib.asynccontextmanager
async def serving(
    limits: ConnectionLimits, delay_s: Callable[[str], float] = lambda _address: 0.0
) -> AsyncIterator[Served]:
    public, inner = bound("127.0.0.1:0"), bound("127.0.0.1:0")

    async def handle(request: Request) -> Response:
        body = await request.read_body(BODY_MAX)
        served.asked.append((request.method, request.path, body))
        served.seen.append(request)
        if request.path == "/slow":
            await served.go.wait()
        if request.path == "/large":
            return Response(200, b"x" * 8_000_000)
        return Response(200, b"fine")

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", b"6")]})  # fmt: skip
        await send({"type": "http.response.body", "body": b"inside"})

    table = ConnectionTable(limits, delay_s)
    door = HttpApp(handle, lambda: running([], asyncio.Event().wait))
    made = bounded(table, (inner.getsockname()[1], inside))
    server = _server(door, lifespan="off", http=made)
    served = Served(table, server, public.getsockname(), inner.getsockname())
    task = asyncio.ensure_future(server.serve(sockets=[public, inner]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield served
    served.go.set()
    for peer in served.peers:
        peer.writer.close()
    server.should_exit = True
    await task
