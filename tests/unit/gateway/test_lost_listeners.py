"""Clients of a stream that are lost or take nothing, on a connection with more than one request, or
with a rest that never leaves: the place becomes free, and the service ends."""

import asyncio

import pytest

from tests.unit.gateway.auth.test_auth import cookie
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.streamed import FEED, FILE, Public, Service, edge_on, eventually
from tests.unit.gateway.test_streams import public, service

__all__ = ["public", "service"]
pytestmark = pytest.mark.asyncio


def request(path: str) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in cookie().items())
    return f"GET {path} HTTP/1.1\r\nHost: t\r\n{head}\r\n".encode()


@pytest.mark.parametrize("path", [FEED, FILE])
async def test_a_client_that_leaves_behind_a_further_request_ends_the_service(
    public: Public, service: Service, path: str
) -> None:
    """The request that waits for its turn is not the one that is being answered."""
    reader, writer = await asyncio.open_connection(*public.at)
    writer.write(request(path) + b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    assert public.streams_held == 1
    writer.transport.abort()
    await eventually(lambda: (service.closed, public.streams_held) == (1, 0))


async def test_a_broken_stream_whose_rest_nobody_takes_is_given_up(
    public: Public, service: Service
) -> None:
    """What is unsent of it is too little to stop the service, which has a deadline of its own."""
    reader, writer = await asyncio.open_connection(*public.at, limit=1024)
    writer.write(request(FEED))
    await reader.readuntil(b"\r\n\r\n")
    (connection,) = public.connections
    while not connection.transport.get_write_buffer_size():  # type: ignore[attr-defined]
        service.publish(b"data: " + b"x" * 8_000 + b"\n\n")
        await asyncio.sleep(0.005)
    service.die()
    await eventually(lambda: public.streams_held == 0)
    public.later(0)
    public.later(29)
    await asyncio.sleep(0.05)
    assert list(public.connections), "it has half a minute for what is on its way"
    public.later(120)
    await eventually(lambda: not list(public.connections))
    writer.close()


async def test_a_listener_that_takes_nothing_holds_no_place_when_the_edge_ends(
    town: Town, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """What tells it to come back waits to be sent while the next event is awaited."""
    async with edge_on(town.clock) as public:
        public.server.config.timeout_graceful_shutdown = 0.3
        reader, writer = await asyncio.open_connection(*public.at, limit=1024)
        writer.write(request(FEED))
        await reader.readuntil(b"\r\n\r\n")
        (connection,) = public.connections
        while not connection.flow.write_paused:  # type: ignore[attr-defined]
            service.publish(b"data: " + b"x" * 8_000 + b"\n\n")
            await asyncio.sleep(0.005)
        public.server.should_exit = True
        await eventually(lambda: (service.closed, public.streams_held) == (1, 0))
        writer.close()
    assert "already running" not in caplog.text
