"""A merchant's own program through the real edge, and what the console then says of its key
(S93, S131): right key, revoked key, foreign order, write route, garbage."""

import asyncio
import json
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.e2e.world import World, eventually
from tests.fixtures.console import Console, choose_password
from tests.fixtures.pos import pos_headers
from tests.fixtures.processes import ROOT

pytestmark = pytest.mark.asyncio
ORDERS = "/api/pos/v1/orders"
PASSWORD = "correct horse battery staple 9"


async def call(
    world: World, key: dict[str, Any], path: str = ORDERS, *, method: str = "GET", query: str = ""
) -> httpx.Response:
    headers = pos_headers(key["key_id"], key["secret"], method, path, query=query)
    target = f"{path}?{query}" if query else path
    return await world.http.request(method, target, headers=headers)


def owner_of(world: World) -> Console:
    demo = world.stack.info["demo"]["owner"]
    return Console(world.stack.public, demo["login"], demo["password"])


async def new_key(owner: Console, **members: Any) -> dict[str, Any]:
    made = await owner.post("/api-keys", {"name": "till", **members})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def listed(owner: Console, key_id: str) -> dict[str, Any]:
    rows = (await owner.get("/api-keys", page_size=100)).json()["items"]
    return next(row for row in rows if row["key_id"] == key_id)


async def test_a_key_reads_orders_until_it_is_revoked(world: World) -> None:
    paid = await world.pay(7_77)
    order = await world.order(paid["out_trade_no"])
    async with owner_of(world) as owner:
        await owner.step_up()
        key = await new_key(owner)
        assert key["last_used_at"] is None
        found = await call(world, key, query=f"q={paid['out_trade_no']}")
        assert found.status_code == 200, found.text
        assert [row["order_no"] for row in found.json()["items"]] == [order["order_no"]]
        detail = await call(world, key, f"{ORDERS}/{order['order_no']}")
        assert detail.json()["payable_fen"] == 7_77

        async def used() -> Any:
            return (await listed(owner, key["key_id"]))["last_used_at"]

        assert datetime.fromisoformat(await eventually(used))
        # Neither a write nor another prefix opens with it.
        assert (await call(world, key, method="POST")).status_code == 405
        refund = f"/api/merchant/v1/payments/{paid['payment_id']}/refunds"
        assert (await call(world, key, refund, method="POST")).status_code == 401

        assert (await owner.delete(f"/api-keys/{key['key_id']}")).status_code == 204

        async def refused() -> bool:
            return (await call(world, key)).status_code == 401

        # At its event, or when the edge asks again, 5 s at most.
        await eventually(refused, limit_s=6)
        assert (await call(world, key)).json()["code"] == "auth.api_key"
        assert (await listed(owner, key["key_id"]))["last_used_at"]


async def test_garbage_is_nobody(world: World) -> None:
    async with owner_of(world) as owner:
        await owner.step_up()
        key = await new_key(owner)
    wrong = {**key, "secret": secrets.token_urlsafe(32)}
    unknown = {**key, "key_id": f"dk_{secrets.token_urlsafe(12)}"}
    for one in (wrong, unknown):
        answer = await call(world, one)
        assert (answer.status_code, answer.json()["code"]) == (401, "auth.api_key")
        assert key["secret"] not in answer.text
    for headers in (
        {}, {"Authorization": f"Bearer {key['secret']}"}, {"X-DF-Key": "~" * 40},
        {"X-DF-Key": key["key_id"], "X-DF-Signature": key["secret"]},
    ):  # fmt: skip
        assert (await world.http.get(ORDERS, headers=headers)).status_code == 401
    assert (await call(world, key)).status_code == 200


async def test_a_key_sees_its_own_merchant_and_its_own_store_only(world: World) -> None:
    """G7: the first merchant's order is not there for the second's key, nor for a key of another
    store of the same merchant."""
    paid = await world.pay(8_88)
    order = await world.order(paid["out_trade_no"])
    path = f"{ORDERS}/{order['order_no']}"
    operator = world.stack.info["demo"]["operator"]
    login = f"second-{secrets.token_hex(4)}"
    async with Console(
        world.stack.public, operator["login"], operator["password"], audience="operator"
    ) as console:
        made = await console.post("/merchants", {"name": "第二家", "login": login})
        assert made.status_code == 201
    await choose_password(world.stack.public, made.json()["link"], PASSWORD)
    async with Console(world.stack.public, login, PASSWORD) as second:
        await second.step_up()
        foreign = await new_key(second)
    assert (await call(world, foreign, path)).status_code == 404
    assert (await call(world, foreign)).json()["total"] == 0

    async with owner_of(world) as owner:
        await owner.step_up()
        store = await owner.post("/stores", {"name": f"分店 {secrets.token_hex(3)}"})
        elsewhere = await new_key(owner, store_id=store.json()["store_id"])
        here = await new_key(owner, store_id=world.stack.info["demo"]["store_id"])
    assert (await call(world, elsewhere, path)).status_code == 404
    assert (await call(world, elsewhere)).json()["total"] == 0
    assert (await call(world, here, path)).status_code == 200


async def test_a_payment_is_seen_as_the_last_use_of_the_private_key(world: World) -> None:
    """The egress says so within seconds; the merchant sees when, and of which version."""
    await world.pay(1)

    async def used() -> Any:
        found = await world.owner.get(f"/apps/{world.app_id}")
        key = found.json()["key"]
        return key if key["last_used_at"] else None

    key = await eventually(used)
    used_at = datetime.fromisoformat(key["last_used_at"])
    assert datetime.fromisoformat(key["created_at"]) <= used_at <= datetime.now(UTC)


async def test_the_console_shows_the_documented_program() -> None:
    """Word by word: the page on which a key is made, and docs/pos.md, which is run below."""
    console = ROOT / "gateway/spa/console/src/pages/settings/apiExample.ts"
    shown = console.read_text().split("String.raw`")[1].split("`;")[0]
    assert shown == (ROOT / "docs" / "pos.md").read_text().split("```python\n")[1].split("```")[0]


async def test_the_documented_program_works(world: World) -> None:
    """docs/pos.md is copied by people: what stands there is run here."""
    async with owner_of(world) as owner:
        await owner.step_up()
        key = await new_key(owner)
    source = (ROOT / "docs" / "pos.md").read_text().split("```python\n")[1].split("```")[0]
    run = "\nimport sys\nsys.stdout.buffer.write(get(*sys.argv[1:]))"
    told = (world.stack.public, key["key_id"], key["secret"], ORDERS, "page_size=1&page=1")
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source + run, *told, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await program.communicate()
    assert (program.returncode, json.loads(said)["page_size"]) == (0, 1)
