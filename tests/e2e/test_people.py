"""People through the real edge: step-up, acting, scope and ended sessions count at once, and the
audit log names who gave money back and why (S131, S132, §5.5)."""

import secrets
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.e2e.world import World, eventually, new_request_id
from tests.fixtures.console import Console, choose_password

pytestmark = pytest.mark.asyncio
PASSWORD = "correct horse battery staple 9"


def owner_of(world: World) -> Console:
    """A session of its own: the shared one may have stepped up already."""
    demo = world.stack.info["demo"]["owner"]
    return Console(world.stack.public, demo["login"], demo["password"])


def operator_of(world: World) -> Console:
    demo = world.stack.info["demo"]["operator"]
    return Console(world.stack.public, demo["login"], demo["password"], audience="operator")


async def test_a_refund_asks_for_the_password_and_leaves_its_trace(world: World) -> None:
    """S131, S132: refused, stepped up, accepted by the same edge at once, and in the log."""
    paid = await world.pay(2_00)
    path = f"/payments/{paid['payment_id']}/refunds"
    body = {"refund_request_id": new_request_id(), "amount_fen": 2_00, "reason": "多收一次"}
    async with owner_of(world) as owner:
        refused = await owner.post(path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "auth.step_up_needed")
        assert (await world.status(paid["pay_request_id"]))["refunded_fen"] == 0
        await owner.step_up()
        done = await owner.post(path, body)
        assert done.status_code in {200, 201, 202}, done.text
        login = owner.session["user"]["login"]

        async def logged() -> Any:
            found = await owner.get("/audit", subject=paid["payment_id"])
            return found.json()["items"]

        (entry,) = await eventually(logged, limit_s=25)
        assert (entry["action"], entry["actor_name"]) == ("payment.refund", login)
        assert entry["after"]["reason"] == "多收一次"
        assert (entry["before"]["refunded_fen"], entry["after"]["refunded_fen"]) == (0, 2_00)
        verdict = (await owner.post("/audit/verify", {})).json()
        assert verdict["is_intact"], verdict


async def test_an_operator_acts_for_the_merchant_and_stops(world: World) -> None:
    """S131: the merchant console answers the operator's own cookie while the grant runs."""
    merchant_id = world.stack.info["demo"]["merchant_id"]
    async with operator_of(world) as operator:
        await operator.step_up()
        there = Console(world.stack.public, headers=operator.headers)
        async with there:
            assert (await there.get("/orders")).status_code == 403
            body = {"merchant_id": merchant_id, "reason": "协助查单", "minutes": 5}
            assert (await operator.post("/acting", body)).status_code == 201
            assert (await there.get("/orders")).status_code == 200
            shown = (await there.get("/session")).json()
            assert shown["merchant"]["merchant_id"] == merchant_id
            assert shown["acting"]["reason"] == "协助查单"
            assert (await there.get("/devices")).status_code == 200
            for path, asked in (
                ("/devices/codes", {"store_id": world.device.store_id}),
                ("/stores", {"name": "代建门店"}),
            ):
                refused = await there.post(path, asked)
                assert refused.status_code == 403, "acting looks, and changes nothing"
            (seen,) = (await world.owner.get("/merchant")).json()["operators_acting"]
            assert seen["reason"] == "协助查单"
            assert (await operator.delete("/acting")).status_code == 204
            assert (await there.get("/orders")).status_code == 403

            async def logged() -> Any:
                found = await world.owner.get("/audit", action="acting.start")
                return [row for row in found.json()["items"] if row["reason"] == "协助查单"]

            (entry,) = await eventually(logged, limit_s=25)
            assert entry["actor_name"] == operator.session["user"]["name"]
            assert entry["address"] == operator.address


async def test_a_cashier_of_another_store_sees_nothing_of_this_one(world: World) -> None:
    """S131: the scope goes with the token to orders, payments and devices."""
    paid = await world.pay(1_00)
    order = await world.order(paid["out_trade_no"])
    async with owner_of(world) as owner:
        await owner.step_up()
        tag = secrets.token_hex(4)
        stores = [world.device.store_id]
        made = await owner.post("/stores", {"name": f"分店 {tag}"})
        stores.append(made.json()["store_id"])
        logins = []
        for number, store_id in enumerate(stores):
            person = {"username": f"till{number}-{tag}", "name": "收银"}
            scope = {"role": "cashier", "store_ids": [store_id]}
            hired = await owner.post("/staff", person | scope)
            assert hired.status_code == 201
            logins.append(hired.json()["login"])
            await choose_password(world.stack.public, hired.json()["link"], PASSWORD)
    for number, expected in ((0, 200), (1, 404)):
        async with Console(world.stack.public, logins[number], PASSWORD) as till:
            for path in (
                f"/orders/{order['order_no']}", f"/payments/{paid['payment_id']}",
                f"/devices/{world.device.device_id}",
            ):  # fmt: skip
                assert (await till.get(path)).status_code == expected, path
            found = (await till.get("/orders", q=paid["out_trade_no"])).json()
            assert found["total"] == (1 if expected == 200 else 0)
            devices = await till.get("/devices", page_size=100)
            assert (world.device.device_id in devices.text) == (expected == 200)
            assert (await till.get("/staff")).status_code == 403


async def test_an_ended_session_is_out_everywhere(world: World) -> None:
    """ASVS 7.4: ended from the list, and not believed by the edge's memory either."""
    login = f"ends-{secrets.token_hex(4)}"
    async with operator_of(world) as operator:
        made = await operator.post("/merchants", {"name": "会话商户", "login": login})
        assert made.status_code == 201
    await choose_password(world.stack.public, made.json()["link"], PASSWORD)
    async with (
        Console(world.stack.public, login, PASSWORD) as here,
        Console(world.stack.public, login, PASSWORD) as there,
    ):
        assert (await there.get("/session")).status_code == 200
        rows = (await here.get("/sessions")).json()["items"]
        other = next(row for row in rows if not row["is_current"])
        assert other["address"] == there.address
        assert (await here.delete(f"/sessions/{other['session_id']}")).status_code == 204

        async def out() -> bool:
            return (await there.get("/session")).status_code == 401

        await eventually(out, limit_s=5)
        assert (await here.get("/session")).status_code == 200


async def test_the_enrolment_codes_of_somebody_disabled_end(world: World) -> None:
    """Binding says who left a role; device takes no code that they made."""
    tag = secrets.token_hex(4)
    async with owner_of(world) as owner:
        await owner.step_up()
        body = {"username": f"second-{tag}", "name": "老吴", "role": "merchant_owner"}
        hired = (await owner.post("/staff", body)).json()
        await choose_password(world.stack.public, hired["link"], PASSWORD)
        where = {"store_id": str(world.device.store_id)}
        async with Console(world.stack.public, hired["login"], PASSWORD) as second:
            theirs = (await second.post("/devices/codes", where)).json()["code"]
        mine = (await owner.post("/devices/codes", where)).json()["code"]
        gone = {"is_enabled": False, "version": hired["version"]}
        path = f"/staff/{hired['user_id']}"
        assert (await owner.ask("PATCH", path, {}, gone)).status_code == 200
    devices = await asyncpg.connect(world.stack.info["postgres"]["device"])
    try:
        left = "SELECT left_at FROM left_roles WHERE user_id = $1"
        await eventually(lambda: devices.fetchval(left, UUID(hired["user_id"])))
    finally:
        await devices.close()
    for code, status in ((theirs, 409), (mine, 201)):
        sent = {"code": code, "sn": f"LEFT{tag}"}
        answer = await world.http.post("/api/device/v1/enrol", json=sent)
        assert answer.status_code == status, answer.text
