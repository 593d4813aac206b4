"""Passes Kafka's protocol between clients and librdkafka's mock broker, and makes fetches wait.

The mock broker answers a fetch that finds nothing after the whole time that the client would wait,
although events arrive meanwhile. A real broker answers when they arrive. So a fetch for places that
had nothing is held here until something was produced to its topics, and the mock broker is then
asked to answer at once. Clients at rest fetch twice a second instead of fifty times.
"""

import asyncio
import contextlib
import struct
from collections.abc import Iterator

CHUNK = 64 * 1024
PRODUCE, FETCH, METADATA, FIND_COORDINATOR = 0, 1, 3, 10
FETCH_VERSION = 11
"""The version that our client speaks. Fetches of other versions pass as they are, and wait at the
mock broker."""
_HEAD = struct.Struct(">hhih")
"""of a request: what it is, its version, its number, and the length of the client's name"""
_NUMBER = slice(8, 12)
"""where a request has the number that its response begins with"""
_FETCH = struct.Struct(">iiiibii")
"""of a fetch: replica, the longest wait in ms, ..., up to the number of its topics"""
_WAIT_AT = 4
_PLACE_BYTES = 28
"""of one partition in a fetch: its number, its offset, ..."""

Wanted = dict[bytes, frozenset[bytes]]
"""The places of a fetch by topic. A client names partitions in any order."""


class News:
    """How often each topic that somebody fetches was produced to, and who waits for more."""

    def __init__(self) -> None:
        self._count: dict[bytes, int] = {}
        self._waiting: dict[asyncio.Event, Wanted] = {}

    def seen(self, topics: Wanted) -> int:
        return sum(self._count.setdefault(topic, 0) for topic in topics)

    def topics_in(self, produce: bytes) -> list[bytes]:
        """The topics that a request to produce names. One that is only named in an event's text is
        among them, too; then a fetch is answered early with nothing."""
        return [topic for topic in self._count if topic in produce]

    def came(self, topics: list[bytes]) -> None:
        for topic in topics:
            self._count[topic] += 1
        for event, wanted in self._waiting.items():
            if not wanted.keys().isdisjoint(topics):
                event.set()

    async def wait(self, wanted: Wanted, seen: int, wait_s: float) -> None:
        """Returns when there is more than was seen, at the latest after that time."""
        if self.seen(wanted) != seen:
            return
        event = asyncio.Event()
        self._waiting[event] = wanted
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await event.wait()
        finally:
            del self._waiting[event]


def _frames(buffer: bytearray) -> Iterator[bytes]:
    """Takes the whole frames off the buffer, each with its length in front."""
    while len(buffer) >= 4:
        end = 4 + int.from_bytes(buffer[:4], "big")
        if len(buffer) < end:
            return
        yield bytes(buffer[:end])
        del buffer[:end]


def wanted_of(fetch: bytes, at: int) -> Wanted:
    """The places that a fetch names; `at` is where its number of topics stands."""
    wanted: Wanted = {}
    (topics,) = struct.unpack_from(">i", fetch, at)
    at += 4
    for _ in range(topics):
        (length,) = struct.unpack_from(">h", fetch, at)
        name = fetch[at + 2 : at + 2 + length]
        at += 2 + length
        (places,) = struct.unpack_from(">i", fetch, at)
        at += 4
        end = at + places * _PLACE_BYTES
        wanted[name] = frozenset(
            fetch[one : one + _PLACE_BYTES] for one in range(at, end, _PLACE_BYTES)
        )
        at = end
    return wanted


class Link:
    """One client's connection. `inner` and `outer` are the broker's address as the mock broker
    states it in its responses and as clients shall read it: a host and a port, packed."""

    def __init__(self, news: News, inner: bytes, outer: bytes) -> None:
        self._news = news
        self._inner, self._outer = inner, outer
        self._asked: dict[bytes, tuple[int, list[bytes]]] = {}
        """what requests without a response are, and which topics they produce to, by number"""
        self._last: Wanted = {}
        self._seen = 0

    async def up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes the client's requests on."""
        buffer = bytearray()
        while data := await reader.read(CHUNK):
            buffer += data
            for frame in _frames(buffer):
                kind, version, _, length = _HEAD.unpack_from(frame, 4)
                topics: list[bytes] = []
                if kind == PRODUCE:
                    topics = self._news.topics_in(frame)
                elif kind == FETCH and version == FETCH_VERSION:
                    frame = await self._held(frame, 4 + _HEAD.size + max(length, 0))  # noqa: PLW2901
                self._asked[frame[_NUMBER]] = kind, topics
                writer.write(frame)
            await writer.drain()

    async def _held(self, frame: bytes, at: int) -> bytes:
        """The fetch, once it may find something; the mock broker shall not wait again. Only a fetch
        that found nothing is repeated for the same places."""
        (wait_ms,) = struct.unpack_from(">i", frame, at + _WAIT_AT)
        wanted = wanted_of(frame, at + _FETCH.size)
        if wanted == self._last:
            await self._news.wait(wanted, self._seen, wait_ms / 1000)
        self._last, self._seen = wanted, self._news.seen(wanted)
        return frame[: at + _WAIT_AT] + bytes(4) + frame[at + _WAIT_AT + 4 :]

    async def down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes the broker's responses on. What was produced can be fetched when its response is
        here."""
        buffer = bytearray()
        while data := await reader.read(CHUNK):
            buffer += data
            for frame in _frames(buffer):
                kind, topics = self._asked.pop(frame[4:8])
                if kind in (METADATA, FIND_COORDINATOR):
                    frame = frame.replace(self._inner, self._outer)  # noqa: PLW2901
                writer.write(frame)
                if topics:
                    self._news.came(topics)
            await writer.drain()
