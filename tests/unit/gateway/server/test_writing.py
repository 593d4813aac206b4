"""What the gateway's server writes to a connection: small responses as one packet, which is one
wake-up for the peer instead of two."""

import asyncio
import contextlib
from typing import Any

import pytest

from gateway.server.connections import ConnectionLimits, ConnectionTable
from gateway.server.http1 import bounded
from gateway.server.writing import CoalescingTransport
from tests.unit.gateway.streamed import served

pytestmark = pytest.mark.asyncio


class Packets:
    """A transport that notes what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.written.append(b"closed")


async def test_what_follows_at_once_goes_along() -> None:
    packets: Any = Packets()
    transport = CoalescingTransport(packets, asyncio.get_running_loop())
    transport.write(b"head")
    transport.write(b"body")
    assert packets.written == [b"headbody"]
    transport.write(b"alone")
    await asyncio.sleep(0)
    assert packets.written == [b"headbody", b"alone"]
    transport.write(b"last")
    transport.close()
    assert packets.written[2:] == [b"last", b"closed"]


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"whole"})


async def test_connections_of_the_gateway_are_written_to_that_way() -> None:
    table = ConnectionTable(ConnectionLimits(1024))
    async with served(answer, bounded(table)) as (_, _, at):
        reader, writer = await asyncio.open_connection(*at)
        with contextlib.closing(writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            assert (await reader.readuntil(b"whole")).startswith(b"HTTP/1.1 200 OK\r\n")
            (connection,) = table
            assert type(connection.transport) is CoalescingTransport  # type: ignore[attr-defined]
