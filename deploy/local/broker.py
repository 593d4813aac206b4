"""The embedded broker: the Kafka-protocol cluster inside librdkafka, memory only.

librdkafka picks the broker's own port anew at each start, so a forwarder stands on the stable
port: clients bootstrap through it and then talk to the broker directly. A client whose broker
died bootstraps again (shared.kafka does), and the relays replay what the memory lost.
"""

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

TOPICS = Path(__file__).resolve().parents[1] / "kafka" / "topics.json"
CHUNK = 64 * 1024
READY_S = 10.0
HOST = "127.0.0.1"


def topics() -> list[dict[str, Any]]:
    """The declared topics, for the embedded and the real broker alike."""
    declared: list[dict[str, Any]] = json.loads(TOPICS.read_text())["topics"]
    return declared


class Broker:
    """One mock cluster of one broker, and the forwarder before it."""

    def __init__(self) -> None:
        from confluent_kafka import Producer

        self._holder = Producer(
            {"bootstrap.servers": "unused", "test.mock.num.brokers": 1, "log_level": 3}
        )
        metadata = self._holder.list_topics(timeout=READY_S)
        self.port = int(next(iter(metadata.brokers.values())).port)
        for topic in topics():
            # Asking for a topic makes it, with the mock's four partitions.
            self._holder.list_topics(topic["name"], timeout=READY_S)

    def poll(self) -> None:
        self._holder.poll(0)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _forward(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def serve(port: int) -> None:
    """Runs until SIGTERM; says its address on standard output once it is ready."""
    broker = Broker()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    server = await asyncio.start_server(
        lambda reader, writer: _forward(broker.port, reader, writer), HOST, port
    )
    address = server.sockets[0].getsockname()
    sys.stdout.write(f"broker ready at {HOST}:{address[1]}\n")
    sys.stdout.flush()
    while not stop.is_set():
        broker.poll()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)
    server.close()
