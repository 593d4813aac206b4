"""The commands as they are started: worker, API, and what they say when told too little."""

import asyncio
import signal
from uuid import uuid4

import pytest

from shared.clock import SystemClock
from shared.errors import Unavailable
from shared.kafka import Producer
from tests.integration.started import Started, settings_of, told

SERVICE = "campaign"


@pytest.fixture
def settings(place, service_keys, kafka_bootstrap):
    return settings_of(SERVICE, place, service_keys, kafka_bootstrap)


@pytest.mark.kafka
@pytest.mark.asyncio
async def test_the_worker_hears_and_stops(
    settings, place, kafka_bootstrap, service_keys, shop, hold
):
    event = shop.paid(uuid4(), occurred_at=SystemClock().now())
    producer = Producer(service_keys.broker("payment", kafka_bootstrap))
    worker = Started(SERVICE, "worker", settings)
    try:
        async with asyncio.timeout(45):
            while True:
                try:
                    await producer.send_batch(event.topic, [(event.subject, event.encode())] * 2)
                    break
                except Unavailable:
                    await asyncio.sleep(0.2)
            await worker.ready()
            heard = "SELECT count(*) FROM coupons WHERE tenant_id = $1"
            while await place.value(heard, shop.tenant_id) != 1:
                await asyncio.sleep(0.1)
        assert worker.ended() == 0
        await hold()
    finally:
        worker.kill()
        await producer.aclose()


@pytest.mark.asyncio
async def test_the_api_answers_and_stops(settings):
    api = Started(SERVICE, "api", settings)
    try:
        await api.ready()
        # uvicorn finishes what runs, then hands the signal on: the supervisor sees who asked.
        assert api.ended() in {0, -signal.SIGTERM}
    finally:
        api.kill()


def test_what_is_missing_is_named_in_one_line():
    done = told(SERVICE, "api")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    for name in ("DATABASE_URL_CAMPAIGN", "KAFKA_BOOTSTRAP", "SERVICE_TRUST_FILE"):
        assert name in done.stderr


def test_migrating_asks_for_the_database_alone():
    done = told(SERVICE, "migrate")
    assert done.returncode == 2
    assert done.stderr == "MigrateConfig: DATABASE_URL_CAMPAIGN: Field required\n"


def test_help():
    done = told(SERVICE, "--help")
    assert done.returncode == 0
    assert "migrate" in done.stdout
