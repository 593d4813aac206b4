"""The whole way of a sale in this process: only the device and Alipay are played."""

import asyncio
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest_asyncio
from aiohttp import web

from services.campaign.consumers import handlers as campaign_handlers
from services.campaign.service import Deps as CampaignDeps
from services.order.consumers import handlers as order_handlers
from services.order.service import Deps as OrderDeps
from services.payment.app import create_app
from services.payment.config import PaymentConfig
from services.payment.payments import repo
from services.payment.payments.service import finish_calls
from shared import tracing
from shared.consumer import Consumer
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import AppBound, StoreCreated
from shared.db import Database
from shared.kafka import Producer
from shared.outbox import Relay
from shared.serve import Traced
from tests.integration.served import served
from tests.unit.gateway.conftest import Town, town  # noqa: F401
from tests.unit.gateway.neighbours import (
    APP_ID,
    ROUTE,
    SELLER_ID,
    STORE,
    TENANT,
    Neighbour,
    answer_body,
    ask,
    device_headers,
)  # fmt: skip

PAY = "/api/device/v1/payments"


def traced(app: Any) -> Any:
    """As a process serves its app, with tracing on or off."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await (Traced(app) if tracing.is_on() else app)(scope, receive, send)

    return call


@dataclass
class Sale:
    """The device's side, and what the services have afterwards."""

    town: Town
    egress: Neighbour
    databases: dict[str, Any]

    async def pay(self, **headers: str) -> dict[str, Any]:
        body = json.dumps(
            {
                "pay_request_id": f"s{secrets.token_hex(8)}",
                "amount_fen": 1207,
                "auth_code": "fp" + secrets.token_hex(16) + "Z",
            }
        ).encode()
        signed = device_headers("POST", PAY, body)
        door = traced(self.town.door)
        got = await ask(door, "POST", PAY, body=body, headers=signed | headers)
        assert got.status == 200, got.body
        return got.json()

    async def settled(self, payment_id: str) -> None:
        """Waits until order and campaign have heard of the payment."""
        async with asyncio.timeout(60):
            for service, table in (("order", "orders"), ("campaign", "inbox")):
                count = f"SELECT count(*) FROM {table} WHERE tenant_id = $1"
                while not await self.databases[service].value(count, TENANT):
                    await asyncio.sleep(0.05)


def _sold(town: Town, key: Any) -> Any:  # noqa: F811
    def answer(seen: Any) -> web.Response:
        asked = json.loads(parse_qs(seen.body.decode())["biz_content"][0])
        node = {
            "code": "10000", "msg": "Success", "out_trade_no": asked["out_trade_no"],
            "trade_no": f"20261123220014{secrets.randbelow(10**14):014d}",
            "total_amount": asked["total_amount"], "receipt_amount": asked["total_amount"],
            "buyer_user_id": "2088000000000002", "gmt_payment": "2026-11-23 12:00:05",
        }  # fmt: skip
        return web.Response(
            body=answer_body("alipay.trade.pay", node, key), content_type="text/html"
        )

    return answer


@asynccontextmanager
async def _running(job: Any) -> Any:
    task = asyncio.ensure_future(job())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest_asyncio.fixture
async def sale(town, service_db, service_keys, alipay_keys, kafka_bootstrap):  # noqa: F811
    places = {name: service_db(name) for name in ("payment", "order", "campaign")}
    for place in places.values():
        await place.truncate()
    town.alipay.on("POST", "/gateway.do", _sold(town, alipay_keys.private))
    async with AsyncExitStack() as stack:
        egress = await Neighbour().start()
        stack.push_async_callback(egress.stop)
        egress_door = traced(town.egress_door)

        async def to_egress(seen: Any) -> web.Response:
            got = await ask(egress_door, "POST", seen.target, body=seen.body, headers=seen.headers)
            return web.Response(body=got.body, status=got.status, content_type="application/json")

        egress.on("POST", "/alipay/.*", to_egress)
        config = PaymentConfig(
            DATABASE_URL_PAYMENT=places["payment"].app_url,
            DATABASE_SYSTEM_URL_PAYMENT=places["payment"].system_url,
            egress_url=egress.url, kafka_bootstrap=kafka_bootstrap,
            service_key_file=service_keys.key_file("payment"),
            service_trust_file=service_keys.trust_file,
        )  # fmt: skip
        app = create_app(config, town.clock)
        await stack.enter_async_context(served(app, "payment"))
        stack.push_async_callback(finish_calls, app.state.deps)
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(traced(app)), base_url="http://payment")
        )

        async def to_payment(seen: Any) -> web.Response:
            got = await client.request(
                seen.method, seen.target, content=seen.body, headers=seen.headers
            )
            return web.Response(
                body=got.content, status=got.status_code, content_type="application/json"
            )

        town.payment.on("POST", PAY, to_payment)
        await _tell(app.state.deps, town.clock)
        await _hear(stack, places, town.clock, service_keys, kafka_bootstrap, app.state.deps.db)
        yield Sale(town, egress, places)


async def _tell(deps: Any, clock: Any) -> None:
    """What payment has heard of binding before."""
    common = stamp(TENANT, clock)
    store = StoreCreated(**common, store_id=STORE, name="一店")
    bound = AppBound(
        **common, app_id=APP_ID, seller_id=SELLER_ID, notify_route=ROUTE, key_version=1,
        enabled=True,
    )  # fmt: skip
    async with deps.db.pg(None) as pg:
        await repo.upsert_stores(pg, [store])
        await repo.upsert_apps(pg, [bound])


async def _hear(
    stack: AsyncExitStack, places: Any, clock: Any, keys: Any, bootstrap: str, payment_db: Database
) -> None:
    """The relay of payment, and the consumers of order and campaign."""
    producer = Producer(keys.broker("payment", bootstrap))
    stack.push_async_callback(producer.aclose)
    jobs = [Relay(payment_db, producer, "payment.events", idle_poll_s=0.06).run]
    for name, handlers, deps in (
        ("order", order_handlers, OrderDeps),
        ("campaign", campaign_handlers, CampaignDeps),
    ):
        db = Database(places[name].app_url, places[name].system_url, pool_size=3, name=name)
        await db.open()
        stack.push_async_callback(db.close)
        broker = keys.broker(name, bootstrap)
        jobs.append(Consumer(db, handlers, deps(db, clock), broker).run)
    for job in jobs:
        await stack.enter_async_context(_running(job))
