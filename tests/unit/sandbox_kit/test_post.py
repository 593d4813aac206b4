"""The notify sender against servers of every manner."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.sandbox.kit.post import Answer, Poster, Undelivered

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess"


class Server:
    """Answers each request with the next of `answers`; None hangs up, "wait" says nothing."""

    def __init__(self) -> None:
        self.answers: list[bytes | str | None] = []
        self.connections = 0
        self.seen: list[bytes] = []
        self.url = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.seen.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if answer == "wait":
                    await asyncio.sleep(30)
                if not isinstance(answer, bytes):
                    return
                writer.write(answer)
                if not any(end in answer for end in (b"Content-Length", b"chunked", b" 204 ")):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listener = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/n"
    yield made
    listener.close()


@pytest_asyncio.fixture
async def poster() -> AsyncIterator[Poster]:
    made = Poster({"User-Agent": "Mozilla/4.0"}, 0.5)
    yield made
    made.close()
    await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_one_connection_for_many(server: Server, poster: Poster) -> None:
    server.answers = [OK] * 3
    for _ in range(3):
        assert await poster.post(server.url + "?a=1", b"x=1") == Answer(200, "success")
    assert server.connections == 1
    assert server.seen[0].startswith(b"POST /n?a=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert server.seen[0].endswith(b"User-Agent: Mozilla/4.0\r\nContent-Length: 3\r\n\r\nx=1")


@pytest.mark.asyncio
async def test_a_connection_that_died_while_idle(server: Server, poster: Poster) -> None:
    server.answers = [OK, None, OK]
    await poster.post(server.url, b"1")
    assert await poster.post(server.url, b"2") == Answer(200, "success")
    assert server.connections == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("raw", "status", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsuccess", 200, "success"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nsuc\r\n4\r\ncess\r\n0\r\n\r\n",
            200,
            "success",
        ),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, ""),
        (b"HTTP/1.0 500\r\nContent-Length: 2\r\n\r\nno", 500, "no"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, ""),
    ],
)
async def test_answers(server: Server, poster: Poster, raw: bytes, status: int, text: str) -> None:
    server.answers = [raw]
    assert await poster.post(server.url, b"x") == Answer(status, text)


@pytest.mark.asyncio
async def test_an_answer_that_has_no_body_is_not_waited_for(server: Server, poster: Poster) -> None:
    server.answers = [b"HTTP/1.1 204 No Content\r\n\r\n", OK]
    assert await poster.post(server.url, b"1") == Answer(204, "")
    assert await poster.post(server.url, b"2") == Answer(200, "success")
    assert server.connections == 1


@pytest.mark.asyncio
async def test_a_long_answer_is_not_read_to_its_end(server: Server, poster: Poster) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"s" * 9999]
    answer = await poster.post(server.url, b"x")
    assert 0 < len(answer.text) <= 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "raw",
    [
        *(None, "wait", b"no http", b"Content-Length\r\n\r\n"),
        b"HTTP/1.1 abc\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1x\r\n\r\n",
    ],
)
async def test_no_answer(server: Server, poster: Poster, raw: bytes | str | None) -> None:
    server.answers = [raw]
    with pytest.raises(Undelivered):
        await poster.post(server.url, b"x")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "http://", "http://a b/", "http://127.0.0.1:1/", "http://x\r\ny/"]
)
async def test_addresses_that_lead_nowhere(poster: Poster, url: str) -> None:
    with pytest.raises(Undelivered):
        await poster.post(url, b"x")
