"""Most payments become orders in one statement. It stores what the ordinary way stores, or
nothing."""

from uuid import uuid4

import pytest

from services.order.consumers import handlers
from services.order.deps import Deps
from shared.consumer import Consumer
from shared.contracts.events.payment import PaymentClosed, PaymentSucceeded
from tests.fixtures.at_once import NotAtOnceError, at_once, ordinarily, stored

pytestmark = pytest.mark.asyncio
TABLES = {
    "inbox": ("handled_at",),
    "orders": ("order_no", "order_no_tail"),
    "order_events": (),
}
"""What an order writes, and the columns that differ each time."""


@pytest.fixture
def consumer(db, clock, service_keys):
    broker = service_keys.broker("order", "127.0.0.1:1")
    return lambda of: Consumer(db, of, Deps(db, clock), broker)


async def test_both_ways_store_the_same(place, consumer, shop, other_shop, hold):
    paid = [shop.paid(), other_shop.paid(buyer_id=None), shop.paid(device_id=None)]
    closed = [other_shop.say(PaymentClosed, uuid4()), shop.say(PaymentClosed, uuid4())]
    ways = {}
    for way in (ordinarily, at_once):
        apply = way(consumer, handlers)
        await apply(*paid)
        await apply(*closed)
        ways[way] = await stored(place, TABLES)
        assert len(ways[way]["orders"]) == len(ways[way]["order_events"]) == 5
        assert len(ways[way]["inbox"]) == 5
        await hold()
        await place.truncate()
    assert ways[ordinarily] == ways[at_once]


@pytest.mark.parametrize("case", ["known", "an order is there", "one payment twice"])
async def test_what_is_not_ordinary_changes_nothing_at_once(
    place, deliver, consumer, shop, other_shop, hold, case
):
    last = shop.paid()
    events = [other_shop.paid(), shop.paid(), last]
    if case == "known":
        await deliver(last)
    elif case == "an order is there":
        await deliver(shop.say(PaymentClosed, last.payment_id))
    else:
        events.append(shop.say(PaymentSucceeded, last.payment_id))
    before = await stored(place, TABLES)
    with pytest.raises(NotAtOnceError):
        await at_once(consumer, handlers)(*events)
    assert await stored(place, TABLES) == before
    await deliver(*events)
    assert await place.value("SELECT count(*) FROM orders") == 3
    await hold()
