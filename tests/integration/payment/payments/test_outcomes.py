"""What the channel says late, badly or not at all, and how each payment ends all the same."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.payment.payments import settlement, store
from services.payment.sweeper import Sweeper
from shared.contracts.events.payment import PaymentLateSuccess, PaymentReversed
from tests.integration.payment.conftest import leased
from tests.integration.payment.egress import CANCEL, PAY, QUERY, answer

pytestmark = pytest.mark.asyncio


async def test_answer_lost_after_the_money_moved(shop, till):
    """F4, F12: unknown, asked at once, paid; nobody paid twice; no notify needed."""
    shop.egress.next(PAY, "lost_answer")
    first = await till.pay(420)
    assert first["status"] == "pending"
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
    assert shop.egress.calls == {PAY: 1, QUERY: 1}
    assert await shop.said(first["payment_id"]) == ["payment.succeeded.v1"]
    assert await shop.broken() == {}


async def test_buyer_confirms_on_the_phone(shop, till):
    """F6: 10003, asked after three seconds, and again, until the buyer has confirmed."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(8800)
    assert (first["status"], await shop.state(first["payment_id"])) == ("pending", "PAYING")
    assert first["waiting_for"] == "buyer"
    wait = await shop.place.value("SELECT next_poll_at - now() FROM payments")
    assert timedelta(seconds=2) < wait <= timedelta(seconds=3)
    await shop.sweep()
    assert shop.egress.calls[QUERY] == 0, "not due yet"
    await shop.age(first["payment_id"], 3)
    await shop.sweep()
    assert await shop.state(first["payment_id"]) == "PAYING"
    shop.egress.confirm(first["out_trade_no"])
    await shop.age(first["payment_id"], 56)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
    assert shop.egress.calls[QUERY] == 2
    assert await shop.broken() == {}


async def test_polls_slow_down_and_the_last_comes_at_the_deadline(shop, till):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(8800)
    for aged, at_most in ((4, 3), (30, 5), (24.5, 2)):
        await shop.age(first["payment_id"], aged)
        await shop.sweep()
        wait = await shop.place.value("SELECT next_poll_at - now() FROM payments")
        assert wait <= timedelta(seconds=at_most)
    row = await shop.row(first["payment_id"])
    assert row["next_poll_at"] == row["deadline_at"]


async def test_deadline_unpaid_is_cancelled_without_a_gap(shop, till):
    """F5: the last query, CANCELLING, the cancel, in one round."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(8800)
    await shop.age(first["payment_id"], 61)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "closed"
    assert [method for method, _ in shop.egress.asked] == [PAY, QUERY, CANCEL]
    assert await shop.said(first["payment_id"]) == ["payment.closed.v1"]
    assert shop.egress.trades[first["out_trade_no"]]["status"] == "TRADE_CLOSED"
    assert await shop.broken() == {}


async def test_deadline_for_a_process_that_died(shop, till):
    """F16: SUBMITTED, and nobody ever reported the call's end."""
    first = await till.pay(100)
    await shop.place.execute(
        "UPDATE payments SET state = 'SUBMITTED', trade_no = NULL, paid_at = NULL,"
        " finished_at = NULL, next_poll_at = now(), pay_open_until = now() + interval '9 s'"
    )
    await shop.place.execute("DELETE FROM outbox")
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
    assert await shop.said(first["payment_id"]) == ["payment.succeeded.v1"]


async def test_request_lost_ends_closed(shop, till):
    """F5: "no such trade" is no proof until the window is over; then cancel, closed, nothing
    captured; one late look confirms it."""
    shop.egress.next(PAY, "lost_request")
    first = await till.pay(100)
    for _ in range(3):
        await shop.sweep()
        await shop.age(first["payment_id"], 5)
    assert await till.status(first["pay_request_id"]) == "pending"
    await shop.age(first["payment_id"], 60)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "closed"
    assert shop.egress.captured() == {}
    await shop.age(first["payment_id"], 31)
    await shop.sweep()
    row = await shop.row(first["payment_id"])
    assert (row["state"], row["next_poll_at"]) == ("CLOSED", None)
    assert await shop.said(first["payment_id"]) == ["payment.closed.v1"]
    assert await shop.broken() == {}


async def test_money_after_the_end_opens_a_case(shop, till):
    """F13: the request reached the channel after we had cancelled what it did not know."""
    shop.egress.next(PAY, "lost_request")
    first = await till.pay(100)
    await till.stop(first["pay_request_id"])
    assert await till.status(first["pay_request_id"]) == "closed"
    shop.egress._pay({"out_trade_no": first["out_trade_no"], "total_fen": 100}, None)
    await shop.age(first["payment_id"], 31)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "late_paid"
    *_, late = await shop.events(first["payment_id"])
    assert isinstance(late, PaymentLateSuccess)
    assert await shop.place.value("SELECT kind FROM payment_cases") == "late_success"
    assert await shop.broken() == {}
    refunded = await till.refund(first["payment_id"], 100)
    assert refunded.json()["status"] == "done"
    assert await till.status(first["pay_request_id"]) == "refunded"
    assert await shop.broken() == {}


async def test_a_late_trade_that_waits_is_cancelled_too(shop, till):
    shop.egress.next(PAY, "lost_request")
    first = await till.pay(100)
    await till.stop(first["pay_request_id"])
    shop.egress._pay({"out_trade_no": first["out_trade_no"], "total_fen": 100}, "in_process")
    for _ in range(2):
        await shop.age(first["payment_id"], 31)
        await shop.sweep()
    assert shop.egress.trades[first["out_trade_no"]]["status"] == "TRADE_CLOSED"
    assert await till.status(first["pay_request_id"]) == "closed"


async def test_stop_while_the_buyer_types(shop, till):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(100)
    stopped = (await till.stop(first["pay_request_id"])).json()
    assert stopped["status"] == "closed"
    assert (await till.stop(first["pay_request_id"])).json() == stopped
    assert await shop.broken() == {}


async def test_stop_finds_it_paid(shop, till):
    shop.egress.next(PAY, "lost_answer")
    first = await till.pay(100)
    assert (await till.stop(first["pay_request_id"])).json()["status"] == "paid"
    assert shop.egress.calls[CANCEL] == 0
    again = await till.stop(first["pay_request_id"])
    assert again.json()["status"] == "paid"


async def test_cancel_races_success(shop, till):
    """F7: paid between the last query and the cancel: reversed, with a refund in the books."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(423)
    shop.egress.next(QUERY, answer("success", **{
        **shop.egress._view(first["out_trade_no"]), "trade_status": "WAIT_BUYER_PAY",
    }))  # fmt: skip
    shop.egress.confirm(first["out_trade_no"])
    stopped = (await till.stop(first["pay_request_id"])).json()
    assert (stopped["status"], stopped["refunded_fen"]) == ("reversed", 423)
    (event,) = await shop.events(first["payment_id"])
    assert isinstance(event, PaymentReversed)
    assert await shop.place.value("SELECT amount_fen FROM refunds WHERE origin = 'cancel'") == 423
    assert shop.egress.captured() == {}
    assert await shop.broken() == {}


async def test_a_cancel_whose_answer_was_lost_after_it_gave_money_back(shop, till):
    """F8: the second cancel says "close", but the query knows that money had been taken."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(423)
    shop.egress.next(CANCEL, "lost_answer")
    shop.egress.next(QUERY, answer("success", **{
        **shop.egress._view(first["out_trade_no"]), "trade_status": "WAIT_BUYER_PAY",
    }))  # fmt: skip
    shop.egress.confirm(first["out_trade_no"])
    stopped = (await till.stop(first["pay_request_id"])).json()
    assert (stopped["status"], await shop.state(first["payment_id"])) == ("pending", "CANCELLING")
    assert stopped["waiting_for"] == "cancel"
    await shop.age(first["payment_id"], 3)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "reversed"
    assert await shop.broken() == {}


async def test_cancel_again_until_it_is_answered(shop, till):
    """F8: lost answers and retry_flag=Y; the same parameters each time, ever more slowly."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(423)
    retry = answer("success", action=None, retry=True, trade_no=None)
    shop.egress.next(CANCEL, "lost_request", retry, 500, "not_sent", "lost_answer")
    await till.stop(first["pay_request_id"])
    waits = []
    for _ in range(5):
        wait = await shop.place.value("SELECT next_poll_at - now() FROM payments")
        waits.append(round(wait.total_seconds()))
        await shop.age(first["payment_id"], 31)
        await shop.sweep()
    assert waits == [2, 2, 2, 4, 8]
    assert await till.status(first["pay_request_id"]) == "closed"
    asked = [body["params"] for method, body in shop.egress.asked if method == CANCEL]
    assert all(params == asked[0] for params in asked)
    assert await shop.broken() == {}


async def test_cancel_is_given_up_after_a_day(shop, till):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(423)
    shop.egress.always(CANCEL, 500)
    await till.stop(first["pay_request_id"])
    await shop.age(first["payment_id"], 24 * 3600 + 1)
    await shop.sweep()
    row = await shop.row(first["payment_id"])
    assert (row["state"], row["next_poll_at"]) == ("MANUAL", None)
    assert await shop.place.value("SELECT kind FROM payment_cases") == "manual"
    assert await till.status(first["pay_request_id"]) == "pending"


async def test_cancel_refused_and_paid_for_good(shop, till):
    """ACQ.TRADE_HAS_FINISHED: money that we can no longer cancel is never silent."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(423)
    shop.egress.next(QUERY, answer("success", **{
        **shop.egress._view(first["out_trade_no"]), "trade_status": "WAIT_BUYER_PAY",
    }))  # fmt: skip
    shop.egress.confirm(first["out_trade_no"])
    shop.egress.next(CANCEL, answer("refused", code="40004", sub_code="ACQ.TRADE_HAS_FINISHED"))
    stopped = (await till.stop(first["pay_request_id"])).json()
    assert stopped["status"] == "late_paid"
    assert await shop.broken() == {}


async def test_stop_while_the_pay_call_is_on_its_way(shop, till):
    """F7: a cancel that finds nothing proves nothing while our request may still arrive."""
    gate = asyncio.Event()
    shop.egress.next(PAY, gate)
    body = till.body(500)
    asked = asyncio.ensure_future(till.post(body))
    while not shop.egress.calls[PAY]:
        await asyncio.sleep(0.01)
    stopped = (await till.stop(body["pay_request_id"])).json()
    assert stopped["status"] == "pending"
    assert await shop.state(stopped["payment_id"]) == "CANCELLING"
    gate.set()
    assert (await asked).json()["status"] == "pending"
    await shop.sweep()
    assert await till.status(body["pay_request_id"]) == "reversed"
    assert shop.egress.captured() == {}
    assert await shop.broken() == {}


async def test_channel_down_for_long_then_heals(shop, till):
    """F5, F35: everything unclear for minutes; after healing one round ends it."""
    shop.egress.always(PAY, "lost_answer")
    shop.egress.always(QUERY, 500)
    shop.egress.always(CANCEL, 500)
    body = till.body(100)
    await till.post(body)
    first = (await till.get(body["pay_request_id"])).json()
    await shop.age(first["payment_id"], 61)
    await shop.sweep()
    assert await shop.state(first["payment_id"]) == "UNKNOWN", "the last query is tried again"
    await shop.age(first["payment_id"], 20)
    await shop.sweep()
    assert await shop.state(first["payment_id"]) == "CANCELLING"
    for _ in range(12):
        await shop.age(first["payment_id"], 31)
        await shop.sweep()
    wait = await shop.place.value("SELECT next_poll_at - now() FROM payments")
    assert wait <= timedelta(seconds=30), "healing must not wait longer"
    shop.egress.heal()
    await shop.age(first["payment_id"], 31)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "reversed"
    assert shop.egress.captured() == {}
    assert (await shop.broken()).keys() <= {"G3"}


async def test_a_worker_that_overslept_changes_nothing(shop, till):
    """F32: the fence: its lease was taken over, its write meets no row."""
    shop.egress.next(PAY, "lost_answer")
    first = await till.pay(100)
    ((at, payment, stale),) = await leased(shop)
    assert await leased(shop) == [], "one worker at a time"
    await shop.place.execute("UPDATE payments SET lease_until = now() - interval '1 s'")
    ((_, _, fresh),) = await leased(shop)
    unchanged = await settlement.advance(shop.deps, payment, at, stale)
    assert unchanged.state == "UNKNOWN"
    assert unchanged.lease_token == fresh
    assert await shop.said(first["payment_id"]) == []
    ((_, again),) = [(at, await store.load(shop.deps.db, payment.tenant_id, payment.payment_id))]
    done = await settlement.advance(shop.deps, again, at, fresh)
    assert done.state == "SUCCESS"


async def test_two_workers_share_the_work(shop, till):
    """Leases with SKIP LOCKED: every due row goes to exactly one of them."""
    shop.egress.always(PAY, "lost_answer")
    await asyncio.gather(*(till.pay(100) for _ in range(30)))
    rows = await asyncio.gather(
        *(store.lease_payments(shop.deps.db, 10, uuid4(), 15.0) for _ in range(6))
    )
    ids = [payment.payment_id for batch in rows for _, payment in batch]
    assert len(ids) == len(set(ids)) == 30


async def test_the_sweeper_drains_a_storm(shop, till, sweeping):
    """F35: many unknowns at once, bounded concurrency, all end."""
    shop.egress.always(PAY, "lost_answer")
    paid = await asyncio.gather(*(till.pay(100) for _ in range(80)))
    async with asyncio.timeout(10):
        while await shop.place.value("SELECT count(*) FROM payments WHERE state <> 'SUCCESS'"):
            await asyncio.sleep(0.05)
    assert shop.egress.calls[QUERY] == 80
    assert len(shop.egress.captured()) == len({one["payment_id"] for one in paid}) == 80
    assert await shop.broken() == {}


async def test_a_round_that_fails_is_left_to_its_lease(shop, till, monkeypatch):
    shop.egress.next(PAY, "lost_answer")
    first = await till.pay(100)
    sweeper = Sweeper(shop.deps)

    async def breaks():
        raise RuntimeError("a bug")

    await sweeper._work(breaks)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
