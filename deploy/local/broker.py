"""The embedded broker: the Kafka-protocol cluster inside librdkafka, memory only.

librdkafka picks the broker's own port anew at each start, so a forwarder stands on the stable
port. Clients bootstrap through it, and are then told another port of it (`relayed`) that is new at
each start, too. A client whose broker died bootstraps again (shared.kafka does), and the relays
replay what the memory lost.
"""

import asyncio
import contextlib
import ctypes
import json
import signal
import struct
import sys
from pathlib import Path
from typing import Any

from deploy.local.relayed import Link, News

TOPICS = Path(__file__).resolve().parents[1] / "kafka" / "topics.json"
PRODUCER = 0
HOST = "127.0.0.1"


def topics() -> list[dict[str, Any]]:
    """The declared topics, for the embedded and the real broker alike."""
    declared: list[dict[str, Any]] = json.loads(TOPICS.read_text())["topics"]
    return declared


class Broker:
    """One mock cluster of one broker, through librdkafka's own C interface:
    the Python package can set neither a topic's partitions nor the time that a new group waits."""

    def __init__(self) -> None:
        library = _librdkafka()
        message = ctypes.create_string_buffer(512)
        holder = library.rd_kafka_new(PRODUCER, library.rd_kafka_conf_new(), message, len(message))
        if not holder:
            raise RuntimeError(message.value.decode())
        cluster = library.rd_kafka_mock_cluster_new(holder, 1)
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
        for topic in topics():
            name = topic["name"].encode()
            library.rd_kafka_mock_topic_create(cluster, name, topic["partitions"], 1)
        address = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
        host, _, port = address.partition(",")[0].rpartition(":")
        self.port = int(port)
        self.host: str = host

    def stated(self, port: int) -> bytes:
        """The broker's address in a response, with that port."""
        return self.host.encode() + struct.pack(">i", port)


def _librdkafka() -> ctypes.CDLL:
    """The library that the confluent-kafka wheel brings, with the calls we make declared."""
    import confluent_kafka

    beside = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    found = sorted(beside.glob("librdkafka*"))
    library = ctypes.CDLL(str(found[0]) if found else "librdkafka.so.1")
    pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [pointer, ctypes.c_int32]),
    ):
        call = getattr(library, name)
        call.restype, call.argtypes = result, arguments
    return library


async def _forward(
    link: Link, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Until one side ends. A client that was cut off connects again."""
    try:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, port)
    except OSError:
        writer.close()
        return
    ways = link.up(reader, inner_writer), link.down(inner_reader, writer)
    tasks = [asyncio.ensure_future(way) for way in ways]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    writer.close()
    inner_writer.close()


async def serve(port: int) -> None:
    """Runs until SIGTERM; writes its address to standard output once it is ready."""
    broker = Broker()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    news = News()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(news, broker.stated(broker.port), broker.stated(told_port))
        # The end of the process cancels it, which asyncio's streams would print as an error.
        with contextlib.suppress(asyncio.CancelledError):
            await _forward(link, broker.port, reader, writer)

    told = await asyncio.start_server(forward, HOST, 0)
    told_port = told.sockets[0].getsockname()[1]
    server = await asyncio.start_server(forward, HOST, port)
    address = server.sockets[0].getsockname()
    sys.stdout.write(f"broker ready at {HOST}:{address[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    told.close()
