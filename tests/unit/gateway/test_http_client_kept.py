"""A kept connection that its peer has closed: what surely was not sent goes out again on another
one, what may have been read never does (RFC 9112 §9.3.1)."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import pytest_asyncio

from gateway.http_client import HttpClient
from shared.errors import NoAnswer, NotSent

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
STRANGER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")

pytestmark = pytest.mark.asyncio


class Peer:
    """A server in a thread of its own, so that it acts while the client's loop stands still.
    `behave(connection number, request number on it)` says: answer, or close before, after or a
    little later, or answer once more before the next request."""

    def __init__(self) -> None:
        self.behave: Callable[[int, int], str] = lambda _connection, _number: "answer"
        self.heard: list[str] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(
                    target=self._serve, args=(connection, self.connections), daemon=True
                ).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            if self.behave(number, 0) == "close":
                return
            served = 0
            while self._read(connection):
                served += 1
                act = self.behave(number, served)
                if act == "drop":
                    return
                connection.sendall(ANSWER)
                if act == "early":
                    time.sleep(0.01)
                    connection.sendall(STRANGER)
                if act == "later":
                    time.sleep(0.02)
                if act in {"close", "later"}:
                    return

    def _read(self, connection: socket.socket) -> bool:
        got = b""
        while b"\r\n\r\n" not in got:
            part = connection.recv(65536)
            if not part:
                return False
            got += part
        head, _, body = got.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: (\d+)", head)
        while found and len(body) < int(found[1]):
            body += connection.recv(65536)
        self.heard.append(head.split(b" ")[0].decode())
        return True


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.stop()


@pytest_asyncio.fixture
async def client(peer: Peer):
    made = HttpClient(peer.url, name="t", timeout_s=3)
    yield made
    await made.aclose()


@pytest.mark.parametrize("method", METHODS)
async def test_a_close_that_came_before_the_request_costs_nobody_anything(
    peer: Peer, client: HttpClient, method: str
) -> None:
    """The peer closes behind each answer without a word; the loop has not heard of it when the
    next request is written. Ten in a row: each is sent exactly once, and each is answered."""
    peer.behave = lambda _connection, served: "close" if served else "answer"
    content = b"x" if method in {"POST", "PUT", "PATCH"} else None
    for _ in range(10):
        reply = await client.request(method, "/", content=content)
        assert reply.status == 200
        time.sleep(0.01)
    assert peer.heard == [method] * 10
    assert peer.connections == 10


@pytest.mark.parametrize("method", METHODS)
async def test_what_was_read_and_not_answered_is_never_sent_again(
    peer: Peer, client: HttpClient, method: str
) -> None:
    """aiohttp by itself repeats GET, HEAD, PUT and DELETE on another connection."""
    peer.behave = lambda connection, served: "drop" if connection == 1 and served == 2 else "answer"
    await client.request(method, "/", content=b"x")
    with pytest.raises(NoAnswer):
        await client.request(method, "/", content=b"x")
    await asyncio.sleep(0.05)
    assert peer.heard == [method] * 2
    assert (await client.request(method, "/", content=b"x")).status == 200


async def test_a_peer_that_closes_whatever_is_opened_surely_got_nothing(
    peer: Peer, client: HttpClient
) -> None:
    peer.behave = lambda _connection, _served: "close"
    for _ in range(5):
        with pytest.raises((NotSent, NoAnswer)) as caught:
            await client.request("POST", "/", content=b"x")
        # Whether the close is seen before the first byte is the network's choice; when it is,
        # the verdict is the sharper one.
        assert caught.type is NotSent or "Client" in str(caught.value)
    assert not peer.heard
    assert peer.connections <= 5 * 4


async def test_connections_that_ended_together_are_all_left_behind(
    peer: Peer, client: HttpClient
) -> None:
    """A service was restarted: every kept connection is dead, and no payment is unknown for it."""
    peer.behave = lambda connection, served: "close" if connection <= 8 and served else "answer"
    await asyncio.gather(*(client.request("POST", "/", content=b"x") for _ in range(8)))
    time.sleep(0.02)
    replies = await asyncio.gather(*(client.request("POST", "/", content=b"x") for _ in range(8)))
    assert [reply.status for reply in replies] == [200] * 8
    assert peer.heard == ["POST"] * 16


@pytest.mark.parametrize("is_seen", [True, False])
async def test_an_answer_before_its_request_is_no_answer(
    peer: Peer, client: HttpClient, is_seen: bool
) -> None:
    """Also if it waits unread in the kernel when the next request is written."""
    peer.behave = lambda connection, _served: "early" if connection == 1 else "answer"
    for _ in range(3):
        assert (await client.request("POST", "/", content=b"x")).status == 200
        if is_seen:
            await asyncio.sleep(0.05)
        else:
            time.sleep(0.05)
    assert peer.connections == 2
    assert peer.heard == ["POST"] * 3


async def test_one_request_passes_all_connections_that_ended(
    peer: Peer, client: HttpClient
) -> None:
    """There may be more of them than it tries."""
    peer.behave = lambda connection, served: "later" if connection <= 8 and served else "answer"
    await asyncio.gather(*(client.request("POST", "/", content=b"x") for _ in range(8)))
    time.sleep(0.1)
    assert (await client.request("POST", "/", content=b"x")).status == 200
