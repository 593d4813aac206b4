"""A fetch waits at the embedded broker until something comes, and no longer than it wants to."""

import asyncio
import socket
import struct
import subprocess
import sys
import time
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.protocol.fetch import FetchRequest_v11

from deploy.local.relayed import Arrivals, Requests
from tests.fixtures.events import EmbeddedBroker

TOPIC, OTHER = "payment.events", "binding.events"
WAIT_MS = 1_200
LONG_S = 1.19
"""a timer counts from the loop's last turn, in whole milliseconds"""


def fetch(number: int, offset: int, *, places: tuple[int, ...] = (0, 1)) -> bytes:
    """A fetch of these partitions as our client sends it."""
    topics = [(TOPIC, [(place, -1, offset, -1, 1_000_000) for place in places])]
    body = FetchRequest_v11(-1, WAIT_MS, 1, 50_000_000, 0, 0, -1, topics, [], "").encode()
    return framed(1, 11, number, body)


def framed(kind: int, version: int, number: int, body: bytes) -> bytes:
    payload = struct.pack(">hhih4s", kind, version, number, 4, b"test") + body
    return struct.pack(">i", len(payload)) + payload


class Passed:
    """What passed to the mock broker, with the time of each frame."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.at: list[float] = []

    def write(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.at.append(time.perf_counter())

    def close(self) -> None:
        pass

    async def all(self, number: int) -> list[float]:
        while len(self.at) < number:
            await asyncio.sleep(0.002)
        return self.at


def connected(arrivals: Arrivals | None = None) -> tuple[Requests, Passed]:
    """A client's connection, and what of it passes to the mock broker."""
    requests, passed = Requests(arrivals or Arrivals(), 0, b"", b""), Passed()
    requests.responses.broker = cast("Any", passed)
    return requests, passed


async def passed_up(*frames: bytes, arrivals: Arrivals | None = None) -> Passed:
    """What passes of one client's requests."""
    requests, passed = connected(arrivals)
    for frame in frames:
        requests.data_received(frame)
    await passed.all(len(frames))
    return passed


@pytest.mark.asyncio
async def test_a_fetch_for_new_places_passes_at_once_and_is_not_to_wait_again() -> None:
    started = time.perf_counter()
    passed = await passed_up(fetch(1, 0), fetch(2, 1))
    assert time.perf_counter() - started < WAIT_MS / 1000
    wait_ms = struct.pack(">i", WAIT_MS)
    assert passed.frames == [
        fetch(number, number - 1).replace(wait_ms, bytes(4), 1) for number in (1, 2)
    ]


@pytest.mark.asyncio
async def test_a_fetch_for_the_same_places_waits_as_long_as_it_wants_to() -> None:
    """In whatever order the client names them."""
    passed = await passed_up(fetch(1, 5), fetch(2, 5, places=(1, 0)))
    first, second = passed.at
    assert LONG_S <= second - first < 10 * WAIT_MS / 1000


@pytest.mark.asyncio
async def test_what_was_produced_meanwhile_lets_a_fetch_pass() -> None:
    arrivals = Arrivals()
    arrivals.count(TOPIC.encode())
    asyncio.get_running_loop().call_later(
        0.05, arrivals.arrived, arrivals.topics_in(TOPIC.encode())
    )
    first, second = (await passed_up(fetch(1, 5), fetch(2, 5), arrivals=arrivals)).at
    assert 0.04 <= second - first < WAIT_MS / 1000


@pytest.mark.asyncio
async def test_what_was_produced_between_two_fetches_is_not_missed() -> None:
    arrivals = Arrivals()
    requests, passed = connected(arrivals)
    requests.data_received(fetch(1, 5))
    await asyncio.sleep(0.05)
    arrivals.arrived(arrivals.topics_in(TOPIC.encode()))
    requests.data_received(fetch(2, 5))
    first, second = await passed.all(2)
    assert second - first < WAIT_MS / 1000


@pytest.mark.asyncio
async def test_what_comes_behind_a_fetch_that_waits_keeps_its_place() -> None:
    """A broker answers the requests of a connection in their order. They come in any parts."""
    requests, passed = connected()
    frames = fetch(1, 5) + fetch(2, 5) + framed(3, 0, 3, b"") + fetch(4, 5)
    for at in range(0, len(frames), 7):
        requests.data_received(frames[at : at + 7])
    first, second, third, fourth = await passed.all(4)
    assert [frame[8:12] for frame in passed.frames] == [struct.pack(">i", n) for n in (1, 2, 3, 4)]
    assert second - first >= LONG_S > third - second
    assert fourth - third >= LONG_S


@pytest.mark.asyncio
async def test_a_client_that_goes_away_waits_no_longer() -> None:
    arrivals = Arrivals()
    requests, passed = connected(arrivals)
    requests.data_received(fetch(1, 5))
    requests.data_received(fetch(2, 5))
    assert list(arrivals.waiting) == [requests]
    requests.connection_lost(None)
    assert not arrivals.waiting
    arrivals.arrived(arrivals.topics_in(TOPIC.encode()))
    await asyncio.sleep(1.5 * WAIT_MS / 1000)
    assert len(passed.frames) == 1


@pytest.mark.asyncio
async def test_who_has_read_the_only_new_batch_waits_for_the_next() -> None:
    arrivals = Arrivals()
    requests, passed = connected(arrivals)
    requests.data_received(fetch(1, 5) + fetch(2, 5))
    arrivals.arrived([TOPIC.encode()])
    requests.data_received(fetch(3, 6))
    _, second, third = await passed.all(3)
    assert third - second >= LONG_S


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("batches", "offset"), [(2, 6), (1, 4), (1, 0)], ids=["two batches", "back", "far back"]
)
async def test_who_may_find_more_does_not_wait(batches: int, offset: int) -> None:
    """The mock broker returns one batch at a time; a client that goes back reads again."""
    arrivals = Arrivals()
    requests, passed = connected(arrivals)
    requests.data_received(fetch(1, 5) + fetch(2, 5))
    arrivals.arrived([TOPIC.encode()] * batches)
    requests.data_received(fetch(3, offset))
    _, second, third = await passed.all(3)
    assert third - second < WAIT_MS / 1000


@pytest.mark.asyncio
async def test_a_place_that_is_new_to_a_client_is_asked_for_at_once() -> None:
    requests, passed = connected()
    requests.data_received(fetch(1, 5, places=(0,)) + fetch(2, 5, places=(0, 1)))
    first, second = await passed.all(2)
    assert second - first < WAIT_MS / 1000


@pytest.mark.asyncio
async def test_what_another_topic_gets_wakes_nobody() -> None:
    arrivals = Arrivals()
    arrivals.count(OTHER.encode())
    asyncio.get_running_loop().call_later(0.05, arrivals.arrived, [OTHER.encode()])
    first, second = (await passed_up(fetch(1, 5), fetch(2, 5), arrivals=arrivals)).at
    assert second - first >= LONG_S


@pytest.mark.asyncio
async def test_events_reach_a_reader_that_would_wait_for_seconds() -> None:
    """Through the real client: also what comes between two fetches."""
    broker = EmbeddedBroker()
    broker.start()
    try:
        at = {"bootstrap_servers": broker.bootstrap}
        reader = AIOKafkaConsumer(TOPIC, **at, fetch_max_wait_ms=8_000)
        producer = AIOKafkaProducer(**at, acks="all")
        await reader.start()
        await producer.start()
        try:
            async with asyncio.timeout(6.0):
                for value in (b"0", b"1", b"2", b"3"):
                    await asyncio.sleep(0.1)
                    await producer.send_and_wait(TOPIC, value)
                    assert (await reader.getone()).value == value
        finally:
            await producer.stop()
            await reader.stop()
    finally:
        broker.stop()


def test_the_broker_ends_quietly_while_clients_are_connected() -> None:
    words = [sys.executable, "-m", "deploy.local", "broker"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        assert one.stderr is not None
        host, _, port = one.stdout.readline().strip().rpartition(" ")[2].rpartition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(framed(18, 0, 1, b""))
            assert client.recv(4), "it is through to the mock broker"
            one.terminate()
            assert one.wait(timeout=20) == 0
        assert "Traceback" not in one.stderr.read()
