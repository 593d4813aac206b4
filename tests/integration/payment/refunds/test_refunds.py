"""Money back: never more than was paid, never twice under one number, always told."""

import asyncio
import json
from uuid import UUID

import asyncpg
import pytest

from shared.contracts.events.payment import PaymentRefunded
from tests.integration.payment.egress import PAY, REFUND, REFUND_QUERY, answer

pytestmark = pytest.mark.asyncio


async def _due(shop):
    await shop.place.execute(
        "UPDATE refunds SET next_poll_at = now(), lease_until = NULL WHERE next_poll_at IS NOT NULL"
    )


async def test_a_full_refund(shop, till):
    paid = await till.pay(300)
    refund = (await till.refund(paid["payment_id"], 300, reason="退货")).json()
    assert (refund["status"], refund["amount_fen"], refund["reason"]) == ("done", 300, "退货")
    view = (await till.get(paid["pay_request_id"])).json()
    assert (view["status"], view["refunded_fen"]) == ("refunded", 300)
    *_, event = await shop.events(paid["payment_id"])
    assert isinstance(event, PaymentRefunded)
    assert (event.refund_fen, event.refunded_total_fen, event.is_full) == (300, 300, True)
    assert shop.egress.captured() == {paid["out_trade_no"]: 0}
    shown = await shop.http.get(
        f"/api/merchant/v1/payments/{paid['payment_id']}", headers=till.user_headers()
    )
    assert shown.json()["refunds"] == [refund]
    assert shown.json()["refundable_fen"] == 0
    path = f"/api/merchant/v1/payments/{paid['payment_id']}/refunds/{refund['refund_request_id']}"
    assert (await shop.http.get(path, headers=till.user_headers())).json() == refund
    assert await shop.broken() == {}


async def test_two_partial_refunds_keep_a_distance(shop, till):
    """§4.4: three seconds between refunds of one trade: the second waits its turn."""
    paid = await till.pay(300)
    first = (await till.refund(paid["payment_id"], 100)).json()
    second = (await till.refund(paid["payment_id"], 200)).json()
    assert (first["status"], second["status"]) == ("done", "pending")
    assert await till.status(paid["pay_request_id"]) == "partially_refunded"
    assert shop.egress.calls[REFUND] == 1
    await _due(shop)
    await shop.sweep()
    assert await till.status(paid["pay_request_id"]) == "refunded"
    events = await shop.events(paid["payment_id"])
    assert [event.is_full for event in events[1:]] == [False, True]
    assert await shop.broken() == {}


async def test_racing_refunds_never_exceed_what_was_paid(shop, till):
    """F29, G4: a hundred refunds of 60 %: exactly one passes."""
    paid = await till.pay(1000)

    async def refund():
        # On a crowded machine some wait longer for the row than we let them, and ask again.
        while (answer := await till.refund(paid["payment_id"], 600)).status_code == 503:
            await asyncio.sleep(0.1)
        return answer

    answers = await asyncio.gather(*(refund() for _ in range(100)))
    passed = [answer for answer in answers if answer.status_code == 200]
    assert len(passed) == 1
    others = {a.json()["code"] for a in answers if a not in passed}
    assert others == {"payment.refund_exceeds_paid"}
    assert shop.egress.calls[REFUND] == 1
    assert shop.egress.captured() == {paid["out_trade_no"]: 400}
    assert await shop.broken() == {}


async def test_a_refund_that_was_sent_is_pending_while_its_payment_is_locked(shop, till):
    """503 would say that nothing was changed, and the same refund under a new number could not
    pass: its sum is reserved."""
    paid = await till.pay(1000)
    is_locked = asyncio.Event()
    shop.egress.next(REFUND, is_locked)
    refunding = asyncio.ensure_future(till.refund(paid["payment_id"], 600))
    async with asyncio.timeout(10):
        while not shop.egress.calls[REFUND]:
            await asyncio.sleep(0.01)
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        async with holder.transaction():
            await holder.execute(
                "SELECT FROM payments WHERE payment_id = $1 FOR UPDATE", UUID(paid["payment_id"])
            )
            is_locked.set()
            refund = await refunding
    finally:
        await holder.close()
    assert (refund.status_code, refund.json()["status"]) == (200, "pending")
    await _due(shop)
    await shop.sweep()
    assert await till.status(paid["pay_request_id"]) == "partially_refunded"
    assert shop.egress.calls[REFUND] == 1
    assert await shop.broken() == {}


async def test_copies_of_one_refund_are_one_refund(shop, till):
    """F30: also while the first is under way."""
    paid = await till.pay(1000)
    answers = await asyncio.gather(
        *(till.refund(paid["payment_id"], 300, "same-refund-1") for _ in range(30))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refund_id"] for answer in answers}) == 1
    assert shop.egress.calls[REFUND] == 1
    for amount, reason in ((301, None), (300, "else")):
        other = await till.refund(paid["payment_id"], amount, "same-refund-1", reason=reason)
        assert (other.status_code, other.json()["code"]) == (422, "payment.refund_mismatch")
    assert await shop.broken() == {}


@pytest.mark.parametrize("step", ["lost_answer", "lost_request", 500, "not_sent"])
async def test_an_unknown_refund_moves_money_once(shop, till, step):
    """F30: asked about, then sent again under the same number."""
    paid = await till.pay(500)
    shop.egress.next(REFUND, step)
    refund = (await till.refund(paid["payment_id"], 200)).json()
    assert refund["status"] == "pending"
    assert await till.status(paid["pay_request_id"]) == "paid"
    await shop.sweep()
    assert shop.egress.calls[REFUND_QUERY] == 0, "not before ten seconds"
    await _due(shop)
    await shop.sweep()
    view = (await till.get(paid["pay_request_id"])).json()
    assert (view["status"], view["refunded_fen"]) == ("partially_refunded", 200)
    assert sum(shop.egress.trades[paid["out_trade_no"]]["refunds"].values()) == 200
    numbers = {
        body["params"]["out_request_no"] for method, body in shop.egress.asked if method == REFUND
    }
    assert len(numbers) == 1
    assert await shop.said(paid["payment_id"]) == ["payment.succeeded.v1", "payment.refunded.v1"]
    assert await shop.broken() == {}


async def test_a_crash_before_the_channel_was_asked(shop, till):
    """R5: the row was committed first, so the worker finds it."""
    paid = await till.pay(500)
    shop.egress.next(REFUND, "lost_request")
    await till.refund(paid["payment_id"], 200)
    await shop.place.execute("UPDATE refunds SET state = 'SUBMITTED'")
    await _due(shop)
    await shop.sweep()
    assert (await till.get(paid["pay_request_id"])).json()["refunded_fen"] == 200


async def test_a_refusal_gives_the_reservation_back(shop, till):
    paid = await till.pay(500)
    shop.egress.next(
        REFUND, answer("refused", code="40004", sub_code="ACQ.SELLER_BALANCE_NOT_ENOUGH")
    )
    refund = (await till.refund(paid["payment_id"], 500)).json()
    assert refund["status"] == "rejected"
    assert refund["rejection"]["code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert await till.status(paid["pay_request_id"]) == "paid"
    assert await shop.broken() == {}
    await shop.place.execute("UPDATE refunds SET finished_at = now() - interval '9 s',"
                             " created_at = now() - interval '9 s'")  # fmt: skip
    assert (await till.refund(paid["payment_id"], 500)).json()["status"] == "done"
    assert await shop.broken() == {}


async def test_a_refusal_after_a_lost_answer_is_looked_into(shop, till):
    """The first attempt had worked: "refused" now must not give the reservation back."""
    paid = await till.pay(500)
    refused = answer("refused", code="40004", sub_code="ACQ.TRADE_NOT_ALLOW_REFUND")
    shop.egress.next(REFUND, "lost_answer", refused)
    shop.egress.next(REFUND_QUERY, answer("success", refunded=False, refund_fen=0))
    await till.refund(paid["payment_id"], 500)
    await _due(shop)
    await shop.sweep()
    assert await till.status(paid["pay_request_id"]) == "refunded"
    assert await shop.broken() == {}


async def test_a_refund_query_about_another_amount_is_not_believed(shop, till):
    paid = await till.pay(500)
    shop.egress.next(REFUND, "lost_answer")
    shop.egress.next(REFUND_QUERY, answer("success", refunded=True, refund_fen=499))
    await till.refund(paid["payment_id"], 500)
    await _due(shop)
    await shop.sweep()
    assert await till.status(paid["pay_request_id"]) == "paid"
    assert await shop.place.value("SELECT state FROM refunds") == "UNKNOWN"


async def test_two_workers_on_one_refund(shop, till):
    paid = await till.pay(500)
    shop.egress.next(REFUND, "lost_answer")
    await till.refund(paid["payment_id"], 500)
    await _due(shop)
    await asyncio.gather(*(shop.sweep() for _ in range(5)))
    assert await shop.said(paid["payment_id"]) == ["payment.succeeded.v1", "payment.refunded.v1"]
    assert await shop.broken() == {}


async def test_what_cannot_be_refunded(shop, till):
    shop.egress.next(PAY, "in_process")
    pending = await till.pay(500)
    free = await till.post({"pay_request_id": "free-sale-1", "amount_fen": 0})
    for payment_id in (pending["payment_id"], free.json()["payment_id"]):
        refused = await till.refund(payment_id, 1)
        assert (refused.status_code, refused.json()["code"]) == (409, "payment.not_refundable")
    paid = await till.pay(100)
    for amount, status in (
        (101, 409),
        (0, 422),
        (-1, 422),
        (1.5, 422),
        ("100", 422),
        (10**15, 422),
    ):
        assert (await till.refund(paid["payment_id"], amount)).status_code == status, amount
    assert shop.egress.calls[REFUND] == 0
    missing = await till.refund("00000000-0000-7000-8000-000000000000", 1)
    assert missing.status_code == 404
    assert await shop.broken() == {}


@pytest.mark.parametrize("kind", [None, "application/json"])
async def test_a_bad_body_is_pointed_at(shop, till, kind):
    """The problem names each member that is wrong. A body without a Content-Type counts as JSON."""
    good = {"refund_request_id": "f0000001", "amount_fen": 1}
    for wrong, pointers in (
        ({"amount_fen": "1"}, {"/amount_fen"}),
        ({"amount_fen": 1.0}, {"/amount_fen"}),
        ({"amount_fen": True}, {"/amount_fen"}),
        ({"reason": "a\ud83d"}, {"/reason"}),
        ({"reason": "a\0"}, {"/reason"}),
        ({"refund_request_id": "\udc00aaaaaaaa", "x": 1}, {"/refund_request_id", "/x"}),
    ):
        answer = await shop.http.post(
            f"/api/merchant/v1/payments/{till.store_id}/refunds",
            content=json.dumps(good | wrong),
            headers=till.user_headers() | ({"Content-Type": kind} if kind else {}),
        )
        assert answer.status_code == 422, wrong
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "invalid_body"
        assert {fault["pointer"] for fault in problem["errors"]} == pointers, wrong
