"""The one Kafka door (aiokafka): producer, consumer with inbox, and a tail for caches.

At-least-once in both directions; the exactly-once effect comes from the inbox claim in the same
transaction as the effect. Offsets are committed per partition after that transaction. A commit the
broker refuses (rebalance, wiped broker) is dropped: the events come again and the inbox knows them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from prometheus_client import Counter, Histogram

from shared import inbox
from shared.db import Database, is_connection_lost
from shared.errors import Unavailable
from shared.events.base import Event, UnknownEvent, decode
from shared.telemetry import get_logger

REQUEST_TIMEOUT_MS = 8_000
"""Below the relay's lease, so that a relay waiting for a dead broker still looks alive."""
SEND_WITHIN_S = 10.0
SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_MS = 1_000
BATCH_MAX = 500
POLL_MS = 1_000
METADATA_AGE_MS = 30_000
RETRY_S = 0.5
POISON_ATTEMPTS = 3
PARKED = ".parked"

Handler = Callable[[Any, "asyncpg.Connection[Any]", Sequence[Any]], Awaitable[None]]
Record = ConsumerRecord[Any, Any]
HandlerT = TypeVar("HandlerT", bound=Handler)

log = get_logger("kafka")
_handled = Counter("events_handled_total", "Events that took effect", ["consumer", "type"])
_skipped = Counter("events_skipped_total", "Events not for us, or known", ["consumer", "why"])
_parked = Counter("events_parked_total", "Poison events set aside", ["consumer", "topic"])
_lag = Histogram(
    "event_lag_seconds",
    "From the fact to its effect",
    ["consumer"],
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30, 120),
)


class Handlers:
    """One consumer's handlers, by event type. The consumer's name is its inbox key."""

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer
        self.by_type: dict[str, Handler] = {}
        self.topics: set[str] = set()

    def on(self, *events: type[Event]) -> Callable[[HandlerT], HandlerT]:
        """Registers a batch handler: fresh events of the types, in order, in one transaction."""

        def register(handler: HandlerT) -> HandlerT:
            for event in events:
                if event.type in self.by_type:
                    raise ValueError(f"{event.type} has a handler already")
                self.by_type[event.type] = handler
                self.topics.add(event.topic)
            return handler

        return register


class Producer:
    """Sends and waits until every replica in sync has it; opens a new client after any error,
    because a broker that lost its memory no longer knows an idempotent producer's session."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client: AIOKafkaProducer | None = None
        self._probe: AIOKafkaConsumer | None = None

    async def _opened(self) -> AIOKafkaProducer:
        if self._client is None:
            client = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
            )
            try:
                await client.start()
            except BaseException:
                await _quietly(client.stop())
                raise
            self._client = client
        return self._client

    async def send_batch(
        self, topic: str, records: list[tuple[str, bytes]]
    ) -> list[tuple[int, int]]:
        """(key, value) pairs in, (partition, offset) of each out, in order; Unavailable when not
        everything was acknowledged."""
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                client = await self._opened()
                futures = [
                    await client.send(topic, value=value, key=key.encode())
                    for key, value in records
                ]
                acknowledged = await asyncio.gather(*futures)
        except (KafkaError, TimeoutError, OSError) as error:
            await self.aclose()
            raise Unavailable(f"the broker is away: {type(error).__name__}") from error
        return [(place.partition, place.offset) for place in acknowledged]

    async def end_offsets(self, topic: str) -> dict[int, int]:
        """The next offset of every partition; empty when the topic does not exist."""
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                if self._probe is None:
                    self._probe = _reader(self._bootstrap, topic)
                    await self._probe.start()
                    self._probe.pause(*self._probe.assignment())
                places = [
                    TopicPartition(topic, number)
                    for number in self._probe.partitions_for_topic(topic) or ()
                ]
                ends = await self._probe.end_offsets(places) if places else {}
        except (KafkaError, TimeoutError, OSError) as error:
            await self.aclose()
            raise Unavailable(f"the broker is away: {type(error).__name__}") from error
        return {place.partition: end for place, end in ends.items()}

    async def aclose(self) -> None:
        client, probe, self._client, self._probe = self._client, self._probe, None, None
        if client is not None:
            await _quietly(client.stop())
        if probe is not None:
            await _quietly(probe.stop())


def _reader(bootstrap: str, *topics: str, **more: Any) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        metadata_max_age_ms=METADATA_AGE_MS,
        **more,
    )


async def _quietly(closing: Awaitable[Any]) -> None:
    """Closes a client of a broker that may be gone."""
    try:
        async with asyncio.timeout(2.0):
            await closing
    except (KafkaError, TimeoutError, OSError) as error:
        log.debug("kafka.close_failed", error=type(error).__name__)


@dataclass(slots=True)
class _Run:
    """Consecutive events of one type, over all partitions of a poll."""

    handler: Handler
    events: list[Event]
    records: list[Record]


class Consumer:
    """One member of one group: reads, applies under the inbox, commits, and starts again after
    whatever goes wrong."""

    def __init__(
        self,
        db: Database,
        handlers: Handlers,
        deps: Any,
        *,
        bootstrap: str,
        fetch_max_wait_ms: int,
        topics: Sequence[str] | None = None,
    ) -> None:
        self._db = db
        self._handlers = handlers
        self._deps = deps
        self._bootstrap = bootstrap
        self._fetch_max_wait_ms = fetch_max_wait_ms
        self._topics = sorted(topics if topics is not None else handlers.topics)
        self._parking = Producer(bootstrap)
        self._joined = False

    @property
    def joined(self) -> bool:
        """Whether the group gave this member its partitions (readiness)."""
        return self._joined

    async def run(self) -> None:
        """Consumes until cancelled."""
        try:
            while True:
                try:
                    await self._consume()
                except (KafkaError, OSError, Unavailable) as error:
                    log.warning("consumer.restart", error=type(error).__name__)
                self._joined = False
                await asyncio.sleep(RETRY_S)
        finally:
            await self._parking.aclose()

    async def _consume(self) -> None:
        client = _reader(
            self._bootstrap,
            *self._topics,
            group_id=self._handlers.consumer,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=self._fetch_max_wait_ms,
            max_poll_records=BATCH_MAX,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
        )
        try:
            await client.start()
            while True:
                self._joined = bool(client.assignment())
                polled = await client.getmany(timeout_ms=POLL_MS, max_records=BATCH_MAX)
                if polled:
                    for run in await self._runs([r for rs in polled.values() for r in rs]):
                        await self._apply_run(run)
                    await self._commit(
                        client, {tp: records[-1].offset + 1 for tp, records in polled.items()}
                    )
        finally:
            await _quietly(client.stop())

    async def _commit(self, client: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
        try:
            await client.commit(offsets)
        except (KafkaError, IllegalStateError) as error:
            # Rebalanced or wiped meanwhile: the replay is harmless, the inbox knows these events.
            log.info("consumer.commit_dropped", error=type(error).__name__)

    async def _runs(self, records: list[Record]) -> list[_Run]:
        runs: list[_Run] = []
        for record in records:
            try:
                event = decode(record.value or b"")
            except UnknownEvent:
                _skipped.labels(self._handlers.consumer, "unknown").inc()
                continue
            except ValueError as error:
                await self._park(record, error)
                continue
            handler = self._handlers.by_type.get(event.type)
            if handler is None:
                _skipped.labels(self._handlers.consumer, "not_for_us").inc()
            elif runs and runs[-1].handler is handler and runs[-1].events[0].type == event.type:
                runs[-1].events.append(event)
                runs[-1].records.append(record)
            else:
                runs.append(_Run(handler, [event], [record]))
        return runs

    async def _apply_run(self, run: _Run) -> None:
        """The whole run in one transaction; when that fails, each event on its own, so that one
        poison event neither blocks nor loses its neighbours."""
        try:
            await self._transaction(run.handler, run.events)
            return
        except Exception as error:
            if not isinstance(error, Unavailable) and not is_connection_lost(error):
                log.exception("consumer.batch_failed", size=len(run.events))
        for event, record in zip(run.events, run.records, strict=True):
            await self._apply_one(run.handler, event, record)

    async def _apply_one(self, handler: Handler, event: Event, record: Record) -> None:
        attempt = 0
        while True:
            try:
                await self._transaction(handler, [event])
                return
            except Exception as error:
                if isinstance(error, Unavailable) or is_connection_lost(error):
                    await asyncio.sleep(RETRY_S)
                    continue
                attempt += 1
                if attempt >= POISON_ATTEMPTS:
                    await self._park(record, error)
                    return
                await asyncio.sleep(RETRY_S * attempt)

    async def _transaction(self, handler: Handler, events: list[Event]) -> None:
        unique = list({event.event_id: event for event in events}.values())
        async with self._db.pg(None) as pg:
            fresh = await inbox.claim(pg, self._handlers.consumer, unique)
            todo = [event for event in unique if event.event_id in fresh]
            if todo:
                await handler(self._deps, pg, todo)
        _skipped.labels(self._handlers.consumer, "known").inc(len(events) - len(todo))
        if todo:
            _handled.labels(self._handlers.consumer, todo[0].type).inc(len(todo))
            age = self._deps.clock.now() - todo[0].occurred_at
            _lag.labels(self._handlers.consumer).observe(age.total_seconds())

    async def _park(self, record: Record, error: Exception) -> None:
        """Sets a poison event aside where an operator finds it, then lets the others pass."""
        log.error(
            "consumer.parked", topic=record.topic, offset=record.offset, error=type(error).__name__
        )
        _parked.labels(self._handlers.consumer, record.topic).inc()
        key = (record.key or b"").decode("utf-8", "replace")
        while True:
            try:
                await self._parking.send_batch(record.topic + PARKED, [(key, record.value or b"")])
                return
            except Unavailable:
                await asyncio.sleep(RETRY_S)


class Tail:
    """Follows topics from now on, without a group and without memory: for dropping cached
    entries. After a gap (`on_gap`) everything cached is suspect."""

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        on_event: Callable[[Event], None],
        on_gap: Callable[[], None],
        *,
        fetch_max_wait_ms: int = 500,
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = list(topics)
        self._on_event = on_event
        self._on_gap = on_gap
        self._fetch_max_wait_ms = fetch_max_wait_ms

    async def run(self) -> None:
        """Follows until cancelled."""
        while True:
            self._on_gap()
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                log.warning("tail.restart", error=type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        client = _reader(self._bootstrap, *self._topics, fetch_max_wait_ms=self._fetch_max_wait_ms)
        last: dict[TopicPartition, int] = {}
        try:
            await client.start()
            while True:
                polled = await client.getmany(timeout_ms=POLL_MS)
                for place, records in polled.items():
                    if records[0].offset <= last.get(place, -1):
                        self._on_gap()  # the broker forgot and began anew
                    last[place] = records[-1].offset
                    for record in records:
                        self._tell(record)
        finally:
            await _quietly(client.stop())

    def _tell(self, record: Record) -> None:
        try:
            self._on_event(decode(record.value or b""))
        except ValueError:
            _skipped.labels("tail", "unreadable").inc()
