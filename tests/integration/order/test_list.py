"""The order list and detail (S93), and that nobody sees another merchant's (G7)."""

from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio

from shared.contracts.events.binding import StoreCreated
from shared.contracts.events.payment import PaymentFailed
from tests.fixtures.clock import NOON
from tests.integration.order.conftest import got

pytestmark = pytest.mark.asyncio

ORDERS = "/api/merchant/v1/orders"


@pytest.fixture
def days(deliver, shop, sample_event):
    """Five orders on five days in two stores; the fourth failed, the fifth is half refunded."""

    async def tell():
        stores, device = [uuid4(), uuid4()], uuid4()
        events = []
        for day in range(5):
            members = {
                "created_at": NOON + timedelta(days=day),
                "store_id": stores[day % 2],
                "device_id": device if day == 0 else None,
                "scene": "code" if day == 1 else "face",
            }
            if day == 3:
                events.append(shop.say(PaymentFailed, uuid4(), **members))
            else:
                events.append(shop.paid(paid_at=members["created_at"], **members))
        refunded_at = NOON + timedelta(days=5)
        events.append(shop.refunded(events[4].payment_id, 500, refunded_at=refunded_at, **members))
        named = sample_event(
            StoreCreated, tenant_id=shop.tenant_id, store_id=stores[0], name="人民路店"
        )
        await deliver(named, *events)
        return stores, device, events

    return tell


async def listed(client, **filters):
    return await got(client, ORDERS, **filters)


async def test_newest_first_with_the_columns_of_the_manual(console, shop, days):
    """S94, S98, S130, and parts of S92, S97: the page calls the method *in person*, not online."""
    stores, _, events = await days()
    async with console(shop.tenant_id) as client:
        found = await listed(client)
    assert (found["total"], found["page"], found["page_size"]) == (5, 1, 20)
    assert [row["payment_id"] for row in found["items"]] == [
        str(event.payment_id) for event in reversed(events[:5])
    ]
    first = found["items"][0]
    assert first["store_name"] == "人民路店"
    assert first["store_id"] == str(stores[0])
    assert first["order_no"].startswith("D261127")
    assert first["ordered_at"] == "2026-11-27T04:00:00Z"
    assert (first["order_state"], first["pay_state"]) == ("completed", "partially_refunded")
    assert (first["total_fen"], first["stored_value_fen"], first["refunded_fen"]) == (1000, 0, 500)
    nets = [row["net_fen"] for row in found["items"]]
    assert nets == [500, 0, 1000, 1000, 1000], "half of it back; nothing taken; all of it"
    assert (first["receiver"], first["receiver_phone"]) == (None, None)
    assert found["items"][1]["store_name"] is None


async def test_each_filter_narrows(console, shop, days):
    """S76-S82, S86, S90, S95: every filter of the contract, alone; parts of S83, S88: the time is
    the order's, the terminal a device."""
    stores, device, events = await days()
    async with console(shop.tenant_id) as client:
        rows = (await listed(client))["items"]
        for name, value, expected in (
            ("order_no", rows[2]["order_no"], [2]),
            ("payment_id", rows[1]["payment_id"], [1]),
            ("order_state", "cancelled", [1]),
            ("order_state", "completed", [0, 2, 3, 4]),
            ("order_type", "face_pay", [0, 1, 2, 3, 4]),
            ("order_type", "goods", []),
            ("sub_type", "alipay_code", [3]),
            ("pay_state", "unpaid", [1]),
            ("pay_state", "partially_refunded", [0]),
            ("pay_method", "online", [0, 1, 2, 3, 4]),
            ("store_id", str(stores[1]), [1, 3]),
            ("device_id", str(device), [4]),
            ("from", "2026-11-26T12:00:00+08:00", [0, 1]),
            ("to", "2026-11-24T04:00:00Z", [4]),
            ("q", rows[2]["order_no"][:12].lower(), [2]),
            ("q", events[0].out_trade_no[:20], [4]),
            ("q", events[0].out_trade_no[:20].lower(), [4]),
            ("q", events[0].trade_no[:20], [4]),
            ("q", "OUT", [0, 1, 2, 3, 4]),
            ("q", "zzz", []),
            ("q", "", [0, 1, 2, 3, 4]),
        ):
            found = await listed(client, **{name: value})
            assert found["items"] == [rows[index] for index in expected], (name, value)
            assert found["total"] == len(expected)


@pytest_asyncio.fixture
async def another_method(place):
    """another_method(order_no): it was paid in a way that no door knows yet."""
    rule = "ck_orders_pay_method"
    (row,) = await place.fetch(
        f"SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = '{rule}'"
    )
    await place.execute(f"ALTER TABLE orders DROP CONSTRAINT {rule}")

    async def change(order_no):
        await place.execute("UPDATE orders SET pay_method = 'cash' WHERE order_no = $1", order_no)

    yield change
    await place.truncate()
    await place.execute(f"ALTER TABLE orders ADD CONSTRAINT {rule} {row['text']}")


async def test_the_method_narrows_as_soon_as_there_are_two(console, shop, days, another_method):
    await days()
    async with console(shop.tenant_id) as client:
        first, *others = (await listed(client))["items"]
        await another_method(first["order_no"])
        found = await listed(client, pay_method="online")
    assert (found["items"], found["total"]) == (others, 4)


async def test_filters_add_up_and_pages_follow(console, shop, days):
    stores, _, _ = await days()
    async with console(shop.tenant_id) as client:
        rows = (await listed(client, store_id=str(stores[0])))["items"]
        assert len(rows) == 3
        for page, expected in ((1, rows[:2]), (2, rows[2:]), (3, [])):
            found = await listed(client, store_id=str(stores[0]), page=page, page_size=2)
            assert (found["items"], found["total"]) == (expected, 3)
        both = await listed(client, store_id=str(stores[0]), pay_state="partially_refunded")
        assert both["items"] == rows[:1]


@pytest.mark.parametrize(
    "query",
    [
        "stat=paid",
        "page_size=101",
        "page_size=0",
        "page=0",
        "page=x",
        "pay_state=maybe",
        "store_id=nonsense",
        "from=2026-11-23",
        "from=2026-11-23T00:00:00",
        "q=%25",
        "q=" + "a" * 65,
        "pay_state=paid&pay_state=unpaid",
        "since=2026-11-23T00:00:00Z",
        "tenant_id=00000000-0000-7000-8000-000000000001",
    ],
)
async def test_what_is_not_a_filter_is_refused(console, shop, query):
    async with console(shop.tenant_id) as client:
        answer = await client.get(f"{ORDERS}?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid_body"


async def test_detail_tells_what_happened(console, shop, days):
    _, _, events = await days()
    async with console(shop.tenant_id) as client:
        row = (await listed(client, payment_id=str(events[4].payment_id)))["items"][0]
        detail = (await client.get(f"{ORDERS}/{row['order_no']}")).json()
    timeline = detail.pop("timeline")
    assert detail == row
    assert [entry["kind"] for entry in timeline] == ["created", "paid", "refunded"]
    assert timeline[2]["at"] == "2026-11-28T04:00:00Z"
    assert timeline[2]["data"]["refund_fen"] == 500


async def test_another_merchant_sees_nothing(console, shop, other_shop, deliver):
    """G7: lists are empty, a foreign number is not there, and the answers are equal."""
    await deliver(*[shop.paid() for _ in range(3)])
    async with console(shop.tenant_id) as client:
        number = (await listed(client))["items"][0]["order_no"]
    async with console(other_shop.tenant_id) as client:
        assert (await listed(client))["total"] == 0
        assert (await listed(client, order_no=number))["items"] == []
        foreign = await client.get(f"{ORDERS}/{number}")
        unknown = await client.get(f"{ORDERS}/D00000000000000")
        malformed = await client.get(f"{ORDERS}/whatever")
    for answer in (foreign, unknown, malformed):
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


async def test_without_a_tenant_there_are_no_rows(db, shop, deliver):
    await deliver(shop.paid())
    for table in ("orders", "order_events"):
        assert await db.many(f"SELECT * FROM {table}") == []


async def test_who_may_ask(console, shop):
    for permissions, kind, status in ((), "user", 403), (("orders.read",), "device", 403):
        async with console(shop.tenant_id, permissions, kind) as client:
            assert (await client.get(ORDERS)).status_code == status
    async with console(None) as client:
        assert (await client.get(ORDERS)).status_code == 403
    async with console(shop.tenant_id) as client:
        answer = await client.get(ORDERS, headers={"Authorization": "Bearer x"})
        assert answer.status_code == 401
