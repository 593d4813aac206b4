"""The door of a merchant's own programs: its orders, its store's only where the key says so, and
nobody else's (S93, S130, G7)."""

from uuid import uuid4

import pytest

pytestmark = pytest.mark.asyncio
POS, CONSOLE = "/api/pos/v1/orders", "/api/merchant/v1/orders"


async def test_a_key_reads_what_the_console_shows(console, shop, deliver):
    events = [shop.paid(), shop.paid()]
    await deliver(*events)
    async with console(shop.tenant_id) as person:
        wanted = (await person.get(CONSOLE)).json()
        number = wanted["items"][0]["order_no"]
        detail = (await person.get(f"{CONSOLE}/{number}")).json()
    async with console(shop.tenant_id, kind="pos") as till:
        assert (await till.get(POS)).json() == wanted
        assert (await till.get(f"{POS}/{number}")).json() == detail
        found = (await till.get(POS, params={"q": events[0].out_trade_no})).json()
        assert [row["out_trade_no"] for row in found["items"]] == [events[0].out_trade_no]
        assert (await till.get(POS, params={"page_size": "x"})).status_code == 422


async def test_a_key_of_one_store_reads_that_store(console, shop, deliver):
    mine, other = uuid4(), uuid4()
    await deliver(shop.paid(store_id=mine), shop.paid(store_id=other))
    async with console(shop.tenant_id) as person:
        rows = (await person.get(CONSOLE)).json()["items"]
    numbers = {row["store_id"]: row["order_no"] for row in rows}
    async with console(shop.tenant_id, kind="pos", store_ids=[mine]) as till:
        found = (await till.get(POS)).json()
        assert [row["order_no"] for row in found["items"]] == [numbers[str(mine)]]
        assert (await till.get(f"{POS}/{numbers[str(mine)]}")).status_code == 200
        assert (await till.get(f"{POS}/{numbers[str(other)]}")).status_code == 404


async def test_another_merchants_orders_do_not_exist(console, shop, other_shop, deliver):
    await deliver(shop.paid(), other_shop.paid())
    async with console(shop.tenant_id) as person:
        (row,) = (await person.get(CONSOLE)).json()["items"]
    async with console(other_shop.tenant_id, kind="pos") as till:
        assert (await till.get(f"{POS}/{row['order_no']}")).status_code == 404
        assert (await till.get(POS)).json()["total"] == 1


async def test_each_door_is_for_its_own_kind_of_caller(console, shop):
    """A key at the console's door and a person at the key's: 403, as for a key without the
    permission."""
    async with console(shop.tenant_id, kind="pos") as till:
        for path in (CONSOLE, "/api/merchant/v1/dashboard"):
            assert (await till.get(path)).status_code == 403
    for kind in ("user", "device", "service"):
        async with console(shop.tenant_id, kind=kind) as other:
            assert (await other.get(POS)).status_code == 403
            assert (await other.get(f"{POS}/D00000000000001")).status_code == 403
    async with console(shop.tenant_id, kind="pos", permissions=()) as till:
        assert (await till.get(POS)).status_code == 403
