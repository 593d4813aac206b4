"""The campaign service on a database of its own: events in, the device's door out."""

import itertools
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from services.campaign.app import create_app
from services.campaign.config import CampaignConfig
from services.campaign.consumers import handlers
from services.campaign.deps import Deps
from shared import invariants
from shared.consumer import Consumer
from shared.contracts.events.payment import PaymentRefunded, PaymentSucceeded
from shared.db import Database

INVARIANTS = {
    name: sql.replace("2 days", "100 years")  # the clock of these tests stands still
    for name, sql in invariants.of("services/campaign/worker.py").items()
}


@pytest_asyncio.fixture
async def place(kept_db):
    found = await kept_db("campaign")
    await found.truncate()
    return found


@pytest_asyncio.fixture
async def db(place):
    opened = Database(place.app_url, place.system_url, pool_size=5, name="test")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def deps(db, clock):
    return Deps(db, clock)


@pytest.fixture
def deliver(db, deps, service_keys):
    """deliver(events): one consumer transaction per run of one type, as the worker does it."""
    consumer = Consumer(db, handlers, deps, service_keys.broker("campaign", "127.0.0.1:1"))

    async def run(*events):
        for kind, same in itertools.groupby(events, key=lambda event: event.type):
            await consumer._transaction(handlers.by_type[kind], list(same))

    return run


class Shop:
    """One merchant with a store and a device, and payments on it told as events."""

    def __init__(self, sample_event):
        self.tenant_id, self.store_id, self.device_id = uuid4(), uuid4(), uuid4()
        self._sample = sample_event

    def say(self, event, payment_id=None, **members):
        base = {
            "tenant_id": self.tenant_id,
            "event_id": uuid4(),
            "payment_id": payment_id or uuid4(),
            "store_id": self.store_id,
            "device_id": self.device_id,
        }
        known = {name: value for name, value in base.items() if name in event.model_fields}
        return self._sample(event, **{**known, **members})

    def paid(self, payment_id=None, **members) -> PaymentSucceeded:
        """By a buyer who has not bought before, unless told otherwise."""
        buyer = {"buyer_id": f"2088{uuid4().hex[:12]}"}
        return self.say(PaymentSucceeded, payment_id, **(buyer | members))

    def refunded(self, payment_id, *, is_full=True) -> PaymentRefunded:
        return self.say(PaymentRefunded, payment_id, is_full=is_full)


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


class Door:
    """The device's two calls, each under a token with its own nonce, as the edge makes them."""

    def __init__(self, client, signer, shop, device_id):
        self._client, self._signer, self._shop = client, signer, shop
        self._device_id = device_id

    def headers(self, nonce=None):
        token = self._signer.issue(
            "campaign",
            kind="device",
            subject=str(self._device_id),
            tenant_id=self._shop.tenant_id,
            store_id=self._shop.store_id,
            nonce=nonce,
        )
        return {"Authorization": f"Bearer {token}"}

    async def reward(self, payment_id):
        return await self._client.get(
            f"/api/device/v1/rewards/{payment_id}", headers=self.headers()
        )

    async def draw(self, payment_id, nonce=None):
        return await self._client.post(
            f"/api/device/v1/rewards/{payment_id}/draw",
            headers=self.headers(nonce or uuid4().hex),
        )


@pytest.fixture
def app(place, service_keys, clock):
    config = CampaignConfig(
        DATABASE_URL_CAMPAIGN=place.app_url,
        DATABASE_SYSTEM_URL_CAMPAIGN=place.system_url,
        kafka_bootstrap="127.0.0.1:1",
        service_key_file=service_keys.key_file("campaign"),
        service_trust_file=service_keys.trust_file,
    )
    return create_app(config, clock)


@pytest.fixture
def device(app, service_keys, clock):
    """device(shop) -> its Door; device(shop, some_id) -> another device of that shop."""
    signer = service_keys.signer("gateway-edge", clock)

    @asynccontextmanager
    async def open_for(shop, device_id=None):
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://campaign"
            ) as client,
        ):
            yield Door(client, signer, shop, device_id or shop.device_id)

    return open_for


@pytest.fixture
def console(app, service_keys, clock):
    """console(tenant) -> an HTTP client with that merchant's token."""
    signer = service_keys.signer("gateway-edge", clock)

    @asynccontextmanager
    async def open_for(tenant_id, permissions=("campaigns.read",), kind="user"):
        token = signer.issue(
            "campaign",
            kind=kind,
            subject=str(uuid4()),
            tenant_id=tenant_id,
            permissions=permissions,
        )
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://campaign",
                headers={"Authorization": f"Bearer {token}"},
            ) as client,
        ):
            yield client

    return open_for
