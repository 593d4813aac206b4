"""The commands as they are started: worker, API, and what they say when told too little."""

import asyncio
import os
import signal
import subprocess
import sys
from uuid import uuid4

import httpx
import pytest

from shared.clock import SystemClock
from shared.errors import Unavailable
from shared.kafka import Producer
from tests.fixtures.postgres import die_with_parent, free_port

COMMAND = [sys.executable, "-m", "services.campaign"]


def start(command, settings):
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, command],
        env={"PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{port}", **settings},
        stdout=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509
    )
    return process, f"http://127.0.0.1:{port}/readyz"


async def ready(process, url):
    async with httpx.AsyncClient() as client, asyncio.timeout(90):
        while True:
            assert process.poll() is None
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


def ended(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=40)


def told(word):
    return subprocess.run(
        [*COMMAND, word],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def settings(place, service_keys, kafka_bootstrap):
    return {
        "DATABASE_URL_CAMPAIGN": place.app_url,
        "DATABASE_SYSTEM_URL_CAMPAIGN": place.system_url,
        "KAFKA_BOOTSTRAP": kafka_bootstrap,
        "KAFKA_FETCH_MAX_WAIT_MS": "20",
        "SERVICE_KEY_FILE": str(service_keys.key_file("campaign")),
        "SERVICE_TRUST_FILE": str(service_keys.trust_file),
    }


@pytest.mark.kafka
@pytest.mark.asyncio
async def test_the_worker_hears_and_stops(
    settings, place, kafka_bootstrap, service_keys, shop, hold
):
    event = shop.paid(uuid4(), occurred_at=SystemClock().now())
    producer = Producer(service_keys.broker("payment", kafka_bootstrap))
    process, url = start("worker", settings)
    try:
        async with asyncio.timeout(45):
            while True:
                try:
                    await producer.send_batch(event.topic, [(event.subject, event.encode())] * 2)
                    break
                except Unavailable:
                    await asyncio.sleep(0.2)
            await ready(process, url)
            heard = "SELECT count(*) FROM coupons WHERE tenant_id = $1"
            while await place.value(heard, shop.tenant_id) != 1:
                await asyncio.sleep(0.1)
        assert ended(process) == 0
        await hold()
    finally:
        process.kill()
        process.wait()
        await producer.aclose()


@pytest.mark.asyncio
async def test_the_api_answers_and_stops(settings):
    process, url = start("api", settings)
    try:
        await ready(process, url)
        # uvicorn finishes what runs, then hands the signal on: the supervisor sees who asked.
        assert ended(process) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()


def test_what_is_missing_is_named_in_one_line():
    done = told("api")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    for name in ("DATABASE_URL_CAMPAIGN", "KAFKA_BOOTSTRAP", "SERVICE_TRUST_FILE"):
        assert name in done.stderr


def test_help():
    done = told("--help")
    assert done.returncode == 0
    assert "migrate" in done.stdout
