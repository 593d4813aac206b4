"""The server under every process: what leaves it, as a peer sees it on the wire."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from starlette.types import Receive, Scope, Send

from shared.serve import _server, bound, listen, metrics_listener

pytestmark = pytest.mark.asyncio

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """Answers by path; `/slow` says its head, and its words only when told to."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def start(*headers: tuple[bytes, bytes], status: int = 200) -> None:
            await send({"type": "http.response.start", "status": status, "headers": headers})

        async def say(body: bytes, *, more: bool = False) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": more})

        match scope["path"]:
            case "/slow":
                await start((b"content-type", b"text/event-stream"))
                await self.told.wait()
                for word in (b"one", b"two", b"three"):
                    await say(word, more=True)
                await say(b"")
            case "/large":
                await start((b"content-length", b"3000000"))
                await say(b"x" * 3_000_000)
            case "/nothing":
                await start(status=204)
                await say(b"")
            case _:
                await start((b"content-length", b"5"))
                await say(b"whole")


@pytest_asyncio.fixture
async def served() -> AsyncIterator[tuple[App, Callable[[], Any]]]:
    app, sock = App(), socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = _server(app, lifespan="off")
    serving = asyncio.ensure_future(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def peer() -> AsyncIterator[Peer]:
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()

    yield app, peer
    server.should_exit = True
    await serving


def asking(path: str, *more: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: here", *more, "", ""]).encode()


async def test_a_server_does_not_look_whether_it_shall_end(
    served: tuple[App, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvicorn's own looks ten times a second, in each of a dozen processes."""
    looks: list[float] = []
    monkeypatch.setattr(asyncio, "sleep", counted(asyncio.sleep, looks))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.35)
    assert looks == []


def counted(sleep: Any, looks: list[float]) -> Any:
    async def sleeping(delay: float, *more: Any) -> Any:
        looks.append(delay)
        return await sleep(delay, *more)

    return sleeping


async def test_two_asked_at_once_are_answered_in_order(served: tuple[App, Any]) -> None:
    _, peer = served
    async with peer() as (reader, writer):
        writer.write(asking("/nothing") + asking("/", "Connection: close"))
        answers = await reader.read()
    assert answers.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert answers.count(b"HTTP/1.1") == 2
    assert answers.endswith(b"\r\n\r\nwhole")


async def test_a_head_does_not_wait_for_words_that_come_later(served: tuple[App, Any]) -> None:
    """The order service's live feed: open at once, and each word when it is said."""
    app, peer = served
    async with peer() as (reader, writer):
        writer.write(asking("/slow"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"text/event-stream" in head
        app.told.set()
        assert await reader.readuntil(b"0\r\n\r\n") == (
            b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"
        )


async def test_a_large_answer_is_whole_before_the_connection_ends(
    served: tuple[App, Any],
) -> None:
    _, peer = served
    async with peer() as (reader, writer):
        writer.write(asking("/large", "Connection: close"))
        _, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert body == b"x" * 3_000_000


async def test_a_peer_that_leaves_in_between_breaks_nothing(served: tuple[App, Any]) -> None:
    app, peer = served
    async with peer() as (reader, writer):
        writer.write(asking("/slow"))
        await reader.readuntil(b"\r\n\r\n")
    app.told.set()
    async with peer() as (reader, writer):
        writer.write(asking("/", "Connection: close"))
        assert (await reader.read()).endswith(b"whole")


async def test_a_peer_that_died_without_a_word_is_found_out() -> None:
    """By the system: the connection that was taken asks now and then whether anybody is there."""
    door = bound("127.0.0.1:0")
    door.listen()
    with door, socket.create_connection(door.getsockname()), door.accept()[0] as taken:
        assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def config(**settings: Any) -> Any:
    wanted = {"listen": "127.0.0.1:0", "workers": 1, "metrics_listen": "", **settings}
    return SimpleNamespace(**wanted)


async def test_processes_that_share_an_address_get_connections_each() -> None:
    first = listen(config(workers=2, metrics_listen="127.0.0.1:0"))
    address = "{}:{}".format(*first.getsockname())
    second = listen(config(listen=address, workers=2, metrics_listen="127.0.0.1:0"))
    with first, second:
        for sock in (first, second):
            sock.listen()
            sock.setblocking(False)
        with contextlib.ExitStack() as peers:
            for _ in range(40):
                peers.enter_context(socket.create_connection(first.getsockname()))
            for sock in (first, second):
                peer, _ = sock.accept()
                peer.close()


async def test_one_process_does_not_share_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    """Who starts a second one by mistake reads it at once."""
    with listen(config()) as first:
        first.listen()
        address = "{}:{}".format(*first.getsockname())
        for more in ({}, {"workers": 2, "metrics_listen": "127.0.0.1:0"}):
            with pytest.raises(SystemExit) as ended:
                listen(config(listen=address, **more))
            assert ended.value.code == 2
            assert f"cannot listen on {address} (LISTEN)" in capsys.readouterr().err


async def test_who_shares_an_address_needs_another_for_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        listen(config(workers=2))
    assert ended.value.code == 2
    assert "METRICS_LISTEN" in capsys.readouterr().err


async def test_a_process_starts_without_metrics_when_their_port_is_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert metrics_listener(config()) == []
    (first,) = metrics_listener(config(metrics_listen="127.0.0.1:0"))
    with first:
        first.listen()
        address = "{}:{}".format(*first.getsockname())
        assert metrics_listener(config(metrics_listen=address)) == []
    assert f"cannot listen on {address} (METRICS_LISTEN)" in capsys.readouterr().err
