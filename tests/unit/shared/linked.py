"""A server of links on a port, and callers of it, for the tests of both ends."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from shared.client import LinkClient, Reply
from shared.serve import Http
from tests.unit.gateway.streamed import served

PREFACE = b"damselfly-link/1\r\n\r\n"


@dataclass
class App:
    """An ASGI app: /echo, /wait (until `go`), /raise, /broken, /silent, /large, /headers."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    scopes: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        path = scope["path"]
        self.scopes.append(scope)
        self.seen.append((scope["method"], path, body))
        if path == "/wait":
            await self.go.wait()
        if path == "/raise":
            raise ZeroDivisionError
        if path == "/silent":
            return
        headers = [(b"x-query", scope["query_string"]), *scope["headers"]]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        if path == "/broken":
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            return
        if path == "/large":
            body = bytes(9 * 2**20)
        await send({"type": "http.response.body", "body": body[:3], "more_body": True})
        await send({"type": "http.response.body", "body": body[3:]})


@dataclass
class Peer:
    """The app on a port."""

    app: App
    server: Any
    task: Any
    at: tuple[str, int]

    @property
    def url(self) -> str:
        return f"http://{self.at[0]}:{self.at[1]}"

    @property
    def links(self) -> list[Any]:
        return list(self.server.server_state.connections)

    def die(self) -> None:
        """As if killed: the kernel closes its connections."""
        for link in self.links:
            link.transport.abort()


@contextlib.asynccontextmanager
async def calling(url: str, **options: Any) -> AsyncIterator[LinkClient]:
    client = LinkClient(url, name="peer", **options)
    try:
        yield client
    finally:
        await client.aclose()


async def post(client: LinkClient, path: str, body: bytes = b"", **more: Any) -> Reply:
    return await client.request("POST", path, content=body, **more)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Peer]:
    app = App()
    async with served(app, Http) as (server, task, at):
        yield Peer(app, server, task, at)
        app.go.set()


def frame(number: int, line: Any, body: bytes = b"") -> bytes:
    content = json.dumps(line).encode() + b"\n" + body
    return struct.pack(">IQ", len(content), number) + content


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, Any, bytes]:
    length, number = struct.unpack(">IQ", await reader.readexactly(12))
    line, _, body = (await reader.readexactly(length)).partition(b"\n")
    return number, json.loads(line), body
