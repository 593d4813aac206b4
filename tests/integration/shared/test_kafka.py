"""Events over a broker that speaks the Kafka protocol: once-only effects, poison, order.

Runs against the embedded broker, and with KAFKA_BOOTSTRAP against a real Apache Kafka.
"""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from gateway.tail import Tail
from shared import inbox, kafka, outbox
from shared.config import BaseConfig
from shared.consumer import Consumer, Handlers
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantCreated, StoreCreated
from shared.kafka import Producer
from shared.outbox import Relay

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

POISON = "poison"
LOST_FILE = "lost file"

WRITE = """
INSERT INTO notes (tenant_id, note_id, text)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])
"""


def notes(consumer):
    """A consumer whose effect is one row per event, and which chokes on the name POISON."""
    handlers = Handlers(consumer)

    @handlers.on(StoreCreated)
    async def write_notes(deps, pg, events):
        if any(event.name == POISON for event in events):
            raise ValueError("cannot digest this")
        if any(event.name == LOST_FILE for event in events):
            raise FileNotFoundError(LOST_FILE)
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
def saying(service_keys, kafka_bootstrap):
    """The broker as binding sees it, which says what stores there are."""
    return service_keys.broker("binding", kafka_bootstrap)


@pytest.fixture
def hearing(service_keys, kafka_bootstrap):
    """The broker as order sees it, which hears that."""
    return service_keys.broker("order", kafka_bootstrap)


@pytest.fixture
def consumer(db, deps, hearing):
    def make(group=None):
        return Consumer(
            db,
            notes(group or f"test-{uuid4()}"),
            deps,
            hearing,
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


@asynccontextmanager
async def parked_events(broker):
    """next_of(key): the next parked event of that key."""
    client = kafka.reader(broker, StoreCreated.topic + ".parked", auto_offset_reset="earliest")
    async with asyncio.timeout(30):
        await client.start()

    seen = []

    async def next_of(key):
        async with asyncio.timeout(20):
            while not (found := [record for record in seen if record.key == str(key).encode()]):
                for records in (await client.getmany(timeout_ms=200)).values():
                    seen.extend(records)
        seen.remove(found[0])
        return found[0]

    try:
        yield next_of
    finally:
        await kafka.close(client)


def store(clock, name, key=None):
    return StoreCreated(**stamp(uuid4(), clock), store_id=key or uuid4(), name=name)


async def send(producer, *events):
    await producer.send_batch(StoreCreated.topic, [(e.subject, e.encode()) for e in events])


@pytest.mark.asyncio
async def test_outbox_to_effect_exactly_once_although_sent_twice(
    db, database, clock, consumer, written, saying, hearing, kafka_bootstrap
):
    """F10, F21: the same event again is a known event."""
    run = str(uuid4())
    producer = Producer(saying)
    events = [store(clock, f"{run}-{number:03d}") for number in range(40)]
    async with running(
        consumer().run(), Relay(db, producer, StoreCreated.topic, idle_poll_s=0.06).run()
    ):
        for event in events:
            async with db.tx(event.tenant_id) as tx:
                await outbox.add(tx, event)
        again = Producer(saying)
        await send(again, *events, *events)
        texts = await written(run, 40)
        await again.aclose()
    assert texts == [f"{run}-{number:03d}" for number in range(40)]
    await producer.aclose()


@pytest.mark.asyncio
async def test_a_restarted_consumer_goes_on_where_it_was(clock, consumer, written, saying):
    run, group = str(uuid4()), f"test-{uuid4()}"
    producer = Producer(saying)
    await send(producer, *(store(clock, f"{run}-{number}") for number in range(5)))
    async with running(consumer(group).run()):
        await written(run, 5)
    await send(producer, *(store(clock, f"{run}-{number}") for number in range(5, 9)))
    async with running(consumer(group).run()):
        texts = await written(run, 9)
    assert texts == [f"{run}-{number}" for number in range(9)]
    await producer.aclose()


@pytest.mark.asyncio
async def test_a_type_without_a_handler_is_passed_over(clock, consumer, written, saying):
    run = str(uuid4())
    producer = Producer(saying)
    merchant = MerchantCreated(**stamp(uuid4(), clock), name="x")
    async with running(consumer().run()):
        await producer.send_batch(MerchantCreated.topic, [(merchant.subject, merchant.encode())])
        await send(producer, store(clock, run))
        assert await written(run, 1) == [run]
    await producer.aclose()


# --- events are believed from their topic's owner only


async def said_by(broker, topic, records, headers=()):
    """As somebody who may write to the topic, but says what he likes."""
    producer = Producer(broker)
    places = await producer.send_batch(topic, records, headers)
    await producer.aclose()
    return places


@pytest.mark.asyncio
async def test_what_the_owner_did_not_say_is_parked_and_changes_nothing(
    clock, consumer, written, saying, hearing, service_keys, kafka_bootstrap
):
    """Anybody on the broker, a neighbour with its own keys, a mark of another event or hearer."""
    run = str(uuid4())
    genuine, forged = store(clock, f"{run}-a"), store(clock, f"{run}-forged")
    topic, key = StoreCreated.topic, forged.subject.encode()
    marks = saying.keys.marks
    other_hearer = [
        (name.replace("mac-device", "mac-order"), mark)
        for name, mark in marks(topic, key, forged.encode())
        if name != "mac-order"
    ]
    payment = service_keys.broker("payment", kafka_bootstrap).keys
    neighbour = payment.marks("payment.events", key, forged.encode())
    foreign = marks(topic, genuine.subject.encode(), genuine.encode())
    async with running(consumer().run()), parked_events(hearing) as parked:
        producer = Producer(saying)
        await send(producer, genuine)
        await written(run, 1)
        for headers in ((), other_hearer, neighbour, foreign, [("mac-order", b""), ("x", b"y")]):
            await said_by(hearing, topic, [(forged.subject, forged.encode())], headers)
            assert (await parked(forged.subject)).value == forged.encode()
        await send(producer, store(clock, f"{run}-b"))
        assert await written(run, 2) == [f"{run}-a", f"{run}-b"]
        await producer.aclose()


@pytest.mark.asyncio
async def test_a_parked_event_goes_back_with_its_mark(
    clock, consumer, written, saying, hearing, monkeypatch
):
    """By hand, after the consumer was mended: the copy carries what proves it."""
    run = str(uuid4())
    monkeypatch.setattr("tests.integration.shared.test_kafka.POISON", f"{run}-ill")
    async with running(consumer().run()), parked_events(hearing) as parked:
        producer = Producer(saying)
        ill = store(clock, f"{run}-ill")
        await send(producer, ill)
        record = await parked(ill.subject)
        monkeypatch.setattr("tests.integration.shared.test_kafka.POISON", "poison")
        again = [(record.key.decode(), record.value)]
        await said_by(hearing, StoreCreated.topic, again, record.headers)
        assert await written(run, 1) == [f"{run}-ill"]
        await producer.aclose()


@pytest.mark.asyncio
async def test_the_edges_memory_is_dropped_by_the_owner_alone(
    clock, saying, service_keys, kafka_bootstrap
):
    run, heard, gaps = str(uuid4()), [], []
    edge = service_keys.broker("gateway-edge", kafka_bootstrap)
    tail = Tail(edge, [StoreCreated.topic], lambda e: heard.append(e.name), lambda: gaps.append(1))
    producer = Producer(saying)
    async with running(tail.run()):
        while len(gaps) < 2:
            await asyncio.sleep(0.05)
        forged = store(clock, f"{run}-forged")
        await said_by(edge, StoreCreated.topic, [(forged.subject, forged.encode())])
        async with asyncio.timeout(20):
            while f"{run}-true" not in heard:
                await send(producer, store(clock, f"{run}-true"))
                await asyncio.sleep(0.1)
    assert not [name for name in heard if name == f"{run}-forged"]
    await producer.aclose()


# --- what is older than the inbox remembers

HANDLED = """
INSERT INTO inbox (tenant_id, consumer, event_id, handled_at)
VALUES ($1, $2, $3, now() - $4::interval)
"""


def counted(consumer, why):
    labels = {"consumer": consumer, "topic": StoreCreated.topic, "why": why}
    return REGISTRY.get_sample_value("events_parked_total", labels)


def aged(clock, name, days):
    """An event that happened that many days ago (negative: that is to happen)."""
    event = store(clock, name)
    return event.model_copy(update={"occurred_at": clock.now() - timedelta(days=days)})


@pytest.mark.asyncio
async def test_nothing_takes_effect_twice_however_old_it_is_when_it_comes_again(
    db, clock, consumer, written, saying, hearing, database
):
    """Each was handled when it happened; the inbox has forgotten some of them since."""
    run, group = str(uuid4()), f"test-{uuid4()}"
    ages = (0, 1, 7, 14, 20, 27, 29, 31, 45, 400)
    events = {age: aged(clock, f"{run}-{age}", age) for age in ages}
    for age, event in events.items():
        words = event.tenant_id, group, event.event_id, timedelta(days=age)
        await database.execute(HANDLED, *words)
    await inbox.purge(db)
    async with (
        aclosing(Producer(saying)) as producer,
        running(consumer(group).run()),
        parked_events(hearing) as parked,
    ):
        await send(producer, *events.values(), store(clock, f"{run}-new"))
        for age in (29, 31, 45, 400):
            record = await parked(events[age].subject)
            assert record.value == events[age].encode()
            assert ("parked", f"{group}: Stale".encode()) in record.headers
        assert await written(run, 1) == [f"{run}-new"]
    assert counted(group, "Stale") == 4


@pytest.mark.asyncio
async def test_what_comes_late_after_a_long_outage_takes_effect(clock, consumer, written, saying):
    """The broker keeps an event for a week, and the outbox longer while it cannot be said."""
    run = str(uuid4())
    late = [aged(clock, f"{run}-{days:02}", days) for days in (-0.01, 8, 15, 27)]
    async with aclosing(Producer(saying)) as producer, running(consumer().run()):
        await send(producer, *late)
        assert await written(run, 4) == sorted(event.name for event in late)


@pytest.mark.asyncio
async def test_what_is_dated_ahead_would_outlive_the_memory_and_is_parked(
    clock, consumer, written, saying, hearing
):
    run = str(uuid4())
    ahead = aged(clock, f"{run}-ahead", -3)
    async with (
        aclosing(Producer(saying)) as producer,
        running(consumer().run()),
        parked_events(hearing) as parked,
    ):
        await send(producer, ahead, store(clock, f"{run}-new"))
        assert await written(run, 1) == [f"{run}-new"]
        assert (await parked(ahead.subject)).value == ahead.encode()


@pytest.mark.asyncio
async def test_an_operator_lets_an_old_event_take_effect_on_purpose(
    db, deps, clock, written, saying, hearing, service_keys, monkeypatch
):
    """The runbook's way: EVENTS_MAX_AGE_DAYS raised, the parked copy sent back as it is."""
    run, group = str(uuid4()), f"test-{uuid4()}"
    old = aged(clock, f"{run}-old", 100)
    async with aclosing(Producer(saying)) as producer, parked_events(hearing) as parked:
        async with running(Consumer(db, notes(group), deps, hearing).run()):
            await send(producer, old)
            record = await parked(old.subject)
        monkeypatch.setenv("EVENTS_MAX_AGE_DAYS", "101")
        config = BaseConfig(
            kafka_bootstrap=hearing.bootstrap,
            service_key_file=service_keys.key_file("order"),
            service_trust_file=service_keys.trust_file,
        )
        patient = kafka.broker(config, "order")
        async with running(Consumer(db, notes(group), deps, patient).run()):
            again = [(record.key.decode(), record.value)]
            await said_by(hearing, StoreCreated.topic, again, record.headers)
            assert await written(run, 1) == [f"{run}-old"]


# --- last, as its poison stays on the topic: whoever reads that from its start tries it again


@pytest.mark.asyncio
async def test_poison_is_parked_and_its_neighbours_take_effect(
    clock, consumer, written, saying, hearing, kafka_bootstrap
):
    """F23: events that cannot be digested, one that is no event at all, one unknown type."""
    run, key = str(uuid4()), uuid4()
    producer = Producer(saying)
    await send(producer, store(clock, f"{run}-a", key))
    async with running(consumer().run()), parked_events(hearing) as parked:
        await written(run, 1)
        await send(producer, store(clock, "poison", key), store(clock, "lost file", key))
        unknown = {"specversion": "1.0", "type": "later.invented.v9", "id": str(uuid4())}
        await producer.send_batch(
            StoreCreated.topic,
            [(str(key), b"not json"), (str(key), json.dumps(unknown).encode())],
        )
        await send(producer, store(clock, f"{run}-b", key))
        assert await written(run, 2) == [f"{run}-a", f"{run}-b"]
        records = [await parked(key) for _ in range(3)]
    whys = [dict(record.headers)["parked"].split(b": ")[1] for record in records]
    # Unproven and broken ones are set aside before the others of their batch are tried.
    assert sorted(whys) == [b"FileNotFoundError", b"ValueError", b"ValueError"]
    assert {b"not json"} < {record.value for record in records}
    await producer.aclose()
