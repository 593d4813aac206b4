"""An event that is too large to be parked whole stops nothing, and can be found where it stands.

Runs against the embedded broker, and with KAFKA_BOOTSTRAP against a real Apache Kafka.
"""

from contextlib import aclosing
from uuid import uuid4

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from prometheus_client import REGISTRY

from shared.contracts.events.binding import StoreCreated
from shared.kafka import Producer
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
