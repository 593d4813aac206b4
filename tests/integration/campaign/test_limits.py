"""Rewards follow money paid, within the limits of a buyer, a device and a day."""

import asyncio
import importlib
from datetime import timedelta
from uuid import uuid4

import pytest

from services.campaign import service
from shared.contracts.events.audit import CampaignAudited
from shared.contracts.events.base import decode
from shared.contracts.events.binding import MerchantCreated
from tests.fixtures.races import ROUNDS

pytestmark = pytest.mark.asyncio
LIMITS = "/api/merchant/v1/campaign/limits"
READ_WRITE = ("campaigns.read", "campaigns.write")


@pytest.fixture
def limited(place, deliver, shop):
    """limited(buyer_daily_max=…): a merchant with exactly these limits."""

    async def make(**limits):
        await deliver(shop.say(MerchantCreated))
        named = {"buyer_daily_max": None, "device_daily_max": None, "daily_max": None} | limits
        for name, most in named.items():
            await place.execute(f"UPDATE campaigns SET {name} = $1", most)

    return make


async def given(place):
    """(coupons, draws) that were given out."""
    return (
        await place.value("SELECT count(*) FROM coupons"),
        await place.value("SELECT coalesce(sum(draws_granted), 0) FROM grants"),
    )


async def test_a_sale_of_nothing_gives_nothing(place, deliver, shop, device, hold):
    """120 sales of 0.00 had emptied a prize. They are complete sales, and rewards follow money."""
    free = [shop.paid(payable_fen=0, total_fen=0, buyer_id=None) for _ in range(120)]
    await deliver(*free)
    assert await given(place) == (0, 0)
    async with device(shop) as door:
        shown = (await door.reward(free[0].payment_id)).json()
        assert (shown["status"], shown["reason"]) == ("none", "nothing_paid")
        assert (shown["coupon"], shown["draws"]["granted"]) == (None, 0)
        refused = await door.draw(free[0].payment_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "campaign.no_draw_left")
    assert await place.value("SELECT count(*) FROM draws") == 0
    await hold()


async def test_one_fen_paid_is_money(place, deliver, shop):
    await deliver(shop.paid(payable_fen=1, total_fen=9900))
    assert await given(place) == (1, 3)


@pytest.mark.parametrize(
    ("limit", "reason", "same"),
    [
        ("buyer_daily_max", "buyer_limit", {"buyer_id": "2088b"}),
        ("device_daily_max", "device_limit", {}),
        ("daily_max", "day_limit", {}),
    ],
)
async def test_each_limit_holds_for_a_day(
    place, deliver, shop, limited, clock, hold, limit, reason, same
):
    await limited(**{limit: 3})
    at = clock.now()

    def paid(**members):
        members = {"buyer_id": f"2088{uuid4().hex[:8]}", "paid_at": at} | same | members
        return shop.paid(**members)

    await deliver(*[paid() for _ in range(2)])
    await deliver(*[paid() for _ in range(3)])
    assert await given(place) == (3, 9)
    reasons = await place.fetch("SELECT DISTINCT reason FROM grants WHERE status = 'none'")
    assert [row["reason"] for row in reasons] == [reason]
    other = {"buyer_daily_max": {"buyer_id": "2088c"}, "device_daily_max": {"device_id": uuid4()}}
    if limit in other:
        await deliver(paid(**other[limit]))
        assert await given(place) == (4, 12)
    before = (await given(place))[0]
    await deliver(paid(paid_at=at + timedelta(days=1)))
    assert (await given(place))[0] == before + 1, "another day"
    await hold()


async def test_the_day_is_beijings(place, deliver, shop, limited, clock):
    await limited(daily_max=1)
    noon = clock.now().replace(hour=0, minute=0)
    last, first = noon.replace(hour=15, minute=59), noon.replace(hour=16, minute=0)
    await deliver(shop.paid(paid_at=last), shop.paid(paid_at=first), shop.paid(paid_at=last))
    assert (await given(place))[0] == 2


async def test_a_limit_of_none_and_of_zero(place, deliver, shop, limited):
    await limited(daily_max=0)
    await deliver(shop.paid())
    assert await given(place) == (0, 0)
    await place.execute("UPDATE campaigns SET daily_max = NULL")
    await deliver(*[shop.paid(buyer_id="2088b") for _ in range(30)])
    assert (await given(place))[0] == 30


@pytest.mark.races
async def test_parallel_grants_never_exceed_a_limit(place, deps, deliver, shop, limited, hold):
    """Rounds of five transactions at once; each time exactly the rest is given."""
    await limited(buyer_daily_max=7)
    for number in range(ROUNDS):
        buyer = f"2088race{number}"
        batches = [[shop.paid(buyer_id=buyer) for _ in range(3)] for _ in range(5)]
        await asyncio.gather(*(deliver(*batch) for batch in batches))
        assert await place.value("SELECT count(*) FROM coupons WHERE buyer_id = $1", buyer) == 7, (
            number
        )
    await hold()


async def test_giving_back_gives_no_second_reward(place, deliver, shop, limited):
    """Pay, draw, refund, and again: the refund takes the coupon and leaves the count."""
    await limited(buyer_daily_max=2)
    for _ in range(4):
        event = shop.paid(buyer_id="2088b")
        await deliver(event, shop.refunded(event.payment_id))
    states = await place.fetch("SELECT status, count(*) AS n FROM grants GROUP BY 1 ORDER BY 1")
    assert [(row["status"], row["n"]) for row in states] == [("none", 2), ("revoked", 2)]


async def test_a_grant_is_never_rewritten(place, deliver, shop):
    """The same payment told again under another event, with other words, after all was counted."""
    event = shop.paid(buyer_id="2088b")
    await deliver(event)
    before = await place.fetch("SELECT * FROM grants"), await place.fetch("SELECT * FROM coupons")
    counts = await place.fetch("SELECT * FROM reward_counts ORDER BY scope")
    await place.execute("UPDATE campaigns SET draws_per_payment = 9")
    for members in ({"buyer_id": "2088c"}, {"payable_fen": 0}, {"device_id": uuid4()}):
        await deliver(shop.paid(event.payment_id, **members))
    assert before == (
        await place.fetch("SELECT * FROM grants"), await place.fetch("SELECT * FROM coupons"),
    )  # fmt: skip
    assert counts == await place.fetch("SELECT * FROM reward_counts ORDER BY scope")


async def test_the_merchant_sees_and_sets_the_limits(place, deliver, shop, console, clock):
    await deliver(shop.say(MerchantCreated), shop.paid(paid_at=clock.now()))
    async with console(shop.tenant_id, READ_WRITE) as client:
        shown = (await client.get("/api/merchant/v1/campaign")).json()
        assert (shown["buyer_daily_max"], shown["daily_max"], shown["rewards_today"]) == (
            20, None, 1,
        )  # fmt: skip
        wanted = {"buyer_daily_max": 2, "device_daily_max": None, "daily_max": 500}
        changed = await client.put(LIMITS, json={"version": shown["version"], **wanted})
        assert changed.status_code == 200
        assert {name: changed.json()[name] for name in wanted} == wanted
        stale = await client.put(LIMITS, json={"version": shown["version"], **wanted})
        assert (stale.status_code, stale.json()["code"]) == (409, "campaign.changed")
        for wrong in ({"daily_max": -1}, {"daily_max": 1.5}, {"daily_max": "5"}, {"x": 1}):
            answer = await client.put(LIMITS, json={"version": 2, **wanted, **wrong})
            assert answer.status_code == 422
    (said,) = await audited(place)
    assert (said.action, said.actor[:5]) == ("campaign.limits", "user:")
    assert (said.before["buyer_daily_max"], said.after["buyer_daily_max"]) == (20, 2)


async def test_only_who_may_write_sets_limits(deliver, shop, console):
    await deliver(shop.say(MerchantCreated))
    async with console(shop.tenant_id) as client:
        body = {"version": 1, "buyer_daily_max": 1, "device_daily_max": 1, "daily_max": 1}
        assert (await client.put(LIMITS, json=body)).status_code == 403


async def audited(place):
    rows = await place.fetch("SELECT payload FROM outbox ORDER BY seq")
    return [event for row in rows if isinstance(event := decode(row["payload"]), CampaignAudited)]


async def test_each_draw_is_said_for_the_audit_log(place, deliver, shop, device):
    """S132, N22: who drew, what was won, what was left; a repeated answer is no second draw."""
    event = shop.paid()
    await deliver(event)
    await place.execute("UPDATE campaigns SET miss_weight = 0")
    await place.execute("UPDATE prizes SET weight = 0 WHERE stock IS NULL")
    async with device(shop) as door:
        for _ in range(3):
            drawn = (await door.draw(event.payment_id)).json()
    (said,) = await audited(place)
    assert (said.actor, said.action, said.subject_id) == (
        f"device:{shop.device_id}", "campaign.draw", str(event.payment_id),
    )  # fmt: skip
    assert (said.before, said.after["draws_used"]) == ({"draws_used": 0}, 1)
    assert said.after["prize"]["prize_id"] == drawn["prize"]["prize_id"]
    assert said.after["stock_left"] == await place.value(
        "SELECT stock_left FROM prizes WHERE stock IS NOT NULL"
    )


async def test_old_counts_are_forgotten(place, deps, deliver, shop, clock):
    await deliver(
        shop.paid(paid_at=clock.now()), shop.paid(paid_at=clock.now() - timedelta(days=60))
    )
    await service.keep_house(deps)
    assert await place.value("SELECT count(DISTINCT day) FROM reward_counts") == 1


async def test_an_update_counts_what_was_given_before(place, deliver, shop, hold):
    """Else the day's limits would begin anew, and the invariant would call each merchant's."""
    await deliver(*(shop.paid(buyer_id=buyer) for buyer in ("2088a", "2088a", None)))
    counts = "SELECT * FROM reward_counts ORDER BY scope, subject"
    as_counted = await place.fetch(counts)
    assert sum(row["rewards"] for row in as_counted if row["scope"] == "day") == 3
    await place.execute("DELETE FROM reward_counts")
    name = "services.campaign.migrations.versions.2026_11_28_1645_limits"
    backfill = importlib.import_module(name).BACKFILL
    await place.execute(backfill.replace("now()", "timestamptz '2026-11-24 00:00+08'"))
    assert await place.fetch(counts) == as_counted
    await hold()
