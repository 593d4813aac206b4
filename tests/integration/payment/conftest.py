"""The payment service on a database of its own, its real API, and an egress over real links."""

import asyncio
import json
import random
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from services.payment.app import create_app
from services.payment.config import PaymentConfig
from services.payment.payments import repo, service, settlement, store
from services.payment.payments.service import finish_calls
from services.payment.sweeper import Sweeper
from shared.clock import SystemClock
from shared.contracts.events import decode
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import AppBound, StoreCreated
from tests.integration.payment.egress import Egress

PAYMENTS = "/api/device/v1/payments"
APP_ID, SELLER_ID = "2021000000000001", "2088000000000001"
INVARIANTS = sorted(Path("services/payment/invariants").glob("*.sql"))


def face_code():
    return "fp" + secrets.token_hex(16) + "Z"


def bar_code():
    return "28" + "".join(random.choices("0123456789", k=16))


def sale(shop, till, **members):
    """A payment of this till as the store is given it; `members` replace those of the row."""
    new = service.new_payment(
        shop.deps,
        tenant_id=till.tenant_id,
        device_id=till.device_id,
        own_store_id=till.store_id,
        nonce=secrets.token_hex(16),
        pay_request_id=f"r{secrets.token_hex(8)}",
        amount_fen=1207,
        auth_code=face_code(),
        subject=None,
        store_id=None,
        order_ref=None,
        terminal_params=None,
    )
    return replace(new, **members)


class Till:
    """One device of one merchant, and the merchant's console, through the API's own doors."""

    def __init__(self, http, keys, tenant_id, store_id):
        self.http = http
        self.tenant_id, self.store_id, self.device_id = tenant_id, store_id, uuid4()
        self._edge = keys.signer("gateway-edge")

    def device_headers(self, nonce=None):
        token = self._edge.issue(
            "payment",
            kind="device",
            subject=str(self.device_id),
            tenant_id=self.tenant_id,
            store_id=self.store_id,
            nonce=nonce or secrets.token_hex(16),
        )
        return {"Authorization": f"Bearer {token}"}

    def user_headers(self, *permissions, store_ids=(), **members):
        members = {"subject": str(uuid4()), "name": "李雷"} | members
        members.setdefault("step_up_until", datetime.now(UTC) + timedelta(hours=1))
        token = self._edge.issue(
            "payment",
            kind="user",
            tenant_id=self.tenant_id,
            permissions=permissions or ("payments.read", "payments.refund"),
            store_ids=store_ids,
            **members,
        )
        return {"Authorization": f"Bearer {token}"}

    def body(self, amount_fen=1207, **members):
        return {
            "pay_request_id": f"r{secrets.token_hex(8)}",
            "amount_fen": amount_fen,
            "auth_code": face_code(),
            **members,
        }

    async def post(self, body, *, nonce=None):
        return await self.http.post(
            PAYMENTS, content=json.dumps(body), headers=self.device_headers(nonce)
        )

    async def pay(self, amount_fen=1207, **members):
        answer = await self.post(self.body(amount_fen, **members))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, pay_request_id):
        return await self.http.get(f"{PAYMENTS}/{pay_request_id}", headers=self.device_headers())

    async def status(self, pay_request_id):
        return (await self.get(pay_request_id)).json()["status"]

    async def stop(self, pay_request_id, *, nonce=None):
        return await self.http.post(
            f"{PAYMENTS}/{pay_request_id}/cancel", headers=self.device_headers(nonce)
        )

    async def refund(self, payment_id, amount_fen, refund_request_id=None, headers=None, **members):
        body = {
            "refund_request_id": refund_request_id or f"f{secrets.token_hex(8)}",
            "amount_fen": amount_fen,
            **members,
        }
        return await self.http.post(
            f"/api/merchant/v1/payments/{payment_id}/refunds",
            content=json.dumps(body),
            headers=headers or self.user_headers(),
        )

    async def retry(self, payment_id, refund_request_id, **members):
        return await self.http.post(
            f"/api/merchant/v1/payments/{payment_id}/refunds/{refund_request_id}/retry",
            headers=members.pop("headers", None) or self.user_headers(**members),
        )

    async def refunds(self, *permissions, headers=None, **asked):
        """A page of the list: the answer itself."""
        headers = headers or self.user_headers(*permissions)
        return await self.http.get("/api/merchant/v1/refunds", params=asked, headers=headers)

    async def notify(self, *documents, **document):
        """Hands over one verified notice, or several at once, of this merchant."""
        items = [{"tenant_id": str(self.tenant_id), **one} for one in documents or (document,)]
        token = self._edge.issue("payment", kind="service", subject="gateway-edge")
        return await self.http.post(
            "/internal/notify",
            json={"items": items},
            headers={"Authorization": f"Bearer {token}"},
        )


class Shop:
    """The service under test with everything around it."""

    def __init__(self, place, app, http, keys, egress):
        self.place, self.app, self.http, self.egress = place, app, http, egress
        self._keys = keys

    @property
    def deps(self):
        return self.app.state.deps

    async def till(self, *, tenant_id=None, is_bound=True):
        """A device of a (new) merchant whose store and app are known here."""
        tenant_id, store_id = tenant_id or uuid4(), uuid4()
        members = stamp(tenant_id, SystemClock())
        async with self.deps.db.pg(None) as pg:
            await repo.upsert_stores(pg, [StoreCreated(**members, store_id=store_id, name="一店")])
            if is_bound:
                await repo.upsert_apps(pg, [self.bound(tenant_id)])
        return Till(self.http, self._keys, tenant_id, store_id)

    @staticmethod
    def bound(tenant_id, *, app_id=APP_ID, enabled=True, key_version=1):
        return AppBound(
            **stamp(tenant_id, SystemClock()),
            app_id=app_id,
            seller_id=SELLER_ID,
            notify_route="route",
            key_version=key_version,
            enabled=enabled,
        )

    async def rotate(self, till, version):
        """The app's next key counts, and binding has said so."""
        self.egress.signs_with = version
        async with self.deps.db.pg(None) as pg:
            await repo.upsert_apps(pg, [self.bound(till.tenant_id, key_version=version)])

    async def sweep(self, rounds=1):
        """What the worker does with everything that is due now, one round after the other."""
        for _ in range(rounds):
            sweeper = Sweeper(self.deps)
            await asyncio.gather(*(work() for work in await sweeper._due()))

    async def age(self, payment_id, seconds):
        """Lets time pass for one payment: the database's clock cannot be moved, its row can."""
        moved = ", ".join(
            f"{name} = {name} - make_interval(secs => $2)"
            for name in (
                "created_at", "deadline_at", "pay_open_until", "cancelling_at", "next_poll_at",
                "lease_until",
            )
        )  # fmt: skip
        await self.place.execute(
            f"UPDATE payments SET {moved} WHERE payment_id = $1", payment_id, float(seconds)
        )

    async def row(self, payment_id):
        return (await self.place.fetch("SELECT * FROM payments WHERE payment_id = $1", payment_id))[
            0
        ]

    async def state(self, payment_id):
        return (await self.row(payment_id))["state"]

    async def events(self, payment_id=None):
        rows = await self.place.fetch(
            "SELECT payload FROM outbox WHERE $1::text IS NULL OR key = $1 ORDER BY seq",
            payment_id,
        )
        return [decode(row["payload"]) for row in rows]

    async def said(self, payment_id):
        return [event.type for event in await self.events(payment_id)]

    async def broken(self):
        """Invariants that do not hold, with the rows that break them."""
        found = {path.stem: await self.place.fetch(path.read_text()) for path in INVARIANTS}
        return {name: rows for name, rows in found.items() if rows}


@pytest_asyncio.fixture(scope="module")
async def egress():
    started = Egress()
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(scope="module")
async def config(kept_db, service_keys, egress):
    place = await kept_db("payment")
    return PaymentConfig(
        DATABASE_URL_PAYMENT=place.app_url,
        DATABASE_SYSTEM_URL_PAYMENT=place.system_url,
        DATABASE_OWNER_URL_PAYMENT=place.owner_url,
        egress_url=egress.url,
        kafka_bootstrap="127.0.0.1:1",
        service_key_file=service_keys.key_file("payment"),
        service_trust_file=service_keys.trust_file,
        alipay_timeout_ms=1000,
    )


@pytest.fixture
def settings(config):
    """The environment of a program that works on the same database with the same egress."""
    return {
        "DATABASE_URL_PAYMENT": config.database_url,
        "DATABASE_SYSTEM_URL_PAYMENT": config.database_system_url,
        "EGRESS_URL": config.egress_url,
        "SERVICE_KEY_FILE": str(config.service_key_file),
        "SERVICE_TRUST_FILE": str(config.service_trust_file),
    }


@pytest_asyncio.fixture(scope="module")
async def service_app(config):
    """The service, started once for the module: (app, HTTP client)."""
    app = create_app(config, SystemClock())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://payment", timeout=30
        ) as http,
    ):
        yield app, http


@pytest_asyncio.fixture
async def shop(service_app, service_db, service_keys, egress):
    app, http = service_app
    place = service_db("payment")
    await place.truncate()
    egress.forget()
    yield Shop(place, app, http, service_keys, egress)
    await finish_calls(app.state.deps)


@pytest_asyncio.fixture
async def till(shop):
    return await shop.till()


@pytest_asyncio.fixture
async def sweeping(shop):
    """The worker's sweeper, running."""
    task = asyncio.ensure_future(Sweeper(shop.deps).run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def new_lease():
    return settlement.new_lease()


async def leased(shop):
    """Leases everything due, as a worker would, and returns (at, payment, lease) triples."""
    lease = new_lease()
    found = await store.lease_payments(shop.deps.db, 100, lease, 15.0)
    return [(at, payment, lease) for at, payment in found]
