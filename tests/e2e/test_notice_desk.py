"""An operator sees a quarantined notice and has it looked at again, through the public door."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.world import World, eventually
from tests.fixtures.console import Console

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def operator(world: World) -> AsyncIterator[Console]:
    demo = world.stack.info["demo"]["operator"]
    async with Console(
        world.stack.public, demo["login"], demo["password"], audience="operator"
    ) as console:
        yield console


async def test_a_quarantined_notice_at_the_operators_desk(world: World, operator: Console) -> None:
    """§5.8.10: found by its trade and reason, asked about at the channel, replayed by a person
    whose name is kept; the payment stays as the channel has it."""
    paid = await world.pay(7_90)
    number = paid["out_trade_no"]
    sent = await world.admin.post(f"/notify/{number}", json={"variant": "wrong_seller", "times": 1})
    assert sent.json()["sent"][0]["answer"] == "success"

    async def asked() -> dict[str, object] | None:
        answer = await operator.get("/notices", out_trade_no=number)
        assert answer.status_code == 200, answer.text
        odd = [
            item for item in answer.json()["items"]
            if "other_seller" in (item["reason"], item["last_reason"])
            or item["last_reason"] == "reused_id"
        ]  # fmt: skip
        return odd[0] if odd else None

    found = await eventually(asked)
    address = f"/notices/{found['merchant_id']}/{found['app_id']}/{found['notify_id']}"
    again = await operator.post(f"{address}/replay", {})
    assert again.status_code == 200, again.text
    shown = (await operator.get(address)).json()
    assert len(shown["replays"]) == 1
    assert shown["replays"][0]["actor"].startswith("user:")
    assert (await world.status(paid["pay_request_id"]))["status"] == "paid"
    # The merchant's own console has no such door.
    assert (await world.owner.get("/notices")).status_code == 404
    async with Console(
        world.stack.public, headers=world.owner.headers, audience="operator"
    ) as owner:
        assert (await owner.get("/notices")).status_code == 403


async def test_refusals_reach_the_desk(world: World, operator: Console) -> None:
    """§5.8.10: counted by reason, with an example; without a row each."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        await world.http.post("/alipay/notify/nosuchroute111111", content=b"a=b", headers=form)

    async def told() -> list[dict[str, object]]:
        items = (await operator.get("/notices/refusals")).json()["items"]
        return [item for item in items if item["reason"] == "unknown_route"]

    (item, *_) = await eventually(told)
    assert item["merchant_id"] is None
    assert isinstance(item["refused"], int)
    assert item["refused"] >= 3
