"""Consumes events in batches under an inbox; parks poison events; commits offsets last.

A service has one consumer, and one more for each room with an offset of its own (ADR 0022). A room
that is slow or fails on an event delays no other room.

Each event takes effect exactly once, because its inbox row is claimed in the transaction of the
effect. Offsets are committed per partition after that transaction, at most once a second while
events come: a commit costs as much as a fetch. What is delivered again after a crash, the inbox
skips, and what was parked is parked again. So a commit that the broker refuses (rebalance, wiped
broker) is dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any, TypeVar

import asyncpg
from prometheus_client import Counter, Histogram

from shared import inbox, kafka, tracing
from shared.contracts.events.base import Event, UnknownEvent
from shared.db import Database, is_connection_lost
from shared.errors import Unavailable
from shared.telemetry import get_logger

POISON_ATTEMPTS = 3
COMMIT_EVERY_S = 1.0
PARKED = ".parked"
REASON_HEADER = "parked"
"""The header of a parked copy: which consumer parked it, and why."""

Handler = Callable[[Any, "asyncpg.Connection[Any]", Sequence[Any]], Awaitable[None]]
HandlerT = TypeVar("HandlerT", bound=Handler)
AtOnce = Callable[[Database, str, Sequence[Any]], Awaitable[bool]]
"""Claims events under an inbox key and applies them, in one autocommit statement of the database in
system scope. False: nothing was changed, because not all of them are new and ordinary."""

log = get_logger("consumer")
_handled = Counter("events_handled_total", "Events that took effect", ["consumer", "type"])
_skipped = Counter("events_skipped_total", "Events not for us, or known", ["consumer", "why"])
_parked = Counter("events_parked_total", "Events set aside", ["consumer", "topic", "why"])
_not_copied = Counter("events_not_copied_total", "Too large to park", ["consumer", "topic"])
_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30, 120)
_lag = Histogram("event_lag_seconds", "From the fact to its effect", ["consumer"], buckets=_BUCKETS)


class Handlers:
    """The handlers of one consumer by event type, and the further consumers of its service.

    The events of one consumer are handled in order. Its name (`campaign`, `campaign.points`) is its
    group in Kafka and its label in metrics and on parked copies. Its inbox key is the same name,
    unless it took events over from another consumer."""

    def __init__(self, consumer: str, inbox_key: str = "") -> None:
        self.consumer = consumer
        self.inbox_key = inbox_key or consumer
        self.by_type: dict[str, Handler] = {}
        self.at_once: dict[str, AtOnce | None] = {}
        self.topics: set[str] = set()
        self.rooms: list[Handlers] = [self]
        """every consumer of the service, this one first"""

    def room(self, name: str, *, takes_over: bool = False) -> "Handlers":
        """A further consumer of the same service, with its own group, order and inbox key: it may
        handle types that others handle, too. `takes_over`: it takes types from the service's first
        consumer and keeps that inbox key, so that events handled there are not handled again."""
        room = Handlers(f"{self.consumer}.{name}", self.inbox_key if takes_over else "")
        if any(other.consumer == room.consumer for other in self.rooms):
            raise ValueError(f"{room.consumer} is a room already")
        self.rooms.append(room)
        room.rooms = self.rooms
        return room

    def on(
        self, *events: type[Event], at_once: AtOnce | None = None
    ) -> Callable[[HandlerT], HandlerT]:
        """Registers a batch handler: new events of these types, in order, in one transaction. Where
        `at_once` can apply them, the handler is not called: that saves the transaction's round
        trips, which cost more than the effect."""

        def register(handler: HandlerT) -> HandlerT:
            for kind in events:
                if any(kind.type in r.by_type for r in self.rooms if r.inbox_key == self.inbox_key):
                    raise ValueError(f"{kind.type} has a handler already")
                self.by_type[kind.type], self.at_once[kind.type] = handler, at_once
                self.topics.add(kind.topic)
            return handler

        return register


Pair = tuple[Event, kafka.Record]


class Consumer:
    """One member of one consumer group: polls, applies events under the inbox, commits offsets, and
    starts again after any error."""

    def __init__(self, db: Database, handlers: Handlers, deps: Any, broker: kafka.Broker) -> None:
        self._db = db
        self._handlers = handlers
        self._deps = deps
        self._broker = broker
        self._parking = kafka.Producer(broker)
        self.joined = False
        """whether the group has assigned partitions to this member (readiness)"""

    async def run(self) -> None:
        """Consumes until cancelled."""
        try:
            while True:
                try:
                    await self._consume()
                except (*kafka.AWAY, Unavailable, asyncio.CancelledError) as error:
                    kafka.raise_if_ours(error)
                    log.warning("consumer.restart", error=repr(error))
                self.joined = False
                await asyncio.sleep(kafka.RETRY_S)
        finally:
            await self._parking.aclose()

    async def _consume(self) -> None:
        client = kafka.reader(
            self._broker, *sorted(self._handlers.topics), group_id=self._handlers.consumer,
            enable_auto_commit=False, auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=6_000, heartbeat_interval_ms=2_000,
        )  # fmt: skip
        read, committed_at = dict[kafka.TopicPartition, int](), 0.0
        try:
            async with asyncio.timeout(kafka.START_WITHIN_S):
                await client.start()
            while True:
                self.joined = bool(client.assignment())
                batch = await kafka.polled(client, once=bool(read))
                accepted = await self._accepted([r for rs in batch.values() for r in rs])
                # Consecutive events of one type, over all partitions of a poll.
                for kind, run in groupby(accepted, lambda pair: pair[0].type):
                    pairs = list(run)
                    with tracing.effects(self._handlers.consumer, kind, pairs):
                        await self._apply_run(self._handlers.by_type[kind], pairs)
                read |= {place: records[-1].offset + 1 for place, records in batch.items()}
                now = self._deps.clock.monotonic()
                if read and (not batch or now - committed_at >= COMMIT_EVERY_S):
                    await self._commit(client, read)
                    read, committed_at = {}, now
        finally:
            await kafka.close(client)

    async def _commit(self, client: kafka.Reader, offsets: dict[kafka.TopicPartition, int]) -> None:
        try:
            # With a time limit: aiokafka searches for a lost coordinator without end.
            async with asyncio.timeout(kafka.ANSWER_WITHIN_S):
                await client.commit(offsets)
        except (kafka.KafkaError, kafka.IllegalStateError) as error:
            # Rebalanced or wiped meanwhile: a replay is harmless, the inbox skips these events.
            log.info("consumer.commit_dropped", error=type(error).__name__)

    async def _accepted(self, records: list[kafka.Record]) -> list[Pair]:
        """Those with a valid MAC, of a type handled here, and not older than inbox rows are
        kept."""
        accepted: list[Pair] = []
        for record in records:
            parts = record.topic, record.key, record.value, record.headers
            try:
                event = self._broker.keys.read(*parts)
                if event.type not in self._handlers.by_type:
                    _skipped.labels(self._handlers.consumer, "not_for_us").inc()
                    continue
                inbox.require_remembered(event, self._deps.clock.now(), self._broker.max_age_days)
                accepted.append((event, record))
            except UnknownEvent:
                _skipped.labels(self._handlers.consumer, "unknown").inc()
            except ValueError as error:
                await self._park(record, error)
        return accepted

    async def _apply_run(self, handler: Handler, run: list[Pair]) -> None:
        """The whole run in one transaction. If that fails, each event in a transaction of its own,
        so that one poison event neither blocks nor loses the others."""
        try:
            return await self._transaction(handler, [event for event, _ in run])
        except Exception as error:
            if not is_connection_lost(error):
                log.exception("consumer.batch_failed", size=len(run))
        for event, record in run:
            await self._apply_one(handler, event, record)

    async def _apply_one(self, handler: Handler, event: Event, record: kafka.Record) -> None:
        attempt = 0
        while True:
            try:
                return await self._transaction(handler, [event])
            except Exception as error:
                # A function that is missing comes with the migration, which is late or under way.
                is_early = isinstance(error, asyncpg.UndefinedFunctionError)
                attempt += not (is_early or is_connection_lost(error))
                if attempt >= POISON_ATTEMPTS:
                    return await self._park(record, error)
                await asyncio.sleep(kafka.RETRY_S * max(attempt, 1))

    async def _transaction(self, handler: Handler, events: list[Event]) -> None:
        todo = unique = list({event.event_id: event for event in events}.values())
        at_once, key = self._handlers.at_once[events[0].type], self._handlers.inbox_key
        if at_once is None or not await at_once(self._db.system, key, unique):
            async with self._db.pg(None) as pg:
                fresh = await inbox.claim(pg, key, unique)
                todo = [event for event in unique if event.event_id in fresh]
                if todo:
                    await handler(self._deps, pg, todo)
        _skipped.labels(self._handlers.consumer, "known").inc(len(events) - len(todo))
        if todo:
            _handled.labels(self._handlers.consumer, todo[0].type).inc(len(todo))
            age = self._deps.clock.now() - todo[0].occurred_at
            _lag.labels(self._handlers.consumer).observe(age.total_seconds())

    async def _park(self, record: kafka.Record, error: Exception) -> None:
        """Copies an event to the parked topic, where an operator finds it, and goes on. The copy
        keeps the event's headers with its MACs; one more header states the reason. An event too
        large for that is replaced by an empty one, whose reason states the place of the event."""
        topic, why, who = record.topic, type(error).__name__, self._handlers.consumer
        place = {"topic": topic, "partition": record.partition, "offset": record.offset}
        log.error("consumer.parked", **place, error=why)
        _parked.labels(who, topic, why).inc()
        copy = [((record.key or b"").decode("utf-8", "replace"), record.value or b"")]
        headers = [header for header in record.headers if header[0] != REASON_HEADER]
        headers.append((REASON_HEADER, f"{who}: {why}".encode()))
        while True:
            try:
                await self._parking.send_batch(topic + PARKED, copy, headers)
                return
            except Unavailable as failure:
                if isinstance(failure.__cause__, kafka.TOO_LARGE):
                    log.exception("consumer.not_copied", **place, error=why)
                    _not_copied.labels(who, topic).inc()
                    reason = f"{who}: {why}, too large to copy: {place}"
                    copy, headers = [("", b"")], [(REASON_HEADER, reason.encode())]
                await asyncio.sleep(kafka.RETRY_S)


def consumers(db: Database, handlers: Handlers, deps: Any, broker: kafka.Broker) -> list[Consumer]:
    """One for each room of the service that handles anything."""
    return [Consumer(db, room, deps, broker) for room in handlers.rooms if room.by_type]
