"""Several consumers of one event in one service: each at its own pace, in its own order.

Runs against the embedded broker, and with KAFKA_BOOTSTRAP against a real Apache Kafka.
"""

import asyncio
import time
from contextlib import aclosing
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from services.order import consumers as order_consumers
from shared import inbox, kafka
from shared.consumer import Consumer, Handlers, consumers
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated, StoreRenamed
from shared.db import Database
from shared.kafka import Producer, Reader
from tests.integration.shared.test_kafka import parked_events, running, said_by

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

POINTS, COUPONS = "points", "coupons"
NOTE = "INSERT INTO notes VALUES ($1, $2, $3)"
IN_ORDER = "SELECT text FROM notes WHERE starts_with(text, $1) ORDER BY xmin::text::bigint, ctid"


class Service:
    """A service whose rooms `points` and `coupons` both handle what happens to stores, and write
    down what they did. Either can be held up, or choke on an event."""

    def __init__(self, database, broker, db, deps):
        self.name, self.run = f"test-{uuid4()}", str(uuid4())
        self._database, self._broker, self._db, self._deps = database, broker, db, deps
        self.poison = {POINTS: "", COUPONS: ""}
        self.open = {POINTS: asyncio.Event(), COUPONS: asyncio.Event()}
        for gate in self.open.values():
            gate.set()

    def _noting(self, room):
        async def note(_deps, pg, events):
            mine = [event for event in events if event.name.startswith(self.run)]
            if mine:
                await self.open[room].wait()
            if any(event.name == self.poison[room] for event in mine):
                raise ValueError("cannot digest this")
            for event in mine:
                text = f"{room} {event.name.removeprefix(self.run)}"
                await pg.execute(NOTE, event.tenant_id, uuid4(), f"{self.run} {text}")

        return note

    def workers(self, rooms=(POINTS, COUPONS)):
        """What a worker process runs."""
        handlers = Handlers(self.name)
        for room in rooms:
            handlers.room(room).on(StoreCreated, StoreRenamed)(self._noting(room))
        return [one.run() for one in consumers(self._db, handlers, self._deps, self._broker)]

    def before(self):
        """The worker of the version before, which had one consumer."""
        handlers = Handlers(self.name)
        handlers.on(StoreCreated, StoreRenamed)(self._noting(COUPONS))
        return [one.run() for one in consumers(self._db, handlers, self._deps, self._broker)]

    def after(self):
        """Coupons have become a room, and points came new."""
        handlers = Handlers(self.name)
        taken = handlers.room(COUPONS, takes_over=True)
        taken.on(StoreCreated, StoreRenamed)(self._noting(COUPONS))
        handlers.room(POINTS).on(StoreCreated, StoreRenamed)(self._noting(POINTS))
        return [one.run() for one in consumers(self._db, handlers, self._deps, self._broker)]

    async def done(self, room, count):
        """What the room did, in order, once it is as much as that."""
        prefix = f"{self.run} {room} "
        async with asyncio.timeout(30):
            while len(rows := await self._database.fetch(IN_ORDER, prefix)) < count:
                await asyncio.sleep(0.05)
        return [row["text"].removeprefix(prefix) for row in rows]


@pytest_asyncio.fixture
async def service(database, service_keys, kafka_bootstrap, deps):
    """With a pool as large as its rooms need."""
    db = Database(database.app_url, database.system_url, pool_size=3, name="rooms")
    await db.open()
    yield Service(database, service_keys.broker("order", kafka_bootstrap), db, deps)
    await db.close()


@pytest_asyncio.fixture
async def say(service, service_keys, kafka_bootstrap, clock):
    """say(1, 2, 3): that store is created or renamed, in turn; gives the events."""
    key = uuid4()
    async with aclosing(Producer(service_keys.broker("binding", kafka_bootstrap))) as producer:

        async def tell(*numbers):
            events = [
                (StoreRenamed if number % 2 else StoreCreated)(
                    **stamp(uuid4(), clock), store_id=key, name=f"{service.run}{number:03}"
                )
                for number in numbers
            ]
            await again(*events)
            return events

        async def again(*events):
            records = [(event.subject, event.encode()) for event in events]
            await producer.send_batch(StoreCreated.topic, records)

        tell.again = again
        yield tell


def known(consumer):
    """How many events it read again."""
    wanted = {"consumer": consumer, "why": "known"}
    return REGISTRY.get_sample_value("events_skipped_total", wanted) or 0


def names(*numbers):
    return [f"{number:03}" for number in numbers]


@pytest.mark.asyncio
async def test_each_room_applies_each_event_once_and_in_order(service, say):
    """F10, F21: also when all is said twice."""
    async with running(*service.workers()):
        events = await say(*range(30))
        await say.again(*events)
        for room in (POINTS, COUPONS):
            await service.done(room, 30)
        await say(30)
        for room in (POINTS, COUPONS):
            assert await service.done(room, 31) == names(*range(31))


@pytest.mark.asyncio
async def test_a_room_that_is_stuck_stops_no_other_and_goes_on_where_it_was(service, say):
    service.open[POINTS].clear()
    async with running(*service.workers()):
        for start in (0, 10, 20):
            await say(*range(start, start + 10))
            assert await service.done(COUPONS, start + 10) == names(*range(start + 10))
        assert await service.done(POINTS, 0) == []
        service.open[POINTS].set()
        assert await service.done(POINTS, 30) == names(*range(30))


@pytest.mark.asyncio
async def test_offsets_are_committed_now_and_then_and_all_once_it_is_quiet(
    service, say, monkeypatch
):
    """A commit costs the broker and us as much as a fetch."""
    real, commits = Reader.commit, []

    async def counted(reader, offsets):
        commits.append(offsets)
        await real(reader, offsets)

    monkeypatch.setattr(Reader, "commit", counted)
    async with running(*service.workers(rooms=(COUPONS,))):
        await say(0)
        await service.done(COUPONS, 1)
        del commits[:]
        started = time.monotonic()
        for number in range(1, 25):
            await say(number)
            await service.done(COUPONS, number + 1)
        seconds = time.monotonic() - started
        assert len(commits) <= seconds + 1, f"24 batches in {seconds:.1f} s"
        await asyncio.sleep(2.5)
        assert commits
    before = known(f"{service.name}.{COUPONS}")
    async with running(*service.workers(rooms=(COUPONS,))):
        await say(25)
        await service.done(COUPONS, 26)
    assert known(f"{service.name}.{COUPONS}") == before, "nothing was read again"


@pytest.mark.asyncio
async def test_a_stuck_room_is_behind_after_a_restart_and_the_other_is_not(service, say):
    service.open[POINTS].clear()
    async with running(*service.workers()):
        await say(*range(20))
        await service.done(COUPONS, 20)
    assert await service.done(POINTS, 0) == []
    service.open[POINTS].set()
    async with running(*service.workers()):
        assert await service.done(POINTS, 20) == names(*range(20))
        await say(20)
        assert await service.done(COUPONS, 21) == names(*range(21))
        assert await service.done(POINTS, 21) == names(*range(21))


@pytest.mark.asyncio
async def test_what_one_room_cannot_digest_takes_effect_in_the_other(
    service, say, service_keys, kafka_bootstrap
):
    """F23: it is parked by that room alone; sent back, it takes effect there alone."""
    broker = service_keys.broker("order", kafka_bootstrap)
    service.poison[POINTS] = f"{service.run}003"
    async with running(*service.workers()), parked_events(broker) as parked:
        events = await say(*range(6))
        assert await service.done(COUPONS, 6) == names(*range(6))
        assert await service.done(POINTS, 5) == names(0, 1, 2, 4, 5)
        record = await parked(events[3].subject)
        assert record.value == events[3].encode()
        said = dict(record.headers)["parked"]
        assert said == f"{service.name}.{POINTS}: ValueError".encode()

        service.poison[POINTS] = ""
        again = [(record.key.decode(), record.value)]
        await said_by(broker, StoreCreated.topic, again, record.headers)
        assert await service.done(POINTS, 6) == names(0, 1, 2, 4, 5, 3)
        await say(6)
        assert await service.done(COUPONS, 7) == names(*range(7))


@pytest.mark.asyncio
async def test_a_consumer_that_becomes_a_room_repeats_nothing(service, say):
    """The update: old and new worker overlap, and the new room's group has no place yet."""
    async with running(*service.before()):
        events = await say(*range(10))
        await service.done(COUPONS, 10)
        async with running(*service.after()):
            assert await service.done(POINTS, 10) == names(*range(10))
            await say(*range(10, 20))
            await service.done(COUPONS, 20)
    async with running(*service.after()):
        await say.again(*events)
        await say(20)
        for room in (POINTS, COUPONS):
            assert await service.done(room, 21) == names(*range(21))


@pytest.mark.asyncio
async def test_the_first_consumer_of_a_service_keeps_its_name_in_the_inbox(
    database, service, say, db, deps
):
    """What an older version has claimed as `order` is known to this one."""
    first = order_consumers.handlers
    assert (first.consumer, first.inbox_key) == ("order", "order")
    events = await say(0)
    async with db.pg(None) as pg:
        assert await inbox.claim(pg, "order", events) == {events[0].event_id}
    await Consumer(db, first, deps, service._broker)._transaction(_refused, events)


@pytest.mark.asyncio
async def test_no_event_is_parked_while_a_migration_is_late(service, say, monkeypatch):
    """A worker was started before it, or it is under way: its functions come."""
    monkeypatch.setattr(kafka, "RETRY_S", 0.01)
    handlers, tries = Handlers(service.name), []

    @handlers.on(StoreCreated)
    async def early(_deps, _pg, _events):
        tries.append(1)
        if len(tries) <= 5:
            raise asyncpg.UndefinedFunctionError("it does not exist")

    events = await say(0)
    consumer = Consumer(service._db, handlers, service._deps, service._broker)
    await consumer._apply_one(early, events[0], None)
    assert len(tries) == 6


async def _refused(_deps, _pg, _events):
    raise AssertionError("it was known")


def test_one_inbox_key_knows_each_type_once():
    """Two handlers under one key would take each other's events away."""

    async def handle(_deps, _pg, _events):
        pass

    handlers = Handlers("order")
    handlers.on(StoreCreated)(handle)
    handlers.room("points").on(StoreCreated)(handle)
    coupons = handlers.room("coupons", takes_over=True)
    for takes_over in (True, False):
        # Members of one group would skip and commit what only the other handles.
        with pytest.raises(ValueError, match="a room already"):
            handlers.room("coupons", takes_over=takes_over)
    for room in (handlers, coupons):
        with pytest.raises(ValueError, match="has a handler already"):
            room.on(StoreCreated)(handle)
