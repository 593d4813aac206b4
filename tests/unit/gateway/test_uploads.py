"""Uploads that pass through the edge as they arrive, up to the limit of their route.

Who may send is asked before the body is; who is slow, gone or over the limit never gets a whole
request through to the service.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.unit.gateway.auth.test_auth import CSRF, cookie
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import device_headers
from tests.unit.gateway.streamed import (
    IMAGE_MAX,
    IMAGES,
    PACKAGE_MAX,
    PACKAGES,
    Public,
    Service,
    browser,
    eventually,
    settled,
)
from tests.unit.gateway.test_streams import PAY, public, service
from tests.unit.gateway.wire import Peer

__all__ = ["public", "service"]
MINE = cookie(**{"X-CSRF-Token": CSRF})
BODY = bytes(range(256)) * 1_000
pytestmark = pytest.mark.asyncio


Begin = Callable[..., Awaitable[Peer]]


@pytest_asyncio.fixture
async def begin(public: Public) -> AsyncIterator[Begin]:
    """Sends the head of a request whose body is still to come."""
    peers = []

    async def begun(headers: dict[str, str], path: str = PACKAGES) -> Peer:
        peer = Peer(*await asyncio.open_connection(*public.at))
        peers.append(peer)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        await peer.send(f"POST {path} HTTP/1.1\r\nHost: t\r\n{lines}\r\n".encode())
        return peer

    yield begun
    for peer in peers:
        peer.writer.close()


def declared(size: int, **more: str) -> dict[str, str]:
    return {**MINE, "Content-Length": str(size), **more}


CHUNKED = {**MINE, "Transfer-Encoding": "chunked"}


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part)


@pytest.mark.parametrize("is_declared", [True, False])
async def test_it_passes_while_it_arrives(
    public: Public, service: Service, begin: Begin, is_declared: bool
) -> None:
    service.go.set()
    peer = await begin(declared(len(BODY)) if is_declared else CHUNKED)
    wrapped = (lambda part: part) if is_declared else chunk
    await peer.send(wrapped(BODY[:1000]))
    await eventually(lambda: service.taken == 1000)
    assert public.streams_held == 1
    await peer.send(wrapped(BODY[1000:]) + (b"" if is_declared else b"0\r\n\r\n"))
    said = await peer.said()
    assert said.status == 200
    assert hashlib.sha256(BODY).hexdigest().encode() in said.body
    assert service.seen[0].get("content-length") == (str(len(BODY)) if is_declared else None)
    # The connection serves on.
    await peer.send(f"GET {PACKAGES} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
    assert (await peer.said()).status == 405
    assert public.streams_held == 0


async def test_a_declared_excess_is_refused_unasked(
    public: Public, service: Service, begin: Begin
) -> None:
    peer = await begin(declared(PACKAGE_MAX + 1))
    assert (await peer.said()).problem() == (413, "body.too_large")
    assert not service.seen


async def test_an_undeclared_excess_ends_it(public: Public, service: Service, begin: Begin) -> None:
    service.go.set()
    peer = await begin(CHUNKED)
    await peer.send(chunk(b"x" * PACKAGE_MAX))
    await eventually(lambda: service.taken == PACKAGE_MAX)
    await peer.send(chunk(b"x"))
    assert (await peer.said()).problem() == (413, "body.too_large")
    await eventually(lambda: service.broken == 1)
    # What still comes is dropped, and the connection is of no more use.
    await peer.send(chunk(b"x"))
    public.later(3)
    assert await peer.is_closed()
    assert public.streams_held == 0


async def test_a_service_that_does_not_take_it_stops_its_sender(
    public: Public, service: Service, begin: Begin
) -> None:
    peer = await begin(declared(IMAGE_MAX), IMAGES)
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(IMAGE_MAX // 64_000):
            peer.writer.write(b"x" * 64_000)
            await peer.writer.drain()
            sent += 64_000

    sending = asyncio.ensure_future(send())
    assert await settled(lambda: sent) < IMAGE_MAX // 2
    (connection,) = public.connections
    held = connection._current  # type: ignore[attr-defined]
    assert len(held.body) < 512 * 1024
    service.go.set()
    await sending
    assert (await peer.said()).status == 200
    assert service.taken == IMAGE_MAX


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_service_that_takes_nothing_more_ends_it(
    public: Public, service: Service, begin: Begin, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """Whose sender is stopped is not heard, either: nothing else would free the place."""
    monkeypatch.setattr("gateway.streams.STREAM_IDLE_S", 0.5)
    peer = await begin(declared(IMAGE_MAX), IMAGES)
    peer.writer.write(b"x" * (IMAGE_MAX // 2))
    await eventually(lambda: service.taken > 0)
    assert public.streams_held == 1
    if leaves:
        peer.writer.transport.abort()
    else:
        assert (await peer.said()).problem() == (504, "upstream.no_answer")
    await eventually(lambda: public.streams_held == 0)
    service.go.set()
    await eventually(lambda: service.broken == 1)


async def test_an_upload_takes_no_place_of_a_payment(
    town: Town, public: Public, service: Service, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public.edge._admission, "_limit", 1)
    town.payment.on("POST", PAY, {"state": "paid"})
    peer = await begin(declared(1000))
    await peer.send(b"x" * 500)
    await eventually(lambda: service.taken == 500)
    async with (
        browser(device_headers("POST", PAY, b"{}")) as till,
        till.post(public.url + PAY, data=b"{}") as paid,
    ):
        assert (paid.status, await paid.json()) == (200, {"state": "paid"})


async def test_who_may_not_is_told_before_the_body_is_asked_for(
    public: Public, service: Service, begin: Begin
) -> None:
    stranger = {"Content-Length": "1000", "Expect": "100-continue"}
    peer = await begin(stranger)
    assert (await peer.said()).problem() == (401, "auth.session")
    no_csrf = {**cookie(), "Content-Length": "1000", "Expect": "100-continue"}
    peer = await begin(no_csrf)
    assert (await peer.said()).problem() == (403, "auth.csrf")
    peer = await begin(declared(1000, Expect="100-continue"))
    async with asyncio.timeout(5):
        assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    service.go.set()
    await peer.send(b"x" * 1000)
    assert (await peer.said()).status == 200


async def test_who_is_slow_is_refused(
    public: Public, service: Service, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.server.streaming.BODY_WAIT_S", 0.2)
    service.go.set()
    peer = await begin(declared(1000))
    await peer.send(b"x" * 999)
    assert (await peer.said()).problem() == (408, "request.late")
    await eventually(lambda: service.broken == 1)
    assert public.streams_held == 0


async def test_who_leaves_leaves_no_whole_upload(
    public: Public, service: Service, begin: Begin
) -> None:
    service.go.set()
    for headers in (declared(1000), CHUNKED):
        peer = await begin(headers)
        await peer.send(b"x" * 900 if "Content-Length" in headers else chunk(b"x" * 900))
        await eventually(lambda: service.taken % 900 == 0 and service.taken > 0)
        peer.writer.close()
        await eventually(lambda: public.streams_held == 0)
    await eventually(lambda: service.broken == 2)


async def test_a_service_may_refuse_before_it_has_all(
    public: Public, service: Service, begin: Begin
) -> None:
    peer = await begin(declared(PACKAGE_MAX), f"{PACKAGES}?refused=true")
    await peer.send(b"x" * 1000)
    assert (await peer.said()).problem() == (409, "test.not_today")
    await eventually(lambda: public.streams_held == 0)
    # What is left of it is nobody else's: the next one goes through another connection.
    service.go.set()
    peer = await begin(declared(len(BODY)))
    await peer.send(BODY)
    assert hashlib.sha256(BODY).hexdigest().encode() in (await peer.said()).body


async def test_a_service_that_is_away_is_a_problem(
    public: Public, service: Service, begin: Begin
) -> None:
    service.server.should_exit = True
    await asyncio.wait_for(asyncio.shield(service.stopped), 5)
    peer = await begin(declared(10))
    await peer.send(b"x" * 10)
    assert (await peer.said()).problem() == (503, "upstream.unavailable")
    assert public.streams_held == 0
