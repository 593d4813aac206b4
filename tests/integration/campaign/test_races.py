"""What two do at once with one campaign, many times each (F26, F27, S128, G5, G6)."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.campaign import service
from shared.contracts.events.audit import CampaignAudited
from shared.contracts.events.base import decode
from shared.contracts.events.binding import MerchantCreated
from tests.fixtures.races import ROUNDS, race, together

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
LIMITS = "/api/merchant/v1/campaign/limits"


@pytest.fixture
def certain(place, deliver, shop):
    """A merchant whose every draw wins the one prize there is."""

    async def make():
        await deliver(shop.say(MerchantCreated))
        await place.execute("UPDATE campaigns SET miss_weight = 0, daily_max = NULL")
        await place.execute("UPDATE prizes SET weight = 0 WHERE position > 1")
        await place.execute("UPDATE prizes SET stock = 100, stock_left = 0 WHERE position = 1")

    return make


async def drawn(place, payment_id):
    """(draws kept, draws told to the audit log) of a payment."""
    rows = await place.fetch("SELECT payload FROM outbox ORDER BY seq")
    told = [event for row in rows if isinstance(event := decode(row["payload"]), CampaignAudited)]
    count = "SELECT count(*) FROM draws WHERE payment_id = $1"
    return (
        await place.value(count, payment_id),
        sum(event.subject_id == str(payment_id) for event in told),
    )


async def test_two_draws_for_the_last_prize(device, deliver, shop, place, certain, hold):
    """One wins, the other misses, and the stock ends at nothing."""
    await certain()
    async with device(shop) as door:
        for turn in range(ROUNDS):
            pair = [shop.paid(), shop.paid()]
            await deliver(*pair)
            await place.execute("UPDATE prizes SET stock_left = 1, stock = $1 WHERE position = 1",
                                turn + 1)  # fmt: skip
            answers = await race(turn, *(door.draw(event.payment_id) for event in pair), 0.001)
            assert {answer.status_code for answer in answers} == {200}
            assert sorted(answer.json()["prize"] is not None for answer in answers) == [False, True]
            assert await place.value("SELECT stock_left FROM prizes WHERE position = 1") == 0
            for event in pair:
                assert await drawn(place, event.payment_id) == (1, 1)
            await place.execute("DELETE FROM outbox")
    await hold()


async def test_one_chance_drawn_twice(device, deliver, shop, place, certain, hold):
    await certain()
    await place.execute("UPDATE prizes SET stock = 100, stock_left = 100 WHERE position = 1")
    async with device(shop) as door:
        for turn in range(ROUNDS):
            event = shop.paid()
            await deliver(event)
            one, two = await race(
                turn, door.draw(event.payment_id), door.draw(event.payment_id), 0.001
            )
            assert (one.status_code, one.content) == (200, two.content)
            assert await drawn(place, event.payment_id) == (1, 1)
            await place.execute("DELETE FROM outbox")
    assert await place.value("SELECT stock_left FROM prizes WHERE position = 1") == 100 - ROUNDS
    await hold()


async def test_a_draw_beside_the_refund(device, deliver, shop, place, certain, hold):
    """Drawn before the refund, and kept; or refused, and nothing is drawn. Never both."""
    await certain()
    await place.execute("UPDATE prizes SET stock = 100, stock_left = 100 WHERE position = 1")
    ended = set()
    async with device(shop) as door:
        for turn in range(ROUNDS):
            event = shop.paid()
            await deliver(event)
            refund = deliver(shop.refunded(event.payment_id))
            answer, _ = await race(turn, door.draw(event.payment_id), refund, 0.001)
            kept, told = await drawn(place, event.payment_id)
            assert (answer.status_code, kept, told) in {(200, 1, 1), (409, 0, 0)}
            ended.add(answer.status_code)
            again = await door.draw(event.payment_id)
            assert again.status_code == answer.status_code
            shown = (await door.reward(event.payment_id)).json()
            assert (shown["status"], shown["coupon"]) == ("revoked", None)
            await place.execute("DELETE FROM outbox")
    assert ended == {200, 409}
    await hold()


async def test_a_reward_beside_its_own_refund(deliver, shop, place, hold):
    """Two consumers, as in a rebalance: whoever is first, no coupon is left to be used."""
    await deliver(shop.say(MerchantCreated))
    for turn in range(ROUNDS):
        event = shop.paid()
        await race(turn, deliver(event), deliver(shop.refunded(event.payment_id)), 0.001)
        (row,) = await place.fetch(
            "SELECT g.status, c.state FROM grants g LEFT JOIN coupons c USING (payment_id)"
            " WHERE payment_id = $1",
            event.payment_id,
        )
        assert tuple(row.values()) == ("revoked", "REVOKED"), turn
    await hold()


async def test_a_refund_waits_for_the_reward_that_is_being_stored(deps, deliver, shop, place):
    """The grant is not committed yet: the refund waits for it, and only then looks for a coupon."""
    await deliver(shop.say(MerchantCreated))
    event = shop.paid()
    async with deps.db.pg(None) as pg:
        await service.grant_rewards(deps, pg, [event])
        refund = asyncio.ensure_future(deliver(shop.refunded(event.payment_id)))
        async with asyncio.timeout(20):
            while not await place.value(WAITING):
                await asyncio.sleep(0.01)
    await refund
    assert await place.value(
        "SELECT state FROM coupons WHERE payment_id = $1", event.payment_id
    ) == ("REVOKED")


async def test_two_consumers_for_the_last_reward_of_a_day(deliver, shop, place, clock, hold):
    """A day has one coupon left: of two payments heard at once one gets it."""
    await deliver(shop.say(MerchantCreated))
    await place.execute("UPDATE campaigns SET daily_max = 1")
    for turn in range(ROUNDS):
        pair = [shop.paid(paid_at=clock.now() + timedelta(days=turn)) for _ in range(2)]
        await race(turn, *(deliver(one) for one in pair), 0.001)
        statuses = await place.fetch(
            "SELECT status FROM grants WHERE payment_id = ANY($1) ORDER BY 1",
            [one.payment_id for one in pair],
        )
        assert [row["status"] for row in statuses] == ["granted", "none"], turn
        assert await place.value("SELECT count(*) FROM coupons") == turn + 1
    await hold()


async def test_a_coupon_that_ends_beside_its_refund(deps, deliver, shop, place, clock, hold):
    """Two sweepers and a refund: it ends once, and nothing brings it back."""
    await deliver(shop.say(MerchantCreated))
    for turn in range(ROUNDS):
        event = shop.paid(paid_at=clock.now() - timedelta(days=31))
        await deliver(event)
        refund = deliver(shop.refunded(event.payment_id))
        ended, _ = await race(
            turn, together(*(service.expire_coupons(deps) for _ in range(2))), refund
        )
        state = await place.value(
            "SELECT state FROM coupons WHERE payment_id = $1", event.payment_id
        )
        assert (sum(ended), state) in {(1, "EXPIRED"), (0, "REVOKED")}
    await hold()


async def test_limits_set_by_two_at_once(deliver, shop, place, console):
    """One is taken, the other is told; what stands, and what the log has, is the one's."""
    await deliver(shop.say(MerchantCreated))
    wanted = {"buyer_daily_max": None, "device_daily_max": None}
    async with console(shop.tenant_id, ("campaigns.read", "campaigns.write")) as client:
        for turn in range(ROUNDS):
            bodies = [{"version": turn + 1, **wanted, "daily_max": turn * 2 + n} for n in range(2)]
            answers = await race(turn, *(client.put(LIMITS, json=body) for body in bodies))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            (taken,) = [a.json() for a in answers if a.status_code == 200]
            shown = (await client.get("/api/merchant/v1/campaign")).json()
            assert (shown["daily_max"], shown["version"]) == (taken["daily_max"], turn + 2)
    rows = await place.fetch("SELECT payload FROM outbox ORDER BY seq")
    told = [event for row in rows if isinstance(event := decode(row["payload"]), CampaignAudited)]
    assert len(told) == ROUNDS
    assert told[-1].after["daily_max"] == shown["daily_max"]


async def test_a_batch_beside_its_repeat(deliver, shop, place, hold):
    """One event heard by two consumers, and told once more under another event's number."""
    await deliver(shop.say(MerchantCreated))
    for turn in range(ROUNDS):
        event = shop.paid()
        again = shop.paid(event.payment_id, event_id=uuid4())
        await race(turn, together(deliver(event), deliver(event)), deliver(again), 0.001)
        count = "SELECT count(*) FROM coupons WHERE payment_id = $1"
        assert await place.value(count, event.payment_id) == 1
    assert await place.value("SELECT sum(rewards) FROM reward_counts WHERE scope = 'day'") == ROUNDS
    await hold()
