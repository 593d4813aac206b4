"""One coupon and the draws of each confirmed payment, taken back on refund (S72, S128, G6)."""

import itertools
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from services.campaign import repo, service
from shared.contracts.events.binding import MerchantCreated
from shared.contracts.events.payment import PaymentReversed
from tests.fixtures.clock import NOON
from tests.integration.campaign.conftest import INVARIANTS

pytestmark = pytest.mark.asyncio

STATE = (
    "SELECT g.status, g.draws_granted, g.draws_used, g.granted_at, g.revoked_at, g.buyer_id,"
    " c.state, c.value_fen FROM grants g LEFT JOIN coupons c USING (tenant_id, payment_id)"
    " WHERE payment_id = $1"
)


async def counts(place):
    tables = ("campaigns", "prizes", "grants", "coupons")
    return tuple([await place.value(f"SELECT count(*) FROM {table}") for table in tables])


async def test_a_new_merchant_has_one_campaign(place, deliver, shop):
    created = shop.say(MerchantCreated)
    await deliver(created)
    await deliver(created)
    await deliver(shop.say(MerchantCreated), shop.say(MerchantCreated))
    assert await counts(place) == (1, 3, 0, 0)


async def test_a_payment_heard_before_its_merchant(place, deliver, shop, hold):
    """The campaign is made then; the merchant's creation finds it there."""
    await deliver(shop.paid(), shop.say(MerchantCreated), shop.paid())
    assert await counts(place) == (1, 3, 2, 2)
    await hold()


async def test_one_event_a_hundred_times_is_one_coupon(place, deliver, shop, hold):
    event = shop.paid()
    for _ in range(50):
        await deliver(event)
    await deliver(*[event] * 50)
    assert await counts(place) == (1, 3, 1, 1)
    (state,) = await place.fetch(STATE, event.payment_id)
    assert (state["status"], state["draws_granted"], state["state"]) == ("granted", 3, "ISSUED")
    await hold()


async def test_without_the_inbox_there_is_still_one_coupon(place, deliver, shop, hold):
    """Also when another event tells the same payment again."""
    event = shop.paid()
    await deliver(event)
    await place.execute("DELETE FROM inbox")
    await deliver(event, shop.paid(event.payment_id))
    assert await counts(place) == (1, 3, 1, 1)
    await hold()


async def test_a_batch_of_five_hundred_for_two_merchants(place, deliver, shop, other_shop, hold):
    """One of them has a campaign, the other has never been heard of."""
    await deliver(shop.say(MerchantCreated))
    await deliver(*[source.paid() for _ in range(250) for source in (shop, other_shop)])
    assert await counts(place) == (2, 6, 500, 500)
    await hold()


async def test_every_order_of_facts_ends_the_same(place, deliver, shop, hold):
    """Success, a partial refund, the full refund: the last one decides, whenever it is heard."""
    seen = set()
    for sequence in itertools.permutations(range(3)):
        payment = uuid4()
        facts = [
            shop.paid(payment, buyer_id="2088b"),
            shop.refunded(payment, is_full=False),
            shop.refunded(payment),
        ]
        await deliver(*[facts[index] for index in sequence])
        (state,) = await place.fetch(STATE, payment)
        seen.add(tuple(state.values()))
    ((status, granted, used, *_, coupon, _value),) = seen
    assert (status, granted, used, coupon) == ("revoked", 3, 0, "REVOKED")
    await hold()


async def test_a_partial_refund_takes_nothing(place, deliver, shop, hold):
    event = shop.paid()
    await deliver(event, shop.refunded(event.payment_id, is_full=False))
    (state,) = await place.fetch(STATE, event.payment_id)
    assert (state["status"], state["state"]) == ("granted", "ISSUED")
    await hold()


async def test_a_reversed_payment_has_no_reward(place, deliver, shop, hold):
    """Captured and given back by our cancel: there never was a success."""
    payment = uuid4()
    await deliver(shop.say(PaymentReversed, payment))
    (state,) = await place.fetch(STATE, payment)
    assert (state["status"], state["draws_granted"], state["state"]) == ("revoked", 0, None)
    await hold()


async def test_a_used_coupon_stays_used(place, deliver, shop, hold):
    event = shop.paid()
    await deliver(event)
    await place.execute("UPDATE coupons SET state = 'USED'")
    await deliver(shop.refunded(event.payment_id))
    (state,) = await place.fetch(STATE, event.payment_id)
    assert (state["status"], state["state"]) == ("revoked", "USED")
    await hold()


async def test_a_coupon_ends_with_its_time(place, deliver, shop, deps, clock, hold):
    old, new = shop.paid(paid_at=NOON), shop.paid(paid_at=NOON + timedelta(days=1))
    await deliver(old, new)
    clock.advance(30 * 86_400)
    assert await service.expire_coupons(deps) == 0
    clock.advance(1)
    assert await service.expire_coupons(deps) == 1
    assert await service.expire_coupons(deps) == 0
    (state,) = await place.fetch(STATE, old.payment_id)
    assert state["state"] == "EXPIRED"
    await hold()


READ = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'coupons'"
MANY_COUPONS = """
INSERT INTO coupons SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
  gen_random_uuid(), NULL, 'x', 'x', 1, 0, $1, 'ISSUED', $1, $1 FROM generate_series(1, 5000)
"""


async def test_no_step_of_an_expiry_reads_all_coupons(place, deps, clock):
    await place.execute(MANY_COUPONS, NOON)
    await place.execute("ANALYZE coupons")
    async with deps.db.pg(None) as pg:
        assert await repo.expire_coupons(pg, NOON + timedelta(days=1), 500) == 500
        assert await pg.fetchval(READ) == 0


async def test_housekeeping_forgets_what_is_old(place, deliver, shop, deps):
    await deliver(shop.paid())
    await place.execute(
        "INSERT INTO device_nonces VALUES ($1, $1, 'old', $2), ($1, $1, 'new', $3)",
        shop.tenant_id,
        NOON - timedelta(seconds=901),
        # A signature dated ahead counts for 600 s, on a clock that may be a minute behind.
        NOON - timedelta(seconds=660),
    )
    await place.execute("UPDATE inbox SET handled_at = now() - interval '31 days'")
    await service.keep_house(deps)
    assert await place.value("SELECT string_agg(nonce, ',') FROM device_nonces") == "new"
    assert await place.value("SELECT count(*) FROM inbox") == 0


async def test_the_merchant_sees_the_campaign(console, deliver, shop, other_shop):
    await deliver(shop.say(MerchantCreated))
    async with console(shop.tenant_id) as client:
        found = (await client.get("/api/merchant/v1/campaign")).json()
    assert found["title"] == "支付有礼"
    assert found["title_en"] == "Thank-you rewards"
    assert (found["status"], found["draws_per_payment"]) == ("active", 3)
    assert [prize["stock_left"] for prize in found["prizes"]] == [None, None, 1000]
    async with console(other_shop.tenant_id) as client:
        assert (await client.get("/api/merchant/v1/campaign")).status_code == 404
    for permissions, kind in (((), "user"), (("campaigns.read",), "device")):
        async with console(shop.tenant_id, permissions, kind) as client:
            assert (await client.get("/api/merchant/v1/campaign")).status_code == 403


async def test_the_invariants_see_what_they_are_for(place, deliver, shop, device):
    """An audit that cannot fail proves nothing."""
    events = [shop.paid() for _ in range(3)]
    await deliver(*events)
    await place.execute("UPDATE prizes SET stock = 9, stock_left = 9, weight = 1")
    await place.execute("UPDATE campaigns SET miss_weight = 0")
    async with device(shop) as door:
        assert (await door.draw(events[0].payment_id)).json()["prize"] is not None
    breaks = (
        "UPDATE prizes SET stock_left = 9",
        "DELETE FROM draws",
        "UPDATE grants SET draws_used = 2",
        "DELETE FROM coupons",
        "UPDATE grants SET status = 'revoked'",
        "DELETE FROM reward_counts",
    )
    caught = set()
    for statement in breaks:
        connection = await asyncpg.connect(place.superuser_url)
        try:
            work = connection.transaction()
            await work.start()
            await connection.execute(statement)
            hits = {name for name, sql in INVARIANTS.items() if await connection.fetch(sql)}
            assert hits, statement
            caught |= hits
            await work.rollback()
        finally:
            await connection.close()
    assert caught == set(INVARIANTS)
