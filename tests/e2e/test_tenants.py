"""A second merchant on the same platform: its ids exist for nobody else (G7, §8 #20)."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from tests.e2e.world import PAYMENTS, World, new_request_id, payment_body
from tests.fixtures.console import Console, Enrolled, choose_password

pytestmark = pytest.mark.asyncio

PASSWORD = "correct horse battery staple 9"  # long enough for any policy


@asynccontextmanager
async def _second(world: World) -> AsyncIterator[tuple[Console, str, Enrolled]]:
    """Another merchant with a store and a device, made by the operator."""
    operator = world.stack.info["demo"]["operator"]
    login = f"second-{secrets.token_hex(4)}"
    async with Console(
        world.stack.public, operator["login"], operator["password"], audience="operator"
    ) as console:
        made = await console.post("/merchants", {"name": "第二家", "login": login})
        assert made.status_code == 201, made.text
    await choose_password(world.stack.public, made.json()["link"], PASSWORD)
    async with Console(world.stack.public, login, PASSWORD) as owner:
        store = await owner.post("/stores", {"name": "二号店"})
        assert store.status_code == 201, store.text
        store_id = store.json()["store_id"]
        device = await owner.enrol(store_id, f"T2{secrets.token_hex(4)}")
        await owner.step_up()
        yield owner, store_id, device


async def test_foreign_ids_do_not_exist(world: World) -> None:
    """G7, INC-6: orders, payments, refunds, rewards, stores and devices of the first merchant
    answer 404 to the second, and lists stay empty."""
    paid = await world.pay(6_66)
    order = await world.order(paid["out_trade_no"])
    await world.reward(paid["payment_id"])
    async with _second(world) as (other, _, device):
        payment = f"/payments/{paid['payment_id']}"
        refund = {"refund_request_id": new_request_id(), "amount_fen": 1}
        checks = [
            await other.get(f"/orders/{order['order_no']}"),
            await other.get(payment),
            await other.post(f"{payment}/refunds", refund),
            await other.get(f"{payment}/refunds/{refund['refund_request_id']}"),
            await other.post(f"/devices/{world.device.device_id}/revoke", {}),
            await other.post("/devices/codes", {"store_id": world.device.store_id}),
            await world.call(
                "GET", f"/api/device/v1/payments/{paid['pay_request_id']}", device=device
            ),
            await world.call(
                "POST", f"/api/device/v1/payments/{paid['pay_request_id']}/cancel", {},
                device=device,
            ),
        ]  # fmt: skip
        assert [answer.status_code for answer in checks] == [404] * len(checks), [
            (answer.request.url.path, answer.status_code, answer.text[:200]) for answer in checks
        ]
        # A reward nobody knows (yet) is told to ask again; a foreign one is no different.
        nobodys = str(UUID(int=7))
        for method, end in (("GET", ""), ("POST", "/draw")):
            told = []
            for payment_id in (paid["payment_id"], nobodys):
                path = f"/api/device/v1/rewards/{payment_id}{end}"
                answer = await world.call(method, path, device=device)
                told.append((answer.status_code, sorted(answer.json()), answer.json()["status"]))
            assert told[0] == told[1]
        orders = (await other.get("/orders", q=paid["out_trade_no"])).json()
        assert (orders["items"], orders["total"]) == ([], 0)
        devices = await other.get("/devices")
        assert world.device.device_id not in devices.text
        assert (await world.status(paid["pay_request_id"]))["status"] == "paid"


async def test_a_merchant_without_an_app_is_told_so(world: World) -> None:
    """Before binding there is a clear refusal, not an outcome."""
    async with _second(world) as (_, store_id, device):
        body = payment_body(1_00, store_id=store_id)
        answer = await world.call("POST", PAYMENTS, body, device=device)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment.app_not_bound")


async def test_a_foreign_store_is_unknown(world: World) -> None:
    async with _second(world) as (_, store_id, _):
        answer = await world.call("POST", PAYMENTS, payment_body(1_00, store_id=store_id))
    assert (answer.status_code, answer.json()["code"]) == (404, "payment.unknown_store")


async def test_the_console_needs_its_session_and_its_csrf_header(world: World) -> None:
    """S131, §5.5: no cookie, a made-up cookie, and a cookie without the CSRF header."""
    headers = world.owner.headers
    for given, status in (
        ({}, 401),
        ({"Cookie": "__Host-damselfly=made-up"}, 401),
        ({"Cookie": headers["Cookie"]}, 200),
    ):
        answer = await world.http.get("/api/merchant/v1/orders", headers=given)
        assert answer.status_code == status, given
    body = {"store_id": world.device.store_id}
    for given in ({"Cookie": headers["Cookie"]}, {**headers, "X-CSRF-Token": "x"}):
        answer = await world.http.post("/api/merchant/v1/devices/codes", json=body, headers=given)
        assert answer.status_code == 403, given
    answer = await world.http.get("/api/operator/v1/merchants", headers=headers)
    assert answer.status_code in {401, 403, 404}
