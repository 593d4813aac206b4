"""The only module that uses the Kafka client (aiokafka): a producer and a reader.

After any error of the broker the client is closed, by force if necessary, and a new one is made.
Delivery is at least once in both directions; `shared.consumer` makes effects exactly once.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition, errors
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.helpers import create_ssl_context

from shared.config import BaseConfig
from shared.contracts.events.macs import EventKeys, Headers
from shared.errors import Unavailable

REQUEST_TIMEOUT_MS = 5_000
"""Below the relay's lease, so that a relay that waits for a dead broker keeps the lease."""
SEND_WITHIN_S = 5.0
READER_TIMEOUT_MS = 12_000
"""Above the session timeout: joining a group waits until the session of a dead member expires."""
BATCH_MAX = 500
POLL_MS = 1_000
QUIET_POLLS = 3
ANSWER_WITHIN_S = 4.0
CLOSE_WITHIN_S = 2.0
START_WITHIN_S = 15.0
RETRY_S = 0.5
AWAY = (KafkaError, ConnectionError, TimeoutError)
"""What the client raises when the broker is unavailable. Other OSErrors, as of a file, are bugs."""

TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
"""What the client and the broker refuse whenever it is sent: the cause of such an Unavailable."""

Record = ConsumerRecord[Any, Any]
Reader = AIOKafkaConsumer
Batch = dict[TopicPartition, list[Record]]

__all__ = ["IllegalStateError", "KafkaError", "TopicPartition"]  # with what is made here


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker's address, how to sign in there, and the keys for the MACs of events."""

    bootstrap: str
    keys: EventKeys
    fetch_max_wait_ms: int
    security: dict[str, Any]
    """arguments for the client"""
    max_age_days: int
    """an older event is not applied"""


class _TokenFile(AbstractTokenProvider):
    """Read at the start, too: aiokafka reports a missing file as an unavailable broker."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.read_text()

    async def token(self) -> str:
        return self._path.read_text().strip()


def broker(config: BaseConfig, name: str) -> Broker:
    """The broker of the settings; `name` is the process's name as producer and consumer."""
    keys = EventKeys.from_files(name, config.service_key_file, config.service_trust_file)
    protocol = config.kafka_security_protocol
    security: dict[str, Any] = {"security_protocol": protocol}
    if protocol.startswith("SASL"):
        file, token = config.kafka_sasl_password_file, config.kafka_sasl_token_file
        password = file.read_text().strip() if file else config.kafka_sasl_password
        security |= {
            "sasl_mechanism": config.kafka_sasl_mechanism,
            "sasl_plain_username": config.kafka_sasl_username,
            "sasl_plain_password": password,
            "sasl_oauth_token_provider": _TokenFile(token) if token else None,
        }
    if protocol.endswith("SSL"):
        security["ssl_context"] = create_ssl_context(
            cafile=config.kafka_ssl_ca_file,
            certfile=config.kafka_ssl_cert_file, keyfile=config.kafka_ssl_key_file,
        )  # fmt: skip
    wait_ms, max_age_days = config.kafka_fetch_max_wait_ms, config.events_max_age_days
    return Broker(config.kafka_bootstrap, keys, wait_ms, security, max_age_days)


class Producer:
    """Sends records and waits until every in-sync replica has them. After any error it opens a new
    client, because a wiped broker no longer knows the session of an idempotent producer."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._client: AIOKafkaProducer | None = None
        self._probe: AIOKafkaConsumer | None = None

    async def _open_client(self) -> AIOKafkaProducer:
        if self._client is None:
            client = AIOKafkaProducer(
                bootstrap_servers=self._broker.bootstrap, **self._broker.security,
                acks="all", enable_idempotence=True,
                linger_ms=0, request_timeout_ms=REQUEST_TIMEOUT_MS,
            )  # fmt: skip
            try:
                await client.start()
            except BaseException:
                client._closed = True
                await _quietly(client.client.close())
                raise
            self._client = client
        return self._client

    async def send_batch(
        self, topic: str, records: list[tuple[str, bytes]], headers: Headers | None = None
    ) -> list[tuple[int, int]]:
        """Sends (key, value) pairs and returns (partition, offset) of each, in order. Unavailable
        unless all were acknowledged. Each gets our MACs as headers, unless `headers` are given (for
        the copy of an event that another service published)."""
        mark = self._broker.keys.marks
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                client = await self._open_client()
                futures = []
                for name, value in records:
                    key = name.encode()
                    marks = mark(topic, key, value) if headers is None else list(headers)
                    futures.append(await client.send(topic, value, key, headers=marks))
                acknowledged = await asyncio.gather(*futures)
        except AWAY as error:
            await self.aclose()
            raise Unavailable(f"the broker is away: {type(error).__name__}") from error
        return [(place.partition, place.offset) for place in acknowledged]

    async def end_offsets(self, topic: str) -> dict[int, int]:
        """The next offset of every partition; empty when the topic does not exist."""
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                if self._probe is None:
                    self._probe = reader(self._broker, topic)
                    await self._probe.start()
                    self._probe.pause(*self._probe.assignment())
                numbers = self._probe.partitions_for_topic(topic) or ()
                places = [TopicPartition(topic, number) for number in numbers]
                ends = await self._probe.end_offsets(places) if places else {}
        except AWAY as error:
            await self.aclose()
            raise Unavailable(f"the broker is away: {type(error).__name__}") from error
        return {place.partition: end for place, end in ends.items()}

    async def aclose(self) -> None:
        client, probe, self._client, self._probe = self._client, self._probe, None, None
        if client is not None:
            # Not stop(): it waits until unsent records are flushed; the outbox still has them.
            client._closed = True
            await _quietly(client._sender.close())
            await _quietly(client.client.close())
        if probe is not None:
            await close(probe)


def reader(broker: Broker, *topics: str, **more: Any) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        *topics, bootstrap_servers=broker.bootstrap, **broker.security,
        fetch_max_wait_ms=broker.fetch_max_wait_ms, request_timeout_ms=READER_TIMEOUT_MS,
        metadata_max_age_ms=30_000, max_poll_records=BATCH_MAX, **more,
    )  # fmt: skip


async def polled(client: AIOKafkaConsumer, *, once: bool = False) -> Batch:
    """The records that have arrived, or none after one poll if that is `once`. Else it goes on, and
    after several empty polls it sends the broker a request, because a client would wait without end
    for a broker that came back at another address. If no response comes it raises, and the caller
    makes a new client."""
    for _ in range(QUIET_POLLS):
        records: Batch = await client.getmany(timeout_ms=POLL_MS)
        if records or once:
            return records
    async with asyncio.timeout(ANSWER_WITHIN_S):
        await client.end_offsets(list(client.assignment())[:1])
    return {}


def raise_if_ours(error: BaseException) -> None:
    """Raises `error` if it cancels our own task: aiokafka leaks cancellations of its tasks."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error


async def _quietly(closing: Awaitable[Any]) -> bool:
    """Whether the closing succeeded in time."""
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await closing
    except (*AWAY, asyncio.CancelledError) as error:
        raise_if_ours(error)
        return False
    return True


async def close(client: AIOKafkaConsumer) -> None:
    """Leaves the group; if that fails (the broker may be gone), ends the client's own tasks."""
    if not await _quietly(client.stop()):
        for part in (client._fetcher, client._client):
            if part is not None:
                await _quietly(part.close())
