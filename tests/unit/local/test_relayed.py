"""A fetch waits at the embedded broker until something comes, and no longer than it wants to."""

import asyncio
import socket
import struct
import subprocess
import sys
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.protocol.fetch import FetchRequest_v11

from deploy.local.relayed import Link, News
from tests.fixtures.events import EmbeddedBroker

TOPIC, OTHER = "payment.events", "binding.events"
WAIT_MS = 300


def fetch(number: int, offset: int, *, reverse: bool = False) -> bytes:
    """A fetch of two partitions as our client sends it."""
    places = [(place, -1, offset, -1, 1_000_000) for place in (0, 1)]
    topics = [(TOPIC, places[::-1] if reverse else places)]
    body = FetchRequest_v11(-1, WAIT_MS, 1, 50_000_000, 0, 0, -1, topics, [], "").encode()
    return framed(1, 11, number, body)


def framed(kind: int, version: int, number: int, body: bytes) -> bytes:
    payload = struct.pack(">hhih4s", kind, version, number, 4, b"test") + body
    return struct.pack(">i", len(payload)) + payload


class Passed:
    """What a link wrote, with the time of each frame."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.at: list[float] = []

    def write(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.at.append(time.perf_counter())

    async def drain(self) -> None:
        pass


async def passed_up(*frames: bytes, news: News | None = None) -> Passed:
    """What passes of one client's requests."""
    reader, passed = asyncio.StreamReader(), Passed()
    for frame in frames:
        reader.feed_data(frame)
    reader.feed_eof()
    link: Any = Link(news or News(), b"", b"")
    await link.up(reader, passed)
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
    passed = await passed_up(fetch(1, 5), fetch(2, 5, reverse=True))
    first, second = passed.at
    assert WAIT_MS / 1000 <= second - first < 10 * WAIT_MS / 1000


@pytest.mark.asyncio
async def test_what_was_produced_meanwhile_lets_a_fetch_pass() -> None:
    news = News()
    news.seen({TOPIC.encode(): frozenset()})
    asyncio.get_running_loop().call_later(0.05, news.came, news.topics_in(TOPIC.encode()))
    first, second = (await passed_up(fetch(1, 5), fetch(2, 5), news=news)).at
    assert 0.04 <= second - first < WAIT_MS / 1000


@pytest.mark.asyncio
async def test_what_was_produced_between_two_fetches_is_not_missed() -> None:
    news, reader, passed = News(), asyncio.StreamReader(), Passed()
    link: Any = Link(news, b"", b"")
    up = asyncio.ensure_future(link.up(reader, passed))
    reader.feed_data(fetch(1, 5))
    await asyncio.sleep(0.05)
    news.came(news.topics_in(TOPIC.encode()))
    reader.feed_data(fetch(2, 5))
    reader.feed_eof()
    await up
    first, second = passed.at
    assert second - first < WAIT_MS / 1000


@pytest.mark.asyncio
async def test_what_another_topic_gets_wakes_nobody() -> None:
    news = News()
    news.seen({OTHER.encode(): frozenset()})
    asyncio.get_running_loop().call_later(0.05, news.came, [OTHER.encode()])
    first, second = (await passed_up(fetch(1, 5), fetch(2, 5), news=news)).at
    assert second - first >= WAIT_MS / 1000


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
