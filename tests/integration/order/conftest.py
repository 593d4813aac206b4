"""The order service on a database of its own: events in, the console's door out."""

import itertools
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from services.order.app import create_app
from services.order.config import OrderConfig
from services.order.consumers import handlers
from services.order.deps import Deps
from shared import invariants
from shared.consumer import Consumer
from shared.contracts.events.payment import PaymentRefunded, PaymentSucceeded
from shared.db import Database

INVARIANTS = {
    name: sql.replace("2 days", "100 years")  # the clock of these tests stands still
    for name, sql in invariants.of("services/order/worker.py").items()
}


@pytest_asyncio.fixture
async def place(kept_db):
    found = await kept_db("order")
    await found.truncate()
    return found


@pytest_asyncio.fixture
async def db(place):
    opened = Database(place.app_url, place.system_url, pool_size=5, name="test")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def deliver(db, clock, service_keys):
    """deliver(events): one consumer transaction per run of one type, as the worker does it."""
    consumer = Consumer(db, handlers, Deps(db, clock), service_keys.broker("order", "127.0.0.1:1"))

    async def run(*events):
        for kind, same in itertools.groupby(events, key=lambda event: event.type):
            await consumer._transaction(handlers.by_type[kind], list(same))

    return run


class Shop:
    """Payments of one merchant, told as events; each fact of a payment agrees with the others."""

    def __init__(self, sample_event, tenant_id=None):
        self.tenant_id = tenant_id or uuid4()
        self._sample = sample_event

    def say(self, event, payment_id, **members):
        base = {
            "tenant_id": self.tenant_id,
            "event_id": uuid4(),
            "payment_id": payment_id,
            "out_trade_no": f"OUT{payment_id.hex[:24].upper()}",
            "scene": "face",
            "total_fen": 1000,
            "payable_fen": 1000,
        }
        if "trade_no" in event.model_fields:
            base["trade_no"] = f"2026{payment_id.hex[-20:]}"
        return self._sample(event, **{**base, **members})

    def paid(self, payment_id=None, **members) -> PaymentSucceeded:
        return self.say(PaymentSucceeded, payment_id or uuid4(), **members)

    def refunded(self, payment_id: UUID, total_fen: int, **members) -> PaymentRefunded:
        members.setdefault("refund_fen", total_fen)
        members.setdefault("refund_id", uuid4())
        return self.say(
            PaymentRefunded,
            payment_id,
            refunded_total_fen=total_fen,
            is_full=total_fen >= members.get("payable_fen", 1000),
            **members,
        )


@pytest.fixture
def shop(sample_event):
    return Shop(sample_event)


@pytest.fixture
def other_shop(sample_event):
    return Shop(sample_event)


@pytest.fixture
def hold(place):
    """Every invariant of this service returns no row."""

    async def check():
        for name, sql in INVARIANTS.items():
            assert await place.fetch(sql) == [], name

    return check


@pytest.fixture
def console(place, service_keys, clock):
    """console(tenant) -> an HTTP client with that merchant's token."""

    @asynccontextmanager
    async def open_for(tenant_id, permissions=("orders.read",), kind="user", store_ids=()):
        config = OrderConfig(
            DATABASE_URL_ORDER=place.app_url,
            DATABASE_SYSTEM_URL_ORDER=place.system_url,
            kafka_bootstrap="127.0.0.1:1",
            service_key_file=service_keys.key_file("order"),
            service_trust_file=service_keys.trust_file,
        )
        app = create_app(config, clock)
        token = service_keys.signer("gateway-edge", clock).issue(
            "order", kind=kind, subject=str(uuid4()), tenant_id=tenant_id, permissions=permissions,
            store_ids=store_ids,
        )  # fmt: skip
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://order",
                headers={"Authorization": f"Bearer {token}"},
            ) as client,
        ):
            yield client

    return open_for


async def got(client, path, **asked):
    """What a door answers to somebody who may ask."""
    answer = await client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()
