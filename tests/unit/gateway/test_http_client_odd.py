"""Odd answers: whatever a peer sends, a request ends with a Reply, NoAnswer or NotSent, is sent at
most once, and never gets what was sent for another request."""

import asyncio
import random
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.http_client import HttpClient
from shared.client import Reply
from shared.errors import NoAnswer, NotSent

pytestmark = pytest.mark.asyncio

STRANGER = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nstranger"


def answer(body: bytes, *lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """A response with the given header lines; without any it declares its length."""
    lines = lines or (b"Content-Length: %d" % len(body),)
    return b"\r\n".join((status, *lines, b"", body))


def chunked(body: bytes, size: bytes = b"") -> bytes:
    parts = b"%b\r\n%b\r\n0\r\n\r\n" % (size or b"%x" % len(body), body)
    return answer(parts, b"Transfer-Encoding: chunked")


LINES_1000 = (b"Content-Length: 4", *(b"X-%d: y" % number for number in range(1000)))
WHOLE = {
    "plain": answer,
    "chunked": chunked,
    "until the end": lambda body: answer(body, b"Connection: close"),
    "old": lambda body: answer(body, status=b"HTTP/1.0 200 OK"),
    "interim": lambda body: b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + answer(body),
    "hints": lambda body: b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(body),
    "trailers": lambda body: (
        answer(b"%x\r\n%b\r\n0\r\nStatus: 500\r\n\r\n" % (len(body), body),
               b"Transfer-Encoding: chunked")
    ),
}  # fmt: skip
"""The body is in each of them, whole."""
BROKEN = {
    "nothing": lambda _: b"",
    "half a head": lambda body: answer(body)[:25],
    "half a body": lambda body: answer(body)[:-1],
    "half a chunk": lambda body: chunked(body)[:-9],
    "no last chunk": lambda body: chunked(body)[:-5],
    "two lengths": lambda body: answer(body, b"Content-Length: 2", b"Content-Length: 4"),
    "one length twice": lambda body: answer(body, *2 * [b"Content-Length: %d" % len(body)]),
    "length and chunks": lambda body: answer(
        b"0\r\n\r\n" + body, b"Content-Length: 4", b"Transfer-Encoding: chunked"
    ),
    "negative": lambda body: answer(body, b"Content-Length: -1"),
    "beyond all numbers": lambda body: answer(body, b"Content-Length: 99999999999999999999"),
    "no number": lambda body: answer(body, b"Content-Length: four"),
    "empty length": lambda body: answer(body, b"Content-Length:"),
    "large": lambda body: answer(body, b"Content-Length: 99999999999"),
    "negative chunk": lambda body: chunked(body, b"-1"),
    "huge chunk": lambda body: chunked(body, b"fffffffffffffffffff"),
    "no chunk": lambda body: chunked(body, b"zz"),
    "garbage": lambda body: b"\x16\x03\x01\x02" + body,
    "another protocol": lambda body: b"SSH-2.0-OpenSSH_9.2\r\n" + body,
    "long line": lambda body: answer(body, b"Content-Length: 4", b"X: " + b"y" * 100_000),
    "many lines": lambda body: answer(body, *LINES_1000),
    "no colon": lambda body: answer(body, b"Content-Length 4", b"Content-Length: 4"),
    "zero in a name": lambda body: answer(body, b"Content-Length: 4", b"X\0: y"),
}
EITHER = {
    "two at once": lambda body: answer(body) + STRANGER,
    "more behind it": lambda body: answer(body) + b"stranger",
    "a body that must not be": lambda body: answer(body, status=b"HTTP/1.1 204 No Content"),
    "not modified": lambda body: answer(body, status=b"HTTP/1.1 304 Not Modified"),
    "switching": lambda body: (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
        b"Connection: upgrade\r\n\r\n" + STRANGER + body
    ),
    "line feeds": lambda body: answer(body).replace(b"\r\n", b"\n"),
}
"""A reply without a body, or with its own, or no answer."""


class Peer:
    """Answers each request by `reply(body)`, where the body names the request, in pieces of random
    size. It closes the connection afterwards if `closes`."""

    def __init__(self, source: random.Random) -> None:
        self.reply = answer
        self.closes = False
        self.pieces = 1
        self.requests: list[str] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self._source = source
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while await self._served(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.heads.append(head := await reader.readuntil(b"\r\n\r\n"))
        name = head.split(b" ", 2)[1].decode()
        self.requests.append(name)
        closes = self.closes
        data = self.reply(name.encode())
        if head.startswith(b"HEAD "):
            data = data[: data.index(b"\r\n\r\n") + 4]
        cuts = sorted(self._source.randrange(len(data) + 1) for _ in range(self.pieces - 1))
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            writer.write(data[start:end])
            await asyncio.sleep(0)
        if found := re.search(rb"(?i)content-length: (\d+)", head):
            await reader.readexactly(int(found[1]))
        return not closes


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer(random.Random(20261130))
    yield made
    await made.stop()


async def ended(client: HttpClient, name: str) -> Reply | NoAnswer | NotSent:
    """How a request ended; anything but the three is raised."""
    try:
        return await client.request("GET", name)
    except (NoAnswer, NotSent) as error:
        return error


@pytest.mark.parametrize("pieces", [1, 4])
@pytest.mark.parametrize("kind", [*WHOLE, *BROKEN, *EITHER])
async def test_an_odd_answer_ends_its_own_request_only(peer: Peer, kind: str, pieces: int) -> None:
    client = HttpClient(await peer.start(), name="t", timeout_s=5)
    for number in range(3):
        peer.reply = {**WHOLE, **BROKEN, **EITHER}[kind]
        peer.pieces, peer.closes = pieces, kind in BROKEN or kind == "until the end"
        found = await ended(client, f"/odd-{number}")
        if kind in BROKEN:
            assert isinstance(found, NoAnswer)
        elif kind in WHOLE or isinstance(found, Reply):
            assert isinstance(found, Reply)
            assert found.content == f"/odd-{number}".encode() or (
                kind in EITHER and not found.content
            )
            assert found.headers.get("status") is None
        peer.reply, peer.closes = answer, False
        reply = await client.request("GET", f"/next-{number}")
        assert reply.content == f"/next-{number}".encode()
    assert len(peer.requests) == len(set(peer.requests)) == 6
    await client.aclose()


async def test_random_damage_reaches_no_other_request(peer: Peer) -> None:
    """Bytes lost, doubled, changed or added at random places, in random pieces, on four connections
    at once. What a damaged answer says is its own matter; the next request gets its own answer."""
    source = random.Random(31)
    client = HttpClient(await peer.start(), name="t", timeout_s=0.5, pool=4)
    kinds = [*WHOLE.values(), *EITHER.values()]

    def damaged(body: bytes) -> bytes:
        if not body.startswith(b"/odd"):
            return answer(body)
        data = bytearray(source.choice(kinds)(body))
        for _ in range(source.choice((0, 1, 1, 2, 5))):
            at = source.randrange(len(data))
            damage = source.choice((b"", data[at : at + 1] * 2, source.randbytes(1), b"\r\n", b"0"))
            data[at : at + 1] = damage
        return bytes(data)

    peer.reply = damaged

    async def turns(who: int) -> None:
        for number in range(60):
            peer.pieces, peer.closes = source.randrange(1, 6), source.random() < 0.5
            await ended(client, f"/odd-{who}-{number}")
            found = await ended(client, f"/next-{who}-{number}")
            if isinstance(found, Reply):
                assert found.content == f"/next-{who}-{number}".encode()
                good.append(who)

    good: list[int] = []
    await asyncio.gather(*(turns(who) for who in range(4)))
    assert len(good) > 200
    assert len(peer.requests) == len(set(peer.requests))
    await client.aclose()


async def test_the_answer_to_a_head_has_no_body(peer: Peer) -> None:
    client = HttpClient(await peer.start(), name="t", timeout_s=5)
    for _ in range(3):
        reply = await client.request("HEAD", "/four")
        assert (reply.headers["content-length"], reply.content) == ("5", b"")
    assert peer.connections == 1
    await client.aclose()


async def test_what_was_cancelled_leaves_no_answer_behind(peer: Peer) -> None:
    client = HttpClient(await peer.start(), name="t", timeout_s=5)
    for number in range(20):
        waiting = asyncio.ensure_future(client.request("GET", f"/left-{number}"))
        for _ in range(number):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        reply = await client.request("GET", f"/next-{number}")
        assert reply.content == f"/next-{number}".encode()
    await client.aclose()


@pytest.mark.parametrize(
    ("method", "content", "line"),
    [
        ("GET", None, b""),
        ("HEAD", None, b""),
        ("DELETE", None, b"Content-Length: 0\r\n"),
        ("POST", None, b"Content-Length: 0\r\n"),
        ("POST", b"abc", b"Content-Length: 3\r\n"),
        ("GET", b"abc", b"Content-Length: 3\r\n"),
    ],
)
async def test_the_head_says_how_long_the_body_is(
    peer: Peer, method: str, content: bytes | None, line: bytes
) -> None:
    url = await peer.start()
    client = HttpClient(f"{url}/base/", name="t", timeout_s=5)
    await client.request(method, "/a%2F?b", content=content, headers={"X-A": "é"})
    host = f"Host: {url[7:]}".encode()
    begins = f"{method} /base/a%2F?b HTTP/1.1\r\n".encode()
    assert peer.heads == [begins + host + "\r\nX-A: é\r\n".encode() + line + b"\r\n"]
    await client.aclose()


async def test_a_query_alone_is_sent_to_the_root(peer: Peer) -> None:
    client = HttpClient(await peer.start(), name="t", timeout_s=5)
    assert (await client.request("GET", "?a=b")).content == b"/?a=b"
    await client.aclose()


async def test_an_answer_before_the_request_is_sent_ends_the_connection(peer: Peer) -> None:
    """The rest of the body would be read as the next request."""
    client = HttpClient(await peer.start(), name="t", timeout_s=5)
    reply = await client.request("POST", "/early", content=bytes(30_000_000))
    assert reply.content == b"/early"
    assert (await client.request("GET", "/next")).content == b"/next"
    assert peer.connections == 2
    await client.aclose()


@pytest.mark.parametrize("text", ["a\r\nX-Other: b", "a\nb", "a\rb", "a\0b"])
async def test_a_header_or_target_cannot_begin_another_line(peer: Peer, text: str) -> None:
    client = HttpClient(await peer.start(), name="t", timeout_s=5)
    with pytest.raises(ValueError, match="line break"):
        await client.request("GET", "/", headers={"X": text})
    with pytest.raises(ValueError, match="line break"):
        await client.request("GET", f"/{text}")
    assert peer.connections == 0
    assert (await client.request("GET", "/next")).content == b"/next"
    await client.aclose()
