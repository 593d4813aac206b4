"""A slow channel: whoever holds a lease keeps it for as long as the channel takes (F32, F34).

The lease is 15 s at a scale of 1 to 30, and each answer takes 9 s and more at the same scale, so
that a round of two or three is longer than the lease. Two sweepers run all the time, and neither
may act on what the other is working on.
"""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
import pytest_asyncio

from services.payment.sweeper import Sweeper
from tests.integration.payment.egress import CANCEL, PAY, QUERY, REFUND, REFUND_QUERY, answer
from tests.integration.payment.notices.test_notices import notice

pytestmark = pytest.mark.asyncio
LEASE_S, SLOW_S = 0.5, 0.48


@pytest_asyncio.fixture
async def slow(shop):
    """The shop with short leases and a channel that takes its time."""
    schedule = replace(shop.deps.schedule, lease_s=LEASE_S)
    usual, shop.app.state.deps = shop.deps, replace(shop.deps, schedule=schedule)
    for method in (QUERY, CANCEL, REFUND, REFUND_QUERY):
        shop.egress.always(method, SLOW_S)
    yield shop
    shop.app.state.deps = usual


@asynccontextmanager
async def two_sweepers(shop):
    running = [asyncio.ensure_future(Sweeper(shop.deps).run()) for _ in range(2)]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        for task in running:
            with suppress(asyncio.CancelledError):
                await task


async def until(shop, sql, wanted):
    async with asyncio.timeout(10):
        while await shop.place.value(sql) != wanted:
            await asyncio.sleep(0.03)


async def test_query_and_cancel_longer_than_the_lease(slow, till):
    slow.egress.next(PAY, "in_process")
    first = await till.pay(8800)
    await slow.age(first["payment_id"], 61)
    async with two_sweepers(slow):
        await until(slow, "SELECT state FROM payments", "CLOSED")
    assert slow.egress.calls == {PAY: 1, QUERY: 1, CANCEL: 1}
    assert await slow.said(first["payment_id"]) == ["payment.closed.v1"]


async def test_a_late_paid_is_booked(slow, till):
    """One answer alone takes longer than the lease."""
    slow.egress.next(PAY, "lost_answer")
    slow.egress.next(QUERY, 2.5 * LEASE_S)
    first = await till.pay(100)
    async with two_sweepers(slow):
        await until(slow, "SELECT state FROM payments", "SUCCESS")
    assert slow.egress.calls == {PAY: 1, QUERY: 1}
    assert await slow.said(first["payment_id"]) == ["payment.succeeded.v1"]


async def test_a_clerks_stop_is_not_done_twice(slow, till):
    slow.egress.next(PAY, "in_process")
    first = await till.pay(8800)
    async with two_sweepers(slow):
        stopped = (await till.stop(first["pay_request_id"])).json()
    assert stopped["status"] == "closed"
    assert slow.egress.calls == {PAY: 1, QUERY: 1, CANCEL: 1}


async def test_a_refund_is_asked_about_and_sent_again_once(slow, till):
    paid = await till.pay(500)
    slow.egress.next(REFUND, "lost_request")
    await till.refund(paid["payment_id"], 200)
    await slow.place.execute("UPDATE refunds SET next_poll_at = now()")
    async with two_sweepers(slow):
        await until(slow, "SELECT state FROM refunds", "DONE")
    assert slow.egress.calls == {PAY: 1, REFUND: 2, REFUND_QUERY: 1}
    assert await slow.broken() == {}


async def test_the_worker_leaves_a_refund_to_the_request_that_sends_it(slow, till):
    """The first send is refused late: had the worker sent it meanwhile, money would have moved on
    a refund that the books call rejected."""
    paid = await till.pay(500)
    slow.egress.next(REFUND, 2.5 * LEASE_S)
    async with two_sweepers(slow):
        refund = (await till.refund(paid["payment_id"], 200)).json()
    assert refund["status"] == "done"
    assert slow.egress.calls == {PAY: 1, REFUND: 1}


async def test_a_dead_senders_refund_is_taken_over(slow, till):
    """The lease of a process that died runs out."""
    paid = await till.pay(500)
    slow.egress.next(REFUND, "lost_request")
    await till.refund(paid["payment_id"], 200)
    await slow.place.execute(
        "UPDATE refunds SET state = 'SUBMITTED', next_poll_at = now(),"
        " lease_token = gen_random_uuid(), lease_until = now() + interval '0.3 s'"
    )
    async with two_sweepers(slow):
        await until(slow, "SELECT state FROM refunds", "DONE")
    assert slow.egress.calls == {PAY: 1, REFUND: 2, REFUND_QUERY: 1}


async def test_a_quarantined_notice_is_asked_about_once(slow, till):
    paid = await till.pay(500)
    slow.egress.next(QUERY, 2.5 * LEASE_S)
    await till.notify(**notice(paid["out_trade_no"], 499))
    async with two_sweepers(slow):
        await until(slow, "SELECT query_said FROM notify_inbox", "paid")
    assert slow.egress.calls == {PAY: 1, QUERY: 1}


@pytest.mark.parametrize("seen_after", [True, False])
async def test_a_resend_refused_after_a_crash_is_no_end(shop, till, seen_after):
    """SUBMITTED after a crash: the first send may still come to its end while the second is
    refused. Neither the refusal nor one look decides."""
    paid = await till.pay(500)
    refused = answer("refused", code="40004", sub_code="ACQ.TRADE_NOT_ALLOW_REFUND")
    not_done = answer("success", refunded=False, refund_fen=0)
    shop.egress.next(REFUND, "lost_request", refused, refused)
    await till.refund(paid["payment_id"], 500)
    await shop.place.execute("UPDATE refunds SET state = 'SUBMITTED', next_poll_at = now()")
    await shop.sweep()
    assert await shop.place.value("SELECT state FROM refunds") == "UNKNOWN"
    assert (await till.refund(paid["payment_id"], 500)).status_code == 409, "still reserved"
    if seen_after:
        number = await shop.place.value("SELECT out_request_no FROM refunds")
        shop.egress.trades[paid["out_trade_no"]]["refunds"][number] = 500
    else:
        shop.egress.next(REFUND_QUERY, not_done, not_done)
    await shop.place.execute("UPDATE refunds SET next_poll_at = now(), lease_until = NULL")
    await shop.sweep()
    state = await shop.place.value("SELECT state FROM refunds")
    assert state == ("DONE" if seen_after else "REJECTED")
    assert await shop.broken() == {}
