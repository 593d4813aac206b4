"""The outbox: events written in the transaction of their change, and the relay that publishes them.

PostgreSQL holds the truth; Kafka delivers at least once. One relay per service is active at a time.
It holds an advisory lock on a session that the server ends after a few idle seconds, so the lock is
a lease that a stopped relay loses. Rows are published in `seq` order and marked after the broker
has acknowledged them, with the offset that it returned. An offset lower than an earlier one means
that the broker was wiped. Then all retained events are published again, and the consumers' inboxes
skip those that they have handled. A replay goes backwards in steps, newest events first and each
step in order, because the newest are those that a consumer may have missed. New events wait for one
step at most. The progress of a replay is in the database, for the next leader.
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.events.base import Event
from shared.db import LOST, Database, is_connection_lost
from shared.errors import Unavailable
from shared.telemetry import get_logger

if TYPE_CHECKING:
    # Only a worker has a relay: an API process adds events without loading the Kafka client.
    from shared.kafka import Producer

BATCH_MAX = 500
GATHER_S = 0.03
GATHER_EACH_S = 0.005
GATHER_MAX_S = 0.05
"""The pause after a batch, so that the next events are sent and consumed together: longer for each
event that was sent, up to a limit that leaves the consumers 50 ms of an event's 100 ms (ADR 32)."""
RETRY_S = 0.5
STANDBY_POLL_S = 1.0
LEASE_S = 15
WIPE_CHECK_S = 2.0
PURGE_EVERY_S = 600.0
STEP_ROWS = 2_000
"""the most rows that one statement of a purge or a replay touches"""
RECENT_ROWS = 5_000
RETENTION_DAYS = 7

Row = tuple[UUID, UUID, str, str, str, bytes, datetime]

_INSERT = """
INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_CLAIM = """
SELECT tenant_id, event_id, key, payload FROM outbox
WHERE published_at IS NULL AND event_id <> ALL ($2::uuid[]) ORDER BY seq LIMIT $1
"""
_MARK = """
UPDATE outbox o SET published_at = now(), partition = d.p, "offset" = d.o
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::bigint[]) AS d(t, e, p, o)
WHERE o.tenant_id = d.t AND o.event_id = d.e
"""
_LAST_OFFSETS = """
SELECT partition, max("offset") AS last FROM (
  SELECT partition, "offset", published_at FROM outbox
  WHERE seq >= coalesce((SELECT below FROM outbox_replays WHERE tenant_id = $2 AND topic = $3), 0)
  ORDER BY seq DESC LIMIT $1) AS recent
WHERE published_at IS NOT NULL AND "offset" IS NOT NULL GROUP BY partition
"""
_REPLAY = """
INSERT INTO outbox_replays (tenant_id, topic, below) VALUES ($1, $2, 9223372036854775807)
ON CONFLICT (tenant_id, topic) DO UPDATE SET below = excluded.below
"""
# Who adds events then notifies the relay at the commit (tables/wake.sql).
_BEGIN_REST = "SELECT pg_try_advisory_lock(hashtext('outbox rests'))"
_IS_WAITING = (
    "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL AND event_id <> ALL ($1))"
)
_END_REST = "SELECT pg_advisory_unlock(hashtext('outbox rests'))"
_REPLAY_STEP = "SELECT outbox_replay_step($1, $2, $3)"
_IS_REPLAYING = "SELECT EXISTS (SELECT FROM outbox_replays WHERE tenant_id = $1 AND topic = $2)"
# By the time of the fact: a replay must not keep an event longer than inboxes keep its row. And by
# ctid: for a join of so many rows the planner reads the whole table.
_PURGE = """
DELETE FROM outbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM outbox ORDER BY seq LIMIT $2))
  AND created_at < now() - make_interval(days => $1) AND published_at < now() - interval '1 day'
"""

log = get_logger("outbox")
_published = Counter("outbox_published_total", "Events acknowledged by the broker", ["topic"])
_too_large = Counter("outbox_too_large_total", "Events too large for the broker", ["topic"])
_replays = Counter("outbox_replays_total", "Replays after the broker lost its memory", ["topic"])


def row(event: Event) -> Row:
    """The outbox columns of an event, in the order of the INSERT (for hot-path functions)."""
    name = event.topic, event.subject, event.type
    return (event.tenant_id, event.event_id, *name, event.encode(), event.occurred_at)


async def add(where: "AsyncSession | asyncpg.Connection[Any]", event: Event) -> None:
    """Adds `event` to the outbox in the transaction of `where`."""
    if isinstance(where, AsyncSession):
        await (await where.connection()).exec_driver_sql(_INSERT, row(event))
    else:
        await where.execute(_INSERT, *row(event))


def pause_after(sent: int) -> float:
    """Seconds to gather events after a batch of `sent`. Under load a longer pause saves rounds of
    the relay and transactions of the consumers. With few events it would only delay them."""
    return min(GATHER_S + GATHER_EACH_S * sent, GATHER_MAX_S)


class Relay:
    """Publishes one service's outbox to its topic. When it is empty, the relay rests until an event
    is added; it looks every `idle_poll_s` all the same."""

    def __init__(self, db: Database, sink: "Producer", topic: str, *, idle_poll_s: float) -> None:
        self._db = db
        self._sink = sink
        self._topic = topic
        self._idle_poll_s = idle_poll_s
        self._name = UUID(int=0), topic  # a replay is of all tenants
        self._last: dict[int, int] = {}
        self._is_replaying = False
        self._too_large: list[UUID] = []
        """the events that are not sent again before the next start"""

    async def run(self) -> None:
        """Leads, or waits to lead, until cancelled; survives a lost database or broker."""
        while True:
            try:
                connection = await self._db.connect()
                try:
                    await self._lead(connection)
                finally:
                    connection.terminate()
            except (*LOST, asyncpg.PostgresError) as error:
                log_failure = log.warning if is_connection_lost(error) else log.exception
                log_failure("relay.lost_database", error=type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _lead(self, connection: "asyncpg.Connection[Any]") -> None:
        await connection.execute(f"SET idle_session_timeout = '{LEASE_S}s'")
        await self._wait_to_lead(connection)
        self._is_replaying = await connection.fetchval(_IS_REPLAYING, *self._name)
        # During a replay only the rows that it has been at have offsets of the present broker.
        self._last = dict(await connection.fetch(_LAST_OFFSETS, RECENT_ROWS, *self._name))
        added = asyncio.Event()
        await connection.add_listener("outbox", lambda *_: added.set())
        connection.add_termination_listener(lambda _: added.set())
        loop = asyncio.get_running_loop()
        check_at = purge_at = loop.time()
        while True:
            if self._last and loop.time() >= check_at:
                await self._replay_if_wiped(connection)
                check_at = loop.time() + WIPE_CHECK_S
            if loop.time() >= purge_at:
                purged = await connection.execute(_PURGE, RETENTION_DAYS, STEP_ROWS)
                purge_at = loop.time() + (PURGE_EVERY_S if purged == "DELETE 0" else 0)
            sent = await self._forward(connection)
            if self._is_replaying and sent is not None and sent < BATCH_MAX:
                await self._replay_step(connection)
            if sent == 0:
                await self._rest(connection, added)
            elif sent is not None and sent < BATCH_MAX:
                await asyncio.sleep(pause_after(sent))

    async def _rest(self, connection: "asyncpg.Connection[Any]", added: asyncio.Event) -> None:
        """Waits until an event is added; if somebody is adding one now, only for a moment."""
        if not await connection.fetchval(_BEGIN_REST):
            return await asyncio.sleep(GATHER_S)
        added.clear()
        # What came since the last look is sent after the rest: the broker may be away for long, and
        # meanwhile whoever adds an event would notify.
        if not await connection.fetchval(_IS_WAITING, self._too_large):
            with suppress(TimeoutError):
                # Not `wait_for`: it drops a cancellation that meets the event.
                async with asyncio.timeout(self._idle_poll_s):
                    await added.wait()
        await connection.execute(_END_REST)

    async def _wait_to_lead(self, connection: "asyncpg.Connection[Any]") -> None:
        sql = "SELECT pg_try_advisory_lock(hashtext('outbox:' || $1))"
        while not await connection.fetchval(sql, self._topic):  # noqa: ASYNC110 - held elsewhere
            await asyncio.sleep(STANDBY_POLL_S)

    async def _forward(self, connection: "asyncpg.Connection[Any]") -> int | None:
        """Publishes and marks one batch; returns its size (None: the broker is unavailable)."""
        rows = await connection.fetch(_CLAIM, BATCH_MAX, self._too_large)
        if not rows:
            return 0
        try:
            places = await self._sink.send_batch(self._topic, [row[2:] for row in rows])
        except Unavailable as failure:
            self._leave_too_large(failure, rows)
            await asyncio.sleep(RETRY_S)
            return None
        if any(0 <= offset <= self._last.get(partition, -1) for partition, offset in places):
            await self._replay(connection)  # an offset for the second time: wiped
            return len(rows)
        # In the order of each partition, so that its last offset is its highest.
        self._last |= {partition: offset for partition, offset in places if offset >= 0}
        marks = [(*row[:2], *place) for row, place in zip(rows, places, strict=True)]
        await connection.execute(_MARK, *zip(*marks, strict=True))
        _published.labels(self._topic).inc(len(rows))
        return len(rows)

    def _leave_too_large(self, failure: Unavailable, rows: list[asyncpg.Record]) -> None:
        """Leaves the largest event out if the batch was refused for a size: it would be refused
        each time, and the others would wait for ever. Its row stays, unpublished."""
        from shared.kafka import TOO_LARGE

        if isinstance(failure.__cause__, TOO_LARGE):
            size, event_id = max((len(row["payload"]), row["event_id"]) for row in rows)
            self._too_large.append(event_id)
            _too_large.labels(self._topic).inc()
            log.error("relay.too_large", topic=self._topic, event_id=str(event_id), bytes=size)

    async def _replay_if_wiped(self, connection: "asyncpg.Connection[Any]") -> None:
        """Detects a wipe also when there is no new event to publish."""
        with suppress(Unavailable):
            ends = await self._sink.end_offsets(self._topic)
            if any(ends.get(partition, 0) <= last for partition, last in self._last.items()):
                await self._replay(connection)

    async def _replay(self, connection: "asyncpg.Connection[Any]") -> None:
        await connection.execute(_REPLAY, *self._name)
        self._last, self._is_replaying = {}, True
        _replays.labels(self._topic).inc()
        log.warning("relay.replay", topic=self._topic)
        await self._replay_step(connection)

    async def _replay_step(self, connection: "asyncpg.Connection[Any]") -> None:
        self._is_replaying = await connection.fetchval(_REPLAY_STEP, *self._name, STEP_ROWS)
        if not self._is_replaying:
            log.info("relay.replayed", topic=self._topic)
