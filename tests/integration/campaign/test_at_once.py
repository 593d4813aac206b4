"""Most payments get their reward in one statement. It stores what the ordinary way stores, or
nothing."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from services.campaign.consumers import handlers
from shared.consumer import Consumer
from shared.contracts.events.binding import MerchantCreated
from shared.contracts.events.payment import PaymentReversed
from tests.fixtures.at_once import NotAtOnceError, at_once, ordinarily, stored

pytestmark = pytest.mark.asyncio
TABLES = {
    "inbox": ("handled_at",),
    "grants": (),
    "coupons": (),
    "reward_counts": (),
}
"""What a grant writes, and the columns that differ each time."""


@pytest.fixture
def consumer(db, deps, service_keys):
    broker = service_keys.broker("campaign", "127.0.0.1:1")
    return lambda of: Consumer(db, of, deps, broker)


async def test_both_ways_store_the_same(place, deliver, consumer, shop, other_shop, hold):
    opened = [shop.say(MerchantCreated), other_shop.say(MerchantCreated)]
    refunded = uuid4()
    events = [
        *(shop.paid(buyer_id="2088b") for _ in range(3)),
        other_shop.paid(buyer_id=None),
        shop.paid(device_id=None),
        other_shop.paid(refunded),
    ]
    ways = {}
    for way in (ordinarily, at_once):
        apply = way(consumer, handlers)
        await deliver(*opened, other_shop.say(PaymentReversed, refunded, event_id=refunded))
        await place.execute("DELETE FROM prizes")
        await place.execute("UPDATE campaigns SET campaign_id = tenant_id")
        await apply(*events)
        ways[way] = await stored(place, TABLES)
        await hold()
        await place.truncate()
    assert len(ways[at_once]["coupons"]) == len(events)
    assert ways[ordinarily].pop("inbox")
    assert ways[at_once].pop("inbox")
    assert ways[ordinarily] == ways[at_once]


@pytest.fixture
def unusual(place, deliver, shop, other_shop):
    """unusual(case): a batch whose last event is not ordinary."""

    async def make(case):
        await deliver(shop.say(MerchantCreated))
        last = shop.paid(buyer_id="2088b")
        if case == "known":
            await deliver(last)
        elif case == "granted before":
            await deliver(shop.paid(last.payment_id))
        elif case == "a limit is reached":
            await deliver(shop.paid(buyer_id="2088b"))
            await place.execute("UPDATE campaigns SET buyer_daily_max = 1")
        elif case == "a limit is reached within":
            await place.execute("UPDATE campaigns SET daily_max = 2")
        elif case == "nothing paid":
            last = shop.paid(payable_fen=0, total_fen=0)
        elif case == "no campaign":
            last = other_shop.paid()
        elif case == "one payment twice":
            return [last, shop.paid(), shop.paid(last.payment_id)]
        return [shop.paid(), shop.paid(), last]

    return make


@pytest.mark.parametrize(
    "case",
    [
        "known",
        "granted before",
        "a limit is reached",
        "a limit is reached within",
        "nothing paid",
        "no campaign",
        "one payment twice",
    ],
)
async def test_what_is_not_ordinary_changes_nothing_at_once(
    place, deliver, consumer, unusual, hold, case
):
    events = await unusual(case)
    before = await stored(place, TABLES)
    with pytest.raises(NotAtOnceError):
        await at_once(consumer, handlers)(*events)
    assert await stored(place, TABLES) == before
    await deliver(*events)
    assert await place.value("SELECT count(*) FROM grants") >= 2
    await hold()


async def test_a_campaign_made_meanwhile_is_not_counted_without_its_lock(
    place, deliver, consumer, shop, other_shop
):
    """The batch waits for the lock of one campaign while the other merchant's is made."""
    await deliver(shop.say(MerchantCreated))
    holder = await asyncpg.connect(place.owner_url)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT 1 FROM campaigns FOR UPDATE")
        batch = asyncio.ensure_future(at_once(consumer, handlers)(shop.paid(), other_shop.paid()))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        async with asyncio.timeout(8):
            while not await place.value(waiting):
                await asyncio.sleep(0.01)
        await deliver(other_shop.say(MerchantCreated))
        await transaction.rollback()
    finally:
        await holder.close()
    with pytest.raises(NotAtOnceError):
        await batch
    assert await place.value("SELECT count(*) FROM reward_counts") == 0
