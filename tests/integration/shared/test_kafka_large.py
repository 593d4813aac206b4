"""An event that is too large to be sent, or to be parked whole, stops nothing and can be found.

Runs against the embedded broker, and with KAFKA_BOOTSTRAP against a real Apache Kafka.
"""

import asyncio
from contextlib import aclosing
from uuid import uuid4

import pytest
import structlog
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from prometheus_client import REGISTRY

from shared import outbox
from shared.contracts.events.binding import StoreCreated
from shared.kafka import Producer
from shared.outbox import Relay
from tests.integration.shared.test_kafka import (
    consumer,
    hearing,
    parked_events,
    running,
    saying,
    send,
    store,
    written,
)

__all__ = ["consumer", "hearing", "saying", "written"]  # fixtures

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

SENT_AT_MOST = 1024 * 1024
"""The largest record that a producer sends."""


def largest(key):
    """The value of the largest record of that key without headers: its copy has one."""
    held = DefaultRecordBatchBuilder.estimate_size_in_bytes(key.encode(), b"x" * SENT_AT_MOST, [])
    return b"x" * (2 * SENT_AT_MOST - held)


@pytest.mark.asyncio
async def test_poison_too_large_for_a_copy_is_named_and_its_neighbours_take_effect(
    clock, consumer, written, saying, hearing
):
    run, key, group = str(uuid4()), str(uuid4()), f"test-{uuid4()}"
    async with (
        aclosing(Producer(saying)) as producer,
        running(consumer(group).run()),
        parked_events(hearing) as parked,
    ):
        await send(producer, store(clock, f"{run}-a", key))
        await written(run, 1)
        ((partition, offset),) = await producer.send_batch(
            StoreCreated.topic, [(key, largest(key))], []
        )
        await send(producer, store(clock, f"{run}-b", key))
        assert await written(run, 2) == [f"{run}-a", f"{run}-b"]
        record = await parked("")
    assert record.value == b""
    place = {"topic": StoreCreated.topic, "partition": partition, "offset": offset}
    why = f"{group}: Unproven, too large to copy: {place}"
    assert record.headers == (("parked", why.encode()),)
    labels = {"consumer": group, "topic": StoreCreated.topic}
    assert REGISTRY.get_sample_value("events_not_copied_total", labels) == 1


@pytest.mark.asyncio
async def test_an_event_too_large_to_be_sent_is_named_once_and_the_others_are_published(
    db, database, clock, saying
):
    labels = {"topic": StoreCreated.topic}
    before = REGISTRY.get_sample_value("outbox_too_large_total", labels) or 0
    small, too_large = store(clock, "a"), store(clock, "x" * SENT_AT_MOST)
    unpublished = "SELECT event_id FROM outbox WHERE published_at IS NULL"

    async def add(*events):
        for event in events:
            async with db.tx(event.tenant_id) as tx:
                await outbox.add(tx, event)

    async def the_others_are_published():
        async with asyncio.timeout(30):
            while [row["event_id"] for row in await database.fetch(unpublished)] != [
                too_large.event_id
            ]:
                await asyncio.sleep(0.05)

    await add(small, too_large, store(clock, "b"))
    async with aclosing(Producer(saying)) as producer:
        with structlog.testing.capture_logs() as lines:
            relay = Relay(db, producer, StoreCreated.topic, idle_poll_s=0.06)
            async with running(relay.run()):
                await the_others_are_published()
                await add(store(clock, "c"))
                await the_others_are_published()
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert (line["event"], line["event_id"]) == ("relay.too_large", str(too_large.event_id))
    assert REGISTRY.get_sample_value("outbox_too_large_total", labels) == before + 1
