"""The dashboard: days in China, by store, what needs a look, and nobody else's money
(parts of S120: amount and count beside yesterday's)."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.events.binding import StoreCreated
from shared.contracts.events.payment import (
    PaymentClosed,
    PaymentFailed,
    PaymentLateSuccess,
    PaymentReversed,
)
from tests.fixtures.clock import NOON
from tests.integration.order.conftest import got

pytestmark = pytest.mark.asyncio

DASHBOARD = "/api/merchant/v1/dashboard"


async def shown(client, **asked):
    return await got(client, DASHBOARD, **asked)


@pytest.fixture
def trade(deliver, shop, sample_event):
    """Two stores: today 15.00 + 10.00 (half of that refunded) and one failure; yesterday 1.00, one
    minute before midnight in China; 2.00 in the first moment of the seven days, and in the minute
    before it 9.99 and a late 7.77, which no longer count."""

    async def tell():
        first, second = uuid4(), uuid4()
        named = sample_event(
            StoreCreated, tenant_id=shop.tenant_id, store_id=first, name="人民路店"
        )
        midnight = NOON.replace(hour=16, minute=0) - timedelta(days=1)
        today = [
            shop.paid(created_at=NOON, store_id=first, total_fen=1500, payable_fen=1500),
            shop.paid(created_at=midnight, store_id=second),
        ]
        refund = shop.refunded(
            today[1].payment_id, 500, created_at=midnight, store_id=second, refunded_at=NOON
        )
        failed = shop.say(PaymentFailed, uuid4(), created_at=NOON, store_id=first)
        before = midnight - timedelta(minutes=1)
        yesterday = shop.paid(created_at=before, store_id=first, total_fen=100, payable_fen=100)
        begin = midnight - timedelta(days=6)
        oldest = shop.paid(created_at=begin, store_id=first, total_fen=200, payable_fen=200)
        ago = {"created_at": begin - timedelta(minutes=1), "store_id": first}
        old = shop.paid(total_fen=999, payable_fen=999, **ago)
        late = shop.say(PaymentLateSuccess, uuid4(), total_fen=777, payable_fen=777, **ago)
        await deliver(named, *today, yesterday, oldest, old, late, refund, failed)
        return first, second

    return tell


async def test_days_in_china_and_stores(console, shop, trade):
    first, second = await trade()
    async with console(shop.tenant_id) as client:
        found = await shown(client)
    assert found["today"] == {
        "paid_fen": 2500, "count": 2, "refunded_fen": 500, "failed_count": 1
    }  # fmt: skip
    assert found["yesterday"] == {
        "paid_fen": 100, "count": 1, "refunded_fen": 0, "failed_count": 0
    }  # fmt: skip
    assert [(day["paid_fen"], day["refunded_fen"], day["count"]) for day in found["week"][-2:]] == [
        (100, 0, 1),
        (2500, 500, 2),
    ]
    assert [day["paid_fen"] for day in found["week"]] == [200, 0, 0, 0, 0, 100, 2500]
    assert found["by_store"] == [
        {"store_id": str(first), "store_name": "人民路店", "paid_fen": 1800, "refunded_fen": 0,
         "count": 3},
        {"store_id": str(second), "store_name": None, "paid_fen": 1000, "refunded_fen": 500,
         "count": 1},
    ]  # fmt: skip
    assert found["unknown_count"] == 0


async def test_yesterday_by_this_time(console, shop, deliver):
    """A morning is compared with yesterday's morning: what was kept of the orders made by then."""
    day = timedelta(days=1)
    early = shop.paid(created_at=NOON - day - timedelta(seconds=1))
    now = shop.paid(created_at=NOON - day)
    before = shop.paid(created_at=NOON - 2 * day)
    refund = shop.refunded(
        early.payment_id, 300, created_at=NOON - day - timedelta(seconds=1), refunded_at=NOON
    )
    failed = shop.say(PaymentFailed, uuid4(), created_at=NOON - day - timedelta(hours=1))
    await deliver(early, now, before, refund, failed)
    async with console(shop.tenant_id) as client:
        found = await shown(client)
    assert found["yesterday_by_now_fen"] == 700
    assert found["yesterday"]["paid_fen"] == 2000
    assert found["yesterday"]["failed_count"] == 1


async def test_one_store_alone(console, shop, trade):
    _, second = await trade()
    async with console(shop.tenant_id) as client:
        found = await shown(client, store_id=str(second))
        refused = await client.get(DASHBOARD, params={"store_id": "none"})
    assert found["today"]["paid_fen"] == 1000
    assert [row["store_id"] for row in found["by_store"]] == [str(second)]
    assert refused.status_code == 422


async def test_whatever_ended_without_money(console, shop, deliver):
    """Failed, closed, or given back at once; not what was captured after it had been closed."""
    ended = [
        shop.say(kind, uuid4(), created_at=NOON)
        for kind in (PaymentFailed, PaymentClosed, PaymentReversed, PaymentLateSuccess)
    ]
    await deliver(*ended, shop.paid(created_at=NOON))
    async with console(shop.tenant_id) as client:
        found = await shown(client)
    assert (found["today"]["failed_count"], found["today"]["count"]) == (3, 2)


async def test_money_after_closing_and_an_unheard_end_are_pointed_at(console, shop, deliver):
    """On any of the seven days."""
    late = shop.say(PaymentLateSuccess, uuid4(), created_at=NOON)
    unheard = shop.refunded(uuid4(), 100, created_at=NOON - timedelta(days=6), refunded_at=NOON)
    await deliver(late, unheard)
    async with console(shop.tenant_id) as client:
        found = await shown(client)
    assert (found["unknown_count"], found["today"]["count"]) == (2, 1)


async def test_nobody_elses_and_nothing_yet(console, shop, trade):
    await trade()
    async with console(uuid4()) as client:
        found = await shown(client)
    assert found["today"] == {"paid_fen": 0, "count": 0, "refunded_fen": 0, "failed_count": 0}
    assert (found["by_store"], len(found["week"])) == ([], 7)
    async with console(shop.tenant_id, permissions=()) as client:
        assert (await client.get(DASHBOARD)).status_code == 403


LAST = "/api/merchant/v1/dashboard/last-payments"


async def test_what_each_device_took_last(console, shop, deliver):
    """The newest that was paid, also when it was refunded or came late; failures do not count."""
    till, bar, idle = uuid4(), uuid4(), uuid4()
    older = shop.paid(created_at=NOON - timedelta(hours=2), device_id=till, payable_fen=100)
    newer = shop.paid(created_at=NOON, device_id=till, total_fen=250, payable_fen=250)
    failed = shop.say(PaymentFailed, uuid4(), created_at=NOON + timedelta(hours=1), device_id=till)
    late = shop.say(PaymentLateSuccess, uuid4(), created_at=NOON, device_id=bar)
    nothing = shop.say(PaymentFailed, uuid4(), created_at=NOON, device_id=idle)
    await deliver(newer, older, failed, late, nothing)
    asked = {"device_id": [str(one) for one in (till, bar, idle, uuid4())]}
    async with console(shop.tenant_id) as client:
        rows = (await client.get(LAST, params=asked)).json()["items"]
        orders = (await client.get("/api/merchant/v1/orders")).json()["items"]
    found = {row["device_id"]: row for row in rows}
    assert set(found) == {str(till), str(bar)}
    assert found[str(till)]["payable_fen"] == 250
    (order,) = [one for one in orders if one["payment_id"] == str(newer.payment_id)]
    assert found[str(till)]["order_no"] == order["order_no"]
    assert found[str(till)]["paid_at"] == order["paid_at"]
    async with console(uuid4()) as client:
        assert (await client.get(LAST, params=asked)).json()["items"] == []


async def test_last_payments_of_ones_own_stores(console, shop, deliver):
    """A person of one store sees what the device took there, wherever it stands now."""
    mine, other, till = uuid4(), uuid4(), uuid4()
    before = NOON - timedelta(days=1)
    here = shop.paid(created_at=before, store_id=mine, device_id=till, payable_fen=100)
    there = shop.paid(created_at=NOON, store_id=other, device_id=till)
    await deliver(here, there)
    asked = {"device_id": str(till)}
    async with console(shop.tenant_id, store_ids=[mine]) as client:
        (row,) = (await client.get(LAST, params=asked)).json()["items"]
    assert row["payable_fen"] == 100
    async with console(shop.tenant_id, store_ids=[uuid4()]) as client:
        assert (await client.get(LAST, params=asked)).json()["items"] == []


@pytest.mark.parametrize("devices", [[], ["x"], [str(uuid4())] * 101])
async def test_last_payments_asked_wrongly(console, shop, devices):
    async with console(shop.tenant_id) as client:
        assert (await client.get(LAST, params={"device_id": devices})).status_code == 422
    async with console(shop.tenant_id, permissions=()) as client:
        asked = {"device_id": str(uuid4())}
        assert (await client.get(LAST, params=asked)).status_code == 403
