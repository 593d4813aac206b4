"""A person of certain stores sees the orders and the money of those, and of no other."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.fixtures.clock import NOON
from tests.integration.order.conftest import got

pytestmark = pytest.mark.asyncio
ORDERS, DASHBOARD = "/api/merchant/v1/orders", "/api/merchant/v1/dashboard"
NOTHING = {"paid_fen": 0, "count": 0, "refunded_fen": 0, "failed_count": 0}


@pytest.fixture
def three_stores(deliver, shop):
    """Three stores with two orders each: of 1.00 in the first, of 2.00, of 4.00."""

    async def tell():
        stores = [uuid4(), uuid4(), uuid4()]
        events = [
            shop.paid(
                created_at=NOON - timedelta(seconds=again * 3 + number),
                store_id=store,
                total_fen=100 * 2**number,
                payable_fen=100 * 2**number,
            )
            for again in range(2)
            for number, store in enumerate(stores)
        ]
        await deliver(*events)
        return stores

    return tell


async def test_the_order_list(console, shop, three_stores):
    """Whichever way one walks through it, and whatever one asks for."""
    first, second, third = await three_stores()
    async with console(shop.tenant_id) as owner:
        numbers = {row["store_id"]: row["order_no"] for row in (await got(owner, ORDERS))["items"]}
    async with console(shop.tenant_id, store_ids=[first, second]) as clerk:
        whole = await got(clerk, ORDERS)
        assert Counter(row["store_id"] for row in whole["items"]) == {
            str(first): 2, str(second): 2,
        }  # fmt: skip
        assert whole["total"] == 4
        page = await got(clerk, ORDERS, page_size=1)
        rows = page["items"]
        while page["next"]:
            page = await got(clerk, ORDERS, page_size=1, after=page["next"])
            rows += page["items"]
        assert rows == whole["items"]
        while page["previous"]:
            page = await got(clerk, ORDERS, page_size=1, before=page["previous"])
            assert page["items"][0] in whole["items"]
        theirs = {"store_id": str(third)}, {"order_no": numbers[str(third)]}
        for asked in (*theirs, {"q": numbers[str(third)]}):
            found = await got(clerk, ORDERS, **asked)
            assert (found["items"], found["total"]) == ([], 0), asked
        assert (await got(clerk, ORDERS, store_id=str(second)))["total"] == 2
        for store, status in ((first, 200), (second, 200), (third, 404)):
            answer = await clerk.get(f"{ORDERS}/{numbers[str(store)]}")
            assert answer.status_code == status


async def test_the_dashboard(console, shop, three_stores):
    """A store that is not theirs is a store that took nothing: never all of them together."""
    first, second, third = await three_stores()
    async with console(shop.tenant_id, store_ids=[first, second]) as clerk:
        both = await got(clerk, DASHBOARD)
        one = await got(clerk, DASHBOARD, store_id=str(second))
        other = await got(clerk, DASHBOARD, store_id=str(third))
    assert both["today"] == NOTHING | {"paid_fen": 600, "count": 4}
    assert {row["store_id"] for row in both["by_store"]} == {str(first), str(second)}
    assert one["today"] == NOTHING | {"paid_fen": 400, "count": 2}
    assert [row["store_id"] for row in one["by_store"]] == [str(second)]
    assert (other["today"], other["by_store"]) == (NOTHING, [])
    assert {day["paid_fen"] for day in other["week"]} == {0}
    async with console(shop.tenant_id) as owner:
        whole = await got(owner, DASHBOARD)
    assert whole["today"] == NOTHING | {"paid_fen": 1400, "count": 6}, "no store named: all"
