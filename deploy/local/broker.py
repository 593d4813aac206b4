"""The embedded broker: the Kafka-protocol cluster inside librdkafka, memory only.

librdkafka picks the broker's own port anew at each start, so a forwarder stands on the stable
port. Clients bootstrap through it; what its responses advertise (`relayed`) is a second port of it,
which is new at each start, too. A client whose broker died bootstraps again (shared.kafka does),
and the relays replay what the memory lost.
"""

import asyncio
import ctypes
import json
import signal
import struct
import sys
from pathlib import Path
from typing import Any

from deploy.local.relayed import Arrivals, Requests

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


async def serve(port: int) -> None:
    """Runs until SIGTERM; writes its address to standard output once it is ready."""
    broker = Broker()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    arrivals = Arrivals()

    def forward() -> Requests:
        inner, outer = broker.stated(broker.port), broker.stated(advertised_port)
        return Requests(arrivals, broker.port, inner, outer)

    loop = asyncio.get_running_loop()
    advertised = await loop.create_server(forward, HOST, 0)
    advertised_port = advertised.sockets[0].getsockname()[1]
    server = await loop.create_server(forward, HOST, port)
    address = server.sockets[0].getsockname()
    sys.stdout.write(f"broker ready at {HOST}:{address[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    advertised.close()
