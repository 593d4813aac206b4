"""The device's reward page and its one draw (S73, parts of S74; F26, F27, G5)."""

import asyncio
from uuid import uuid4

import pytest

from shared.contracts.events.payment import PaymentReversed

pytestmark = pytest.mark.asyncio


async def test_a_reward_on_its_way_is_pending(device, shop):
    async with device(shop) as door:
        answer = await door.reward(uuid4())
        assert answer.status_code == 200
        found = answer.json()
        assert (found["status"], found["coupon"]) == ("pending", None)
        assert found["retry_after_ms"] > 0
        draw = await door.draw(uuid4())
        assert draw.status_code == 409
        assert draw.json()["code"] == "campaign.reward_pending"
        assert (await door.reward("nonsense")).status_code == 404


async def test_the_device_sees_the_coupon_and_no_link_that_leads_nowhere(device, deliver, shop):
    """The buyer's own page does not exist yet: nothing a device could show leads to one."""
    event = shop.paid()
    await deliver(event)
    async with device(shop) as door:
        answer = await door.reward(event.payment_id)
        drawn = await door.draw(event.payment_id)
    found = answer.json()
    assert found["status"] == "granted"
    assert (found["coupon"]["value_fen"], found["coupon"]["threshold_fen"]) == (200, 5000)
    assert found["coupon"]["valid_until"] == "2026-12-23T04:00:00Z"
    assert found["coupon"]["state"] == "ISSUED"
    assert found["draws"] == {"granted": 3, "used": 0, "on_device": 1, "device_drawn": False}
    for told in (answer.text, drawn.text):
        assert "url" not in told
        assert "http" not in told
        assert "h5" not in told


async def test_one_draw_on_the_device_and_the_same_answer_ever_after(
    device, deliver, shop, place, hold
):
    event = shop.paid()
    await deliver(event)
    async with device(shop) as door:
        first = await door.draw(event.payment_id)
        assert first.status_code == 200
        assert first.json()["draws"] == {
            "granted": 3,
            "used": 1,
            "on_device": 1,
            "device_drawn": True,
        }
        for _ in range(3):
            assert (await door.draw(event.payment_id)).content == first.content
        shown = (await door.reward(event.payment_id)).json()
        assert shown["draws"] == first.json()["draws"]
    assert await place.value("SELECT count(*) FROM draws") == 1
    await hold()


async def test_sixty_four_draws_at_once_are_one(device, deliver, shop, place, hold):
    """F26: identical answers, one draw, one prize gone at most."""
    event = shop.paid()
    await deliver(event)
    async with device(shop) as door:
        answers = await asyncio.gather(*[door.draw(event.payment_id) for _ in range(64)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await place.value("SELECT count(*) FROM draws") == 1
    await hold()


async def test_stock_is_never_oversold(device, deliver, shop, place, hold):
    """F27: 120 buyers, 4 calls each, 32 calls at any moment, 25 prizes: 25 wins, the others miss.
    More at once wait for the pool's few connections until the service says that it is busy."""
    at_once = asyncio.Semaphore(32)

    async def draw(door, event):
        async with at_once:
            return await door.draw(event.payment_id)

    events = [shop.paid() for _ in range(120)]
    await deliver(*events)
    await place.execute("UPDATE campaigns SET miss_weight = 0")
    await place.execute("UPDATE prizes SET weight = 0 WHERE position > 1")
    await place.execute("UPDATE prizes SET stock = 25, stock_left = 25 WHERE position = 1")
    async with device(shop) as door:
        answers = await asyncio.gather(*[draw(door, event) for event in events for _ in range(4)])
    prizes = {}
    for answer in answers:
        body = answer.json()
        prizes.setdefault(body["payment_id"], set()).add(
            body["prize"] and body["prize"]["prize_id"]
        )
    assert len(prizes) == 120
    assert all(len(answer) == 1 for answer in prizes.values())
    assert sum(answer != {None} for answer in prizes.values()) == 25
    assert await place.value("SELECT stock_left FROM prizes WHERE position = 1") == 0
    await hold()


async def test_a_replayed_request_changes_nothing(device, deliver, shop, place, hold):
    """The nonce is recorded with the change (F22): the same signed request is refused."""
    first, second = shop.paid(), shop.paid()
    await deliver(first, second)
    async with device(shop) as door:
        assert (await door.draw(first.payment_id, nonce="a" * 32)).status_code == 200
        for payment in (first.payment_id, second.payment_id):
            again = await door.draw(payment, nonce="a" * 32)
            assert again.status_code == 401
            assert again.json()["code"] == "auth.replayed"
    assert await place.value("SELECT count(*) FROM draws") == 1
    await hold()


async def test_a_draw_needs_a_nonce(device, deliver, shop):
    event = shop.paid()
    await deliver(event)
    async with device(shop) as door:
        answer = await door._client.post(
            f"/api/device/v1/rewards/{event.payment_id}/draw", headers=door.headers()
        )
    assert answer.status_code == 401


async def test_after_a_refund_there_is_nothing_to_draw(device, deliver, shop, hold):
    """S128; what was drawn before stays drawn, and is answered as it was."""
    drawn, undrawn, reversed_id = shop.paid(), shop.paid(), uuid4()
    await deliver(drawn, undrawn, shop.say(PaymentReversed, reversed_id))
    async with device(shop) as door:
        before = (await door.draw(drawn.payment_id)).json()
        await deliver(shop.refunded(drawn.payment_id), shop.refunded(undrawn.payment_id))
        after = (await door.draw(drawn.payment_id)).json()
        assert after["prize"] == before["prize"]
        for payment in (undrawn.payment_id, reversed_id):
            refused = await door.draw(payment)
            assert refused.status_code == 409
            assert refused.json()["code"] == "campaign.reward_revoked"
            shown = (await door.reward(payment)).json()
            assert (shown["status"], shown["coupon"]) == ("revoked", None)
    await hold()


async def test_a_campaign_without_draws(device, deliver, shop, place):
    await deliver(shop.paid())
    await place.execute("UPDATE campaigns SET draws_per_payment = 0")
    event = shop.paid()
    await deliver(event)
    async with device(shop) as door:
        refused = await door.draw(event.payment_id)
    assert refused.status_code == 409
    assert refused.json()["code"] == "campaign.no_draw_left"


async def test_nobody_else_sees_or_draws_it(device, deliver, shop, other_shop, place):
    """G7 and API6: another merchant's device, and another device of the shop, hear the same as
    for a payment that does not exist."""
    event = shop.paid()
    await deliver(event, other_shop.paid())
    for owner, device_id in ((other_shop, None), (shop, uuid4())):
        async with device(owner, device_id) as door:
            assert (await door.reward(event.payment_id)).json()["status"] == "pending"
            assert (await door.draw(event.payment_id)).json()["code"] == "campaign.reward_pending"
    assert await place.value("SELECT count(*) FROM draws") == 0


async def test_a_payment_without_a_device_is_drawn_in_its_store(device, deliver, shop):
    """Taken by a till through the API: any device of that store, and of no other."""
    event = shop.paid(device_id=None)
    elsewhere = shop.paid(device_id=None, store_id=uuid4())
    await deliver(event, elsewhere)
    async with device(shop) as door:
        assert (await door.reward(event.payment_id)).json()["status"] == "granted"
        assert (await door.draw(event.payment_id)).status_code == 200
        assert (await door.reward(elsewhere.payment_id)).json()["status"] == "pending"


async def test_without_a_tenant_there_are_no_rows(db, deliver, shop, device):
    event = shop.paid()
    await deliver(event)
    async with device(shop) as door:
        await door.draw(event.payment_id)
    for table in ("campaigns", "prizes", "grants", "coupons", "draws", "device_nonces"):
        assert await db.many(f"SELECT * FROM {table}") == []


async def test_a_console_user_is_not_a_device(console, shop):
    async with console(shop.tenant_id) as client:
        assert (await client.get(f"/api/device/v1/rewards/{uuid4()}")).status_code == 403
        assert (await client.post(f"/api/device/v1/rewards/{uuid4()}/draw")).status_code == 403
