"""The commands as they are started: the worker hears, sweeps, relays and stops; the API answers."""

import asyncio
import os
import signal
import subprocess
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from shared.contracts.events import decode
from shared.errors import Unavailable
from shared.kafka import Producer
from tests.integration.payment.commands import COMMAND, ready, start
from tests.integration.payment.egress import PAY, QUERY, answer


async def heard(bootstrap, payment_id):
    """The first event about that payment on the real topic."""
    consumer = AIOKafkaConsumer(
        "payment.events", bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            event = decode(record.value)
            if event.subject == payment_id:
                return event
    finally:
        await consumer.stop()


@pytest.mark.kafka
@pytest.mark.asyncio
async def test_the_worker_hears_sweeps_relays_and_stops(
    settings, kafka_bootstrap, service_keys, shop
):
    till = await shop.till(is_bound=False)
    bound = shop.bound(till.tenant_id, app_id=f"2021{uuid4().int % 10**12:012d}")
    producer = Producer(service_keys.broker("binding", kafka_bootstrap))
    process, url = start("worker", {**settings, "KAFKA_BOOTSTRAP": kafka_bootstrap})
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    await producer.send_batch(bound.topic, [(bound.subject, bound.encode())])
                    break
                except Unavailable:
                    await asyncio.sleep(0.2)
            await ready(process, url)
            while (answer := await till.post(till.body())).status_code == 409:
                await asyncio.sleep(0.1)
            assert answer.json()["status"] == "paid"
            shop.egress.next(PAY, "lost_answer")
            first = await till.pay()
            assert first["status"] == "pending"
            while await till.status(first["pay_request_id"]) != "paid":
                await asyncio.sleep(0.1)
            event = await heard(kafka_bootstrap, first["payment_id"])
        assert event.type == "payment.succeeded.v1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=40) == 0
    finally:
        process.kill()
        process.wait()
        await producer.aclose()


@pytest.mark.parametrize("is_known", [True, False], ids=["old key known", "old key gone"])
@pytest.mark.asyncio
async def test_an_api_killed_in_mid_call_leaves_the_key_of_the_call(settings, shop, till, is_known):
    """F37: the keys are rotated before anybody asks what became of it. The version that was pinned
    asks first; where Alipay no longer knows that key, the newest does. One payment, one capture."""
    answered = asyncio.Event()
    shop.egress.next(PAY, answered)
    process, url = start("api", {**settings, "KAFKA_BOOTSTRAP": "127.0.0.1:1"})
    body = till.body(700)
    try:
        await ready(process, url)
        async with httpx.AsyncClient(timeout=30) as http, asyncio.timeout(30):
            headers = till.device_headers(None)
            paying = asyncio.ensure_future(
                http.post(f"{url}/api/device/v1/payments", json=body, headers=headers)
            )
            while not shop.egress.asked:
                await asyncio.sleep(0.01)
            process.kill()
            with pytest.raises(httpx.TransportError):
                await paying
    finally:
        process.kill()
        process.wait()
    answered.set()  # Alipay takes the money, and nobody hears it
    await shop.rotate(till, 2)
    left = (await shop.place.fetch("SELECT * FROM payments"))[0]
    assert (left["state"], left["key_version"]) == ("SUBMITTED", 1)
    unknown = answer("config_error", code="40002", sub_code="isv.invalid-signature")
    if not is_known:
        shop.egress.next(QUERY, unknown | {"key_version": 1})
    await shop.age(left["payment_id"], 30)
    await shop.sweep()
    assert await till.status(body["pay_request_id"]) == "paid"
    asked = [sent.get("key_version") for method, sent in shop.egress.asked if method == QUERY]
    assert asked == ([1] if is_known else [1, None])
    assert shop.egress.captured() == {left["out_trade_no"]: 700}
    assert await shop.broken() == {}


@pytest.mark.asyncio
async def test_the_api_answers_and_stops(settings):
    process, url = start("api", {**settings, "KAFKA_BOOTSTRAP": "127.0.0.1:1"})
    try:
        await ready(process, url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=40) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()


def test_what_is_missing_is_named_in_one_line():
    done = subprocess.run(
        [*COMMAND, "api"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    for name in ("DATABASE_URL_PAYMENT", "EGRESS_URL", "KAFKA_BOOTSTRAP", "SERVICE_TRUST_FILE"):
        assert name in done.stderr
