"""A real edge before the real services of binding, device and payment, each with its database. What
the services say reaches the edge when the test hands it over, so a race can be anywhere between."""

import asyncio
import itertools
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace

import pytest_asyncio
from aiohttp import web
from multidict import CIMultiDict

from gateway.config import EdgeConfig
from gateway.edge import Edge
from gateway.server.asgi import HttpApp
from gateway.server.static import StaticFiles
from services.device.devices.service import record_stores
from services.payment.app import create_app
from services.payment.config import PaymentConfig
from services.payment.payments import repo
from services.payment.payments.service import finish_calls
from shared.contracts.events import decode
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import AppBound, StoreCreated
from tests.fixtures.links import LinkFront
from tests.integration.binding.conftest import service_app as binding_app  # noqa: F401
from tests.integration.device.conftest import service_app as device_app  # noqa: F401
from tests.integration.payment.conftest import egress  # noqa: F401
from tests.integration.served import callers, served
from tests.unit.gateway.neighbours import Neighbour

SERVICES = ("binding", "device", "payment")


@pytest_asyncio.fixture(scope="module")
async def payment_app(kept_db, standing_clock, service_keys, egress):  # noqa: F811
    place = await kept_db("payment")
    config = PaymentConfig(
        DATABASE_URL_PAYMENT=place.app_url,
        DATABASE_SYSTEM_URL_PAYMENT=place.system_url,
        egress_url=egress.url,
        kafka_bootstrap="127.0.0.1:1",
        service_key_file=service_keys.key_file("payment"),
        service_trust_file=service_keys.trust_file,
    )
    app = create_app(config, standing_clock)
    async with served(app, "payment") as client:
        yield app, client


@asynccontextmanager
async def behind_http(client):
    """The service's door on a port: its address. What the edge looks up is on its way for up to
    16 ms after it was read, so that an event may overtake it."""
    ways_s = itertools.cycle((0.0, 0.008, 0.016))

    async def forward(request):
        answer = await client.request(
            request.method, request.raw_path, content=await request.read(),
            headers=[(name, value) for name, value in request.headers.items() if name != "Host"],
        )  # fmt: skip
        if request.path.startswith("/internal/"):
            await asyncio.sleep(next(ways_s))
        kept = [(n, v) for n, v in answer.headers.multi_items() if n != "content-length"]
        return web.Response(
            status=answer.status_code, body=answer.content, headers=CIMultiDict(kept)
        )

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    front = LinkFront()
    try:
        yield f"http://127.0.0.1:{await front.start(runner.addresses[0][1])}"
    finally:
        await front.stop()
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module")
async def urls(binding_app, device_app, payment_app):  # noqa: F811
    clients = {"binding": binding_app[2], "device": device_app[1], "payment": payment_app[1]}
    async with AsyncExitStack() as stack:
        found = {
            name: await stack.enter_async_context(behind_http(client))
            for name, client in clients.items()
        }
        away = await Neighbour().start()
        away.on("GET", "/api/pos/v1/orders", {"items": []})
        yield found | {"campaign": away.url, "order": away.url}
        await away.stop()


@pytest_asyncio.fixture
async def town(
    urls, binding_app, device_app, payment_app, egress, service_db, service_keys,  # noqa: F811
    kek_file, clock, monkeypatch, tmp_path,
):  # fmt: skip
    """.edge, .door; .callers["device"](kind=…): somebody at a service's own door; .databases;
    `await .heard()`: the edge hears what was said since the last time."""
    databases = {name: service_db(name) for name in SERVICES}
    for database in databases.values():
        await database.truncate()
    egress.forget()
    settings = {
        "KAFKA_BOOTSTRAP": "127.0.0.1:9", "KEK_FILE": str(kek_file), "QUOTA_SCALE": "1000",
        "SERVICE_TRUST_FILE": str(service_keys.trust_file), "PUBLIC_URL": "https://pay.example.test",
        "SERVICE_KEY_FILE": str(service_keys.key_file("gateway-edge")),
        **{f"{name.upper()}_URL": url for name, url in urls.items()},
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("gateway.edge.StaticFiles", lambda: StaticFiles(tmp_path / "no-console"))
    edge = Edge(EdgeConfig(), clock)
    edge._refusal_delay.base_s = 0
    told = dict.fromkeys(SERVICES, 0)

    async def heard():
        for name, database in databases.items():
            rows = await database.fetch(
                "SELECT seq, payload FROM outbox WHERE seq > $1 ORDER BY seq", told[name]
            )
            for row in rows:
                told[name] = row["seq"]
                edge.on_event(decode(row["payload"]))

    clients = {"binding": binding_app[2], "device": device_app[1], "payment": payment_app[1]}
    yield SimpleNamespace(
        clock=clock, edge=edge, door=HttpApp(edge.handle, edge.lifespan), databases=databases,
        egress=egress, heard=heard, deps=payment_app[0].state.deps,
        callers={
            name: callers(client, name, service_keys, clock) for name, client in clients.items()
        },
    )  # fmt: skip
    await finish_calls(payment_app[0].state.deps)
    await edge.aclose()


@pytest_asyncio.fixture
async def store(town, device_app, clock):  # noqa: F811
    """store(tenant_id, store_id): device and payment have heard of it, and payment of an app."""

    async def make(tenant_id, store_id):
        created = StoreCreated(**stamp(tenant_id, clock), store_id=store_id, name="一店")
        bound = AppBound(
            **stamp(tenant_id, clock), app_id="2021000000000001", seller_id="2088000000000001",
            notify_route="route", key_version=1, enabled=True,
        )  # fmt: skip
        async with device_app[0].state.deps.db.pg(None) as pg:
            await record_stores(pg, [created])
        async with town.deps.db.pg(None) as pg:
            await repo.upsert_stores(pg, [created])
            await repo.upsert_apps(pg, [bound])

    return make
