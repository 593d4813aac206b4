"""A small HTTP client: POSTs a short body over kept-alive connections, reads a short answer.

A general HTTP client costs more than all the rest of a notify, and its connection is needed for
nothing else here: no redirects, no cookies, no compression.
"""

import asyncio
import ssl
from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import urlsplit

HEAD_LIMIT = 16 * 1024
ANSWER_LIMIT = 200
WITHOUT_BODY = frozenset({204, 304})
KEPT_PER_HOST = 32
KEPT_HOSTS = 64


class Undelivered(Exception):
    """No complete answer came back; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int
    is_tls: bool


class Poster:
    def __init__(self, headers: dict[str, str], timeout_s: float) -> None:
        self._fixed = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._timeout_s = timeout_s
        self._idle: dict[_Place, list[_Connection]] = defaultdict(list)
        self._tls: ssl.SSLContext | None = None

    async def post(self, url: str, body: bytes, pause_s: float = 0.0) -> Answer:
        """With a pause, the second half of the body comes that much later."""
        try:
            place, head = self._prepare(url, len(body))
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(place, head + body, pause_s, len(head))
        except TimeoutError:
            raise Undelivered("TimeoutError") from None
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
            raise Undelivered(type(error).__name__) from error

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.close()
        self._idle.clear()

    def _prepare(self, url: str, length: int) -> tuple[_Place, bytes]:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("not an http(s) address")
        is_tls = parts.scheme == "https"
        place = _Place(parts.hostname, parts.port or (443 if is_tls else 80), is_tls)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        authority = parts.netloc.rpartition("@")[2]
        if any(ord(char) <= 32 or ord(char) == 127 for char in target + authority):
            raise ValueError("an address with spaces")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {authority}\r\n{self._fixed}"
            f"Content-Length: {length}\r\n\r\n"
        )
        return place, head.encode()

    async def _exchange(
        self, place: _Place, request: bytes, pause_s: float, head_size: int
    ) -> Answer:
        if place not in self._idle and len(self._idle) >= KEPT_HOSTS:
            self.close()
        if pause_s:
            at = (head_size + len(request)) // 2
            slow = await self._connect(place)
            slow.writer.write(request[:at])
            await asyncio.sleep(pause_s)
            return await self._send(place, slow, request[at:])
        idle = self._idle[place]
        while idle:
            connection = idle.pop()
            try:
                return await self._send(place, connection, request)
            except (EOFError, ConnectionError):
                connection.writer.close()  # the other side had closed it while it was idle
        return await self._send(place, await self._connect(place), request)

    async def _connect(self, place: _Place) -> _Connection:
        if place.is_tls and self._tls is None:
            self._tls = ssl.create_default_context()
        reader, writer = await asyncio.open_connection(
            place.host, place.port, limit=HEAD_LIMIT, ssl=self._tls if place.is_tls else None
        )
        return _Connection(reader, writer)

    async def _send(self, place: _Place, connection: _Connection, request: bytes) -> Answer:
        is_kept = False
        try:
            connection.writer.write(request)
            head = await connection.reader.readuntil(b"\r\n\r\n")
            status_line, *lines = head[:-4].decode("latin-1").split("\r\n")
            headers = _headers(lines)
            status = int(status_line.split(" ", 2)[1])
            body, is_complete = b"", True
            if status not in WITHOUT_BODY:
                body, is_complete = await _body(connection.reader, headers)
            is_kept = is_complete and "close" not in headers.get("connection", "").lower()
            return Answer(status, body.decode("utf-8", "replace"))
        except IndexError:
            raise ValueError("not HTTP") from None
        finally:
            if is_kept and len(self._idle[place]) < KEPT_PER_HOST:
                self._idle[place].append(connection)
            else:
                connection.writer.close()


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> tuple[bytes, bool]:
    """The first bytes of it, and whether that was all; a longer answer is never `success`."""
    if "content-length" in headers:
        length = int(headers["content-length"])
        if 0 <= length <= ANSWER_LIMIT:
            return await reader.readexactly(length), True
        return await reader.read(ANSWER_LIMIT), False
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await _until_closed(reader), False
    body = b""
    while len(body) <= ANSWER_LIMIT:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size == 0:
            return body, False
        if size > ANSWER_LIMIT:
            return body + await reader.read(ANSWER_LIMIT), False
        body += (await reader.readexactly(size + 2))[:-2]
    return body, False


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while len(body) <= ANSWER_LIMIT and (more := await reader.read(ANSWER_LIMIT + 1)):
        body += more
    return body
