"""Passes Kafka's protocol between clients and librdkafka's mock broker, and makes fetches wait.

The mock broker answers a fetch that finds nothing after the whole time that the client would wait,
although events arrive meanwhile. A real broker answers when they arrive. So a fetch for places that
had nothing is held here until something was produced to its topics, and the mock broker is then
asked to answer at once. Clients at rest fetch every two seconds (ADR 33). What else it does unlike
a real broker when a group forms, `assignments` mends.
"""

import asyncio
import struct
from collections.abc import Iterator
from typing import NamedTuple, cast

from deploy.local.assignments import SYNC, Assignments, Sync

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
_PLACE = struct.Struct(">iiqqi")
"""of one partition in a fetch: its number, an epoch, the offset where the client reads on, ..."""

Place = tuple[bytes, int]
"""a topic, and a partition of it"""


class Request(NamedTuple):
    """One without a response yet."""

    kind: int
    topics: list[bytes]
    """it produces to"""
    sync: Sync | None


class Arrivals:
    """How often each topic that somebody fetches was produced to, and who waits for more."""

    def __init__(self) -> None:
        self._count: dict[bytes, int] = {}
        self.waiting: dict[Requests, set[bytes]] = {}
        self.assignments = Assignments()

    def count(self, topic: bytes) -> int:
        return self._count.setdefault(topic, 0)

    def topics_in(self, produce: bytes) -> list[bytes]:
        """The topics that a request to produce names. One that is only named in an event's text is
        among them, too; then a fetch is answered early with nothing."""
        return [topic for topic in self._count if topic in produce]

    def arrived(self, topics: list[bytes]) -> None:
        for topic in topics:
            self._count[topic] += 1
        woken = [one for one, wanted in self.waiting.items() if not wanted.isdisjoint(topics)]
        for requests in woken:
            requests.wake()


def _frames(buffer: bytearray) -> Iterator[bytes]:
    """Takes the whole frames off the buffer, each with its length in front."""
    while len(buffer) >= 4:
        end = 4 + int.from_bytes(buffer[:4], "big")
        if len(buffer) < end:
            return
        frame = bytes(buffer) if len(buffer) == end else bytes(buffer[:end])
        del buffer[:end]
        yield frame


def offsets_of(fetch: bytes, at: int) -> dict[Place, int]:
    """Where a fetch reads on; `at` is where its number of topics stands."""
    offsets: dict[Place, int] = {}
    (topics,) = struct.unpack_from(">i", fetch, at)
    at += 4
    for _ in range(topics):
        (length,) = struct.unpack_from(">h", fetch, at)
        topic = fetch[at + 2 : at + 2 + length]
        at += 2 + length
        (places,) = struct.unpack_from(">i", fetch, at)
        at += 4
        for _ in range(places):
            number, _, offset, _, _ = _PLACE.unpack_from(fetch, at)
            offsets[topic, number] = offset
            at += _PLACE.size
    return offsets


class Position(NamedTuple):
    """What is known of a place when a client's fetch of it has passed."""

    offset: int
    passed_at: int
    """how often its topic had been produced to when the fetch passed"""
    empty_at: int | None
    """and when nothing was left behind `offset`; None: that is not known"""

    def empty_before(self, offset: int) -> int | None:
        """The count at which nothing was left behind the next fetch's offset. The same offset again
        means that nothing was found. A later one means that one batch was, as the mock broker
        returns one at a time: the only one, if the topic had one more than when it was empty."""
        if offset == self.offset:
            return self.passed_at
        has_one = self.empty_at is not None and self.passed_at == self.empty_at + 1
        return self.passed_at if offset > self.offset and has_one else None


class Requests(asyncio.Protocol):
    """A client's connection; passes its requests on to the mock broker, in their order. Streams
    with a task for each way took about a third more CPU than these callbacks."""

    def __init__(self, arrivals: Arrivals, port: int, inner: bytes, outer: bytes) -> None:
        """`port` is the mock broker's; `inner` and `outer` are its address as it states it in its
        responses and as clients shall read it: a host and a port, packed."""
        self._arrivals = arrivals
        self._port = port
        self.responses = Responses(self, arrivals, inner, outer)
        self.client: asyncio.Transport | None = None
        self.sent: dict[bytes, Request] = {}
        """by number"""
        self._buffer = bytearray()
        self._connecting: asyncio.Task[None] | None = None
        self._held = b""
        self._offsets: dict[Place, int] = {}
        self._empty_at: dict[Place, int | None] = {}
        """the newest fetch: what passes of it, and what is known of its places"""
        self._timer: asyncio.TimerHandle | None = None
        self._positions: dict[Place, Position] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.client = cast("asyncio.Transport", transport)
        self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.responses, "127.0.0.1", self._port)
        except OSError:
            self.close()
        else:
            self._pass_on()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._pass_on()

    def _pass_on(self) -> None:
        broker = self.responses.broker
        if broker is None or self._timer is not None:
            return
        for frame in _frames(self._buffer):
            kind, version, _, length = _HEAD.unpack_from(frame, 4)
            body_at = 4 + _HEAD.size + max(length, 0)
            topics = self._arrivals.topics_in(frame) if kind == PRODUCE else []
            assignments = self._arrivals.assignments
            sync = assignments.requested(frame, version, body_at) if kind == SYNC else None
            self.sent[frame[_NUMBER]] = Request(kind, topics, sync)
            if kind != FETCH or version != FETCH_VERSION:
                broker.write(frame)
            elif not self._fetch(broker, frame, body_at):
                return

    def _fetch(self, broker: asyncio.WriteTransport, frame: bytes, at: int) -> bool:
        """Passes the fetch on, or keeps it until it may find something; says whether it passed.
        The mock broker shall not let it wait again."""
        (wait_ms,) = struct.unpack_from(">i", frame, at + _WAIT_AT)
        self._held = frame[: at + _WAIT_AT] + bytes(4) + frame[at + _WAIT_AT + 4 :]
        self._offsets = offsets_of(frame, at + _FETCH.size)
        known, count = self._positions, self._arrivals.count
        self._empty_at = {
            place: known[place].empty_before(offset) if place in known else None
            for place, offset in self._offsets.items()
        }
        if any(count(place[0]) != empty_at for place, empty_at in self._empty_at.items()):
            self._pass_fetch(broker)
            return True
        self._arrivals.waiting[self] = {topic for topic, _ in self._offsets}
        self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self.wake)
        return False

    def _pass_fetch(self, broker: asyncio.WriteTransport) -> None:
        for place, offset in self._offsets.items():
            count = self._arrivals.count(place[0])
            self._positions[place] = Position(offset, count, self._empty_at[place])
        broker.write(self._held)

    def wake(self) -> None:
        """Passes the fetch that waited, and what came behind it."""
        broker = self.responses.broker
        if self._timer is None or broker is None:
            return
        self._stop_waiting()
        self._pass_fetch(broker)
        self._pass_on()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            del self._arrivals.waiting[self]

    def pause_writing(self) -> None:
        _pause(self.responses.broker)

    def resume_writing(self) -> None:
        _resume(self.responses.broker)

    def connection_lost(self, _error: Exception | None) -> None:
        self.close()

    def close(self) -> None:
        """Of both connections. A client that was cut off connects again."""
        self._stop_waiting()
        if self._connecting is not None:
            self._connecting.cancel()
        for transport in (self.client, self.responses.broker):
            if transport is not None:
                transport.close()


class Responses(asyncio.Protocol):
    """The connection to the mock broker that stands behind one client's; passes its responses on.
    What was produced can be fetched when its response is here."""

    def __init__(self, requests: Requests, arrivals: Arrivals, inner: bytes, outer: bytes) -> None:
        self._requests = requests
        self._arrivals = arrivals
        self._inner, self._outer = inner, outer
        self._buffer = bytearray()
        self.broker: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.broker = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        client = cast("asyncio.Transport", self._requests.client)
        for frame in _frames(self._buffer):
            request = self._requests.sent.pop(frame[4:8])
            if request.kind in (METADATA, FIND_COORDINATOR):
                frame = frame.replace(self._inner, self._outer)  # noqa: PLW2901
            elif request.sync is not None:
                frame = self._arrivals.assignments.responded(request.sync, frame)  # noqa: PLW2901
            client.write(frame)
            if request.topics:
                self._arrivals.arrived(request.topics)

    def pause_writing(self) -> None:
        _pause(self._requests.client)

    def resume_writing(self) -> None:
        _resume(self._requests.client)

    def connection_lost(self, _error: Exception | None) -> None:
        self._requests.close()


def _pause(transport: asyncio.Transport | None) -> None:
    if transport is not None and not transport.is_closing():
        transport.pause_reading()


def _resume(transport: asyncio.Transport | None) -> None:
    if transport is not None and not transport.is_closing():
        transport.resume_reading()
