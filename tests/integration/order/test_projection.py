"""One order per payment, whatever is heard first and how often (G6)."""

import asyncio
import itertools
import random
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from services.order.domain import is_order_no
from services.order.service import record_payments
from shared.contracts.events.binding import StoreCreated, StoreRenamed
from shared.contracts.events.payment import (
    PaymentClosed,
    PaymentFailed,
    PaymentLateSuccess,
    PaymentReversed,
    PaymentSucceeded,
)
from shared.db import Database
from tests.fixtures.clock import NOON
from tests.integration.order.conftest import INVARIANTS

pytestmark = pytest.mark.asyncio

FACTS = (
    "SELECT outcome, order_state, pay_state, refunded_fen, trade_no, buyer_id, paid_at, closed_at,"
    " total_fen, payable_fen, out_trade_no FROM orders WHERE payment_id = $1"
)


async def test_one_event_a_hundred_times_is_one_order(place, deliver, shop, hold):
    """G6: the inbox drops what was heard; the constraint stands behind it."""
    event = shop.paid()
    for _ in range(50):
        await deliver(event)
    await deliver(*[event] * 50)
    assert await place.value("SELECT count(*) FROM orders") == 1
    assert await place.value("SELECT count(*) FROM order_events") == 1
    await hold()


async def test_without_the_inbox_there_is_still_one_order(place, deliver, shop, hold):
    """Inbox rows are forgotten after a month: the projection itself must not double."""
    event = shop.paid()
    await deliver(event)
    for _ in range(3):
        await place.execute("DELETE FROM inbox")
        await deliver(event)
    assert await place.value("SELECT count(*) FROM orders") == 1
    assert await place.value("SELECT count(*) FROM order_events") == 1
    await hold()


async def test_a_batch_of_five_hundred(place, deliver, shop, other_shop, hold):
    """S94: D, the day in China, and no number twice."""
    events = [source.paid() for source in (shop, other_shop) for _ in range(250)]
    await deliver(*events)
    numbers = [row["order_no"] for row in await place.fetch("SELECT order_no FROM orders")]
    assert len(set(numbers)) == 500
    assert all(is_order_no(number) for number in numbers)
    # 2026-11-23 in China: the sample's created_at is noon there.
    assert {number[:7] for number in numbers} == {"D261123"}
    assert (
        await place.value("SELECT count(*) FROM orders WHERE tenant_id = $1", shop.tenant_id) == 250
    )
    await hold()


async def test_a_sale_of_nothing_is_completed_and_paid(place, deliver, shop, hold):
    """S99: fully discounted, completed and paid. Parts of S97: no receiver, no phone."""
    event = shop.paid(payable_fen=0, channel="none", scene="none", trade_no=None, buyer_id=None)
    await deliver(event)
    (order,) = await place.fetch("SELECT * FROM orders")
    assert (order["order_state"], order["pay_state"]) == ("completed", "paid")
    assert (order["payable_fen"], order["total_fen"]) == (0, 1000)
    assert (order["sub_type"], order["pay_method"]) == ("normal", "online")
    assert order["receiver"] is None
    assert order["receiver_phone"] is None
    await hold()


async def test_each_column_has_the_value_of_its_own_member(place, deliver, sample_event):
    """Values of one type could stand in each other's columns. In a sample each text is the name of
    its member, so that no two are equal."""
    later = NOON + timedelta(seconds=1)
    event = sample_event(PaymentSucceeded, total_fen=1300, paid_at=later)
    await deliver(event)
    (order,) = await place.fetch("SELECT * FROM orders")
    other_names = {"event_id": "order_id", "subject_text": "subject", "created_at": "ordered_at"}
    said = {other_names.get(name, name): value for name, value in event}
    both = said.keys() & order.keys()
    assert {name: order[name] for name in both} == {name: said[name] for name in both}
    assert len(both) >= 14, "the reader above no longer finds the members"


async def test_every_order_of_facts_ends_the_same(place, deliver, shop, hold):
    """A refund may overtake its success; the order and its timeline come out equal."""
    seen = set()
    for sequence in itertools.permutations(range(3)):
        payment = uuid4()
        facts = [
            shop.paid(payment, out_trade_no="OUT1", trade_no="T1"),
            shop.refunded(payment, 400, out_trade_no="OUT1"),
            shop.refunded(payment, 1000, refund_fen=600, out_trade_no="OUT1"),
        ]
        await deliver(*[facts[index] for index in sequence])
        (order,) = await place.fetch(FACTS, payment)
        assert (order["order_state"], order["pay_state"]) == ("completed", "refunded")
        seen.add(tuple(order.values()))
        kinds = await place.fetch(
            "SELECT kind FROM order_events JOIN orders USING (tenant_id, order_id)"
            " WHERE payment_id = $1 ORDER BY kind",
            payment,
        )
        assert [row["kind"] for row in kinds] == ["paid", "refunded", "refunded"]
    assert len(seen) == 1
    await hold()


async def test_how_each_fact_shows(place, deliver, shop, hold):
    """S96."""
    payments = {name: uuid4() for name in ("failed", "closed", "reversed", "late", "part", "only")}
    await deliver(
        shop.say(PaymentFailed, payments["failed"]),
        shop.say(PaymentClosed, payments["closed"]),
        shop.say(PaymentReversed, payments["reversed"]),
        shop.say(PaymentLateSuccess, payments["late"]),
        shop.say(PaymentClosed, payments["late"]),
        shop.paid(payments["part"]),
        shop.refunded(payments["part"], 1),
        shop.refunded(payments["only"], 1000),
    )
    found = {
        name: tuple((await place.fetch(FACTS, payment))[0].values())[1:4]
        for name, payment in payments.items()
    }
    assert found == {
        "failed": ("cancelled", "unpaid", 0),
        "closed": ("cancelled", "unpaid", 0),
        "reversed": ("cancelled", "refunded", 1000),
        "late": ("completed", "paid", 0),
        "part": ("completed", "partially_refunded", 1),
        "only": ("completed", "refunded", 1000),
    }
    await hold()


async def test_a_refund_that_overtakes_a_late_success(place, deliver, shop, hold):
    """Closed, then a refund whose late success is still under way: it cannot be unpaid."""
    payment = uuid4()
    await deliver(shop.say(PaymentClosed, payment), shop.refunded(payment, 1000))
    (order,) = await place.fetch(FACTS, payment)
    assert (order["order_state"], order["pay_state"]) == ("completed", "refunded")
    await deliver(shop.say(PaymentLateSuccess, payment))
    (order,) = await place.fetch(FACTS, payment)
    assert (order["outcome"], order["pay_state"]) == (3, "refunded")
    await hold()


async def test_a_taken_number_is_tried_again(place, deliver, shop):
    """The sequence begins anew (an installation was moved in): every number is taken once."""
    await deliver(*[shop.paid() for _ in range(20)])
    await place.execute("SELECT setval('order_numbers', 0, false)")
    # Pooled sessions hold numbers they have fetched ahead; these begin at 0 again.
    fresh = Database(place.app_url, place.system_url, pool_size=1, name="fresh")
    await fresh.open()
    try:
        async with fresh.pg(None) as pg:
            await record_payments(pg, [shop.paid() for _ in range(10)])
    finally:
        await fresh.close()
    assert await place.value("SELECT count(DISTINCT order_no) FROM orders") == 30


async def test_parallel_batches_of_the_same_payments(place, db, shop):
    """Two workers during a rebalance hold the same events, in any order: still one order each, and
    none waits for the other for ever, neither where orders are opened nor where facts are added."""
    payments = [uuid4() for _ in range(40)]

    async def once():
        mixed = random.sample(payments, len(payments))
        async with db.pg(None) as pg:
            await record_payments(pg, [shop.paid(payment) for payment in mixed])

    for _ in range(6):
        await asyncio.gather(*[once() for _ in range(4)])
    assert await place.value("SELECT count(*) FROM orders") == 40


async def test_stores_are_named_once_or_again(place, deliver, sample_event, shop, hold):
    """Created, then renamed; each of the two events keeps its one effect (G6)."""
    store = uuid4()
    for said, name in ((StoreCreated, "人民路店"), (StoreRenamed, "人民路旗舰店")):
        await deliver(
            sample_event(
                said,
                tenant_id=shop.tenant_id,
                event_id=uuid4(),
                store_id=store,
                name=name,
            )
        )
    assert await place.value("SELECT name FROM stores") == "人民路旗舰店"
    assert await place.value("SELECT cardinality(earlier_event_ids) FROM stores") == 1
    await hold()


async def test_a_name_that_was_said_before_does_not_come_back(
    place, deliver, sample_event, shop, hold
):
    """A replay goes backwards, and an operator may send an old event on purpose."""
    store = uuid4()
    for hours, name in ((0, "人民路店"), (2, "人民路旗舰店"), (1, "人民路二店")):
        at = NOON + timedelta(hours=hours)
        event = sample_event(
            StoreRenamed, tenant_id=shop.tenant_id, event_id=uuid4(), store_id=store, name=name,
            occurred_at=at,
        )  # fmt: skip
        await deliver(event)
    assert await place.value("SELECT name FROM stores") == "人民路旗舰店"
    await hold()


async def test_the_invariants_see_what_they_are_for(place, deliver, shop):
    """An audit that cannot fail proves nothing."""
    await deliver(shop.paid(), shop.paid())
    breaks = (
        "UPDATE orders SET payment_id = NULL",
        "DELETE FROM order_events",
        "DELETE FROM inbox",
        "UPDATE orders SET refunded_fen = 5",
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


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("together", [True, False])
async def test_an_order_was_paid_when_it_was_first_paid(
    place, deliver, shop, clock, together, is_known
):
    """Success told again later (a relay's replay, a correction) moves no date, in any order."""
    first, later = clock.now(), clock.now() + timedelta(minutes=3)
    for times in ((first, later), (later, first)):
        payment = uuid4()
        events = [shop.paid(payment, paid_at=at) for at in times]
        if is_known:
            await deliver(shop.refunded(payment, 100))
        for batch in [events] if together else [[event] for event in events]:
            await deliver(*batch)
        paid_at = await place.value("SELECT paid_at FROM orders WHERE payment_id = $1", payment)
        assert paid_at == first
