"""Events over a broker that speaks the Kafka protocol: once-only effects, poison, order.

Runs against the embedded broker, and with KAFKA_BOOTSTRAP against a real Apache Kafka.
"""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest

from gateway.tail import Tail
from shared import outbox
from shared.consumer import Consumer, Handlers
from shared.events.base import stamp
from shared.events.binding import MerchantCreated, StoreCreated
from shared.kafka import Producer
from shared.outbox import Relay

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

WRITE = """
INSERT INTO notes (tenant_id, note_id, text)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])
"""


def notes(consumer):
    """A consumer whose effect is one row per event, and which chokes on the name "poison"."""
    handlers = Handlers(consumer)

    @handlers.on(StoreCreated)
    async def write_notes(deps, pg, events):
        if any(event.name == "poison" for event in events):
            raise ValueError("cannot digest this")
        await pg.execute(
            WRITE,
            [event.tenant_id for event in events],
            [uuid4() for _ in events],
            [event.name for event in events],
        )

    return handlers


@asynccontextmanager
async def running(*jobs):
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def consumer(db, deps, kafka_bootstrap):
    def make(group=None):
        return Consumer(
            db,
            notes(group or f"test-{uuid4()}"),
            deps,
            bootstrap=kafka_bootstrap,
            fetch_max_wait_ms=20,
        )

    return make


@pytest.fixture
def written(database):
    """Waits until the notes whose text starts with the prefix are as many as wished."""

    async def wait(prefix, count, within_s=30.0):
        sql = "SELECT text FROM notes WHERE starts_with(text, $1)"
        async with asyncio.timeout(within_s):
            while len(await database.fetch(sql, prefix)) < count:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        return sorted(row["text"] for row in await database.fetch(sql, prefix))

    return wait


def store(clock, name, key=None):
    return StoreCreated(**stamp(uuid4(), clock), store_id=key or uuid4(), name=name)


async def send(producer, *events):
    await producer.send_batch(StoreCreated.topic, [(e.subject, e.encode()) for e in events])


@pytest.mark.asyncio
async def test_outbox_to_effect_exactly_once_although_sent_twice(
    db, database, clock, consumer, written, kafka_bootstrap
):
    """F10, F21: the same event again is a known event."""
    run = str(uuid4())
    producer = Producer(kafka_bootstrap)
    events = [store(clock, f"{run}-{number:03d}") for number in range(40)]
    async with running(consumer().run(), Relay(db, producer, StoreCreated.topic).run()):
        for event in events:
            async with db.tx(event.tenant_id) as tx:
                await outbox.add(tx, event)
        again = Producer(kafka_bootstrap)
        await send(again, *events, *events)
        texts = await written(run, 40)
        await again.aclose()
    assert texts == [f"{run}-{number:03d}" for number in range(40)]
    await producer.aclose()


@pytest.mark.asyncio
async def test_poison_is_parked_and_its_neighbours_take_effect(
    clock, consumer, written, kafka_bootstrap
):
    """F23: one event that cannot be digested, one that is no event at all, one unknown type."""
    run, key = str(uuid4()), uuid4()
    parked = []
    producer = Producer(kafka_bootstrap)
    await send(producer, store(clock, f"{run}-a", key))
    tail = Tail(
        kafka_bootstrap,
        [StoreCreated.topic + ".parked"],
        lambda event: parked.append(event.name),
        lambda: None,
    )
    async with running(consumer().run(), tail.run()):
        await written(run, 1)
        await send(producer, store(clock, "poison", key))
        unknown = {"specversion": "1.0", "type": "later.invented.v9", "id": str(uuid4())}
        await producer.send_batch(
            StoreCreated.topic,
            [(str(key), b"not json"), (str(key), json.dumps(unknown).encode())],
        )
        await send(producer, store(clock, f"{run}-b", key))
        assert await written(run, 2) == [f"{run}-a", f"{run}-b"]
        async with asyncio.timeout(10):
            while not parked:
                await asyncio.sleep(0.05)
    assert parked == ["poison"]
    await producer.aclose()


@pytest.mark.asyncio
async def test_a_restarted_consumer_goes_on_where_it_was(clock, consumer, written, kafka_bootstrap):
    run, group = str(uuid4()), f"test-{uuid4()}"
    producer = Producer(kafka_bootstrap)
    await send(producer, *(store(clock, f"{run}-{number}") for number in range(5)))
    async with running(consumer(group).run()):
        await written(run, 5)
    await send(producer, *(store(clock, f"{run}-{number}") for number in range(5, 9)))
    async with running(consumer(group).run()):
        texts = await written(run, 9)
    assert texts == [f"{run}-{number}" for number in range(9)]
    await producer.aclose()


@pytest.mark.asyncio
async def test_a_type_without_a_handler_is_passed_over(clock, consumer, written, kafka_bootstrap):
    run = str(uuid4())
    producer = Producer(kafka_bootstrap)
    merchant = MerchantCreated(**stamp(uuid4(), clock), name="x")
    async with running(consumer().run()):
        await producer.send_batch(MerchantCreated.topic, [(merchant.subject, merchant.encode())])
        await send(producer, store(clock, run))
        assert await written(run, 1) == [run]
    await producer.aclose()
