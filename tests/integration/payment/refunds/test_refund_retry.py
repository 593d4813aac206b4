"""A refund once more: under the same number, within what is left, by whoever asks this time."""

import asyncio
from uuid import uuid4

import pytest

from shared.contracts.events.audit import PaymentAudited
from shared.contracts.events.payment import PaymentRefunded
from tests.integration.payment.egress import PAY, QUERY, REFUND, REFUND_QUERY, answer

pytestmark = pytest.mark.asyncio

REFUSED = answer("refused", code="40004", sub_code="ACQ.SELLER_BALANCE_NOT_ENOUGH")


async def _rejected(shop, till, amount_fen=200, *, of_fen=500):
    paid = await till.pay(of_fen)
    shop.egress.next(REFUND, REFUSED)
    refund = (await till.refund(paid["payment_id"], amount_fen, "refund-once-1")).json()
    assert refund["state"] == "rejected"
    await _later(shop)
    return paid, refund


async def _later(shop):
    """The pause between two refunds of one payment is over."""
    await shop.place.execute(
        "UPDATE refunds SET created_at = created_at - interval '9 s',"
        " finished_at = finished_at - interval '9 s'"
    )


async def test_a_refused_refund_is_sent_again_under_its_own_number(shop, till):
    paid, refund = await _rejected(shop, till)
    another = str(uuid4())
    again = await till.retry(paid["payment_id"], "refund-once-1", subject=another, name="韩梅梅")
    assert again.status_code == 200, again.text
    found = again.json()
    assert (found["state"], found["refund_id"]) == ("done", refund["refund_id"])
    assert (found["rejection"], found["requested_by_name"]) == (None, "韩梅梅")
    numbers = [body["params"]["out_request_no"] for name, body in shop.egress.asked
               if name == REFUND]  # fmt: skip
    assert len(numbers) == 2
    assert len(set(numbers)) == 1
    assert shop.egress.captured() == {paid["out_trade_no"]: 300}
    *_, told, event = await shop.events(paid["payment_id"])
    assert isinstance(told, PaymentAudited)
    assert (told.actor, told.action) == (f"user:{another}", "payment.refund_retry")
    assert told.before is not None
    assert told.before["reason_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert told.before["requested_by_name"] == "李雷"
    assert isinstance(event, PaymentRefunded)
    assert (event.requested_by, event.refund_fen) == (another, 200)
    assert await shop.broken() == {}


async def test_it_names_who_asked_first_and_who_tried_it_again_last(shop, till):
    paid, refund = await _rejected(shop, till)
    assert (refund["first_requested_by_name"], refund["first_requested_at"]) == (None, None)
    (asked,) = (await till.refunds()).json()["items"]
    for name in ("韩梅梅", "王芳"):
        shop.egress.next(REFUND, REFUSED)
        again = await till.retry(paid["payment_id"], "refund-once-1", name=name)
        shown = (await till.refunds()).json()["items"][0]
        for found in (again.json(), shown):
            assert found["requested_by_name"] == name
            assert found["first_requested_by_name"] == "李雷"
            assert found["first_requested_at"] == asked["created_at"]
        await _later(shop)
    operator = till.user_headers("payments.read", acting_id=uuid4(), name="平台小王")
    (row,) = (await till.refunds(headers=operator)).json()["items"]
    assert (row["first_requested_by_name"], row["requested_by_name"]) == (None, None)


async def test_refused_once_more_it_gives_the_reservation_back_once_more(shop, till):
    paid, _ = await _rejected(shop, till)
    shop.egress.next(REFUND, REFUSED)
    again = (await till.retry(paid["payment_id"], "refund-once-1")).json()
    assert again["state"] == "rejected"
    assert (await shop.row(paid["payment_id"]))["refund_reserved_fen"] == 0
    assert await shop.broken() == {}


async def test_it_takes_no_more_than_is_left_by_now(shop, till):
    paid, _ = await _rejected(shop, till, 200, of_fen=500)
    assert (await till.refund(paid["payment_id"], 400)).json()["state"] == "done"
    await _later(shop)
    again = await till.retry(paid["payment_id"], "refund-once-1")
    assert (again.status_code, again.json()["code"]) == (409, "payment.refund_exceeds_paid")
    shown = await till.refunds(state="rejected")
    assert [one["refund_request_id"] for one in shown.json()["items"]] == ["refund-once-1"]
    assert shop.egress.captured() == {paid["out_trade_no"]: 100}
    assert await shop.broken() == {}


async def test_many_presses_are_one_attempt(shop, till):
    paid, _ = await _rejected(shop, till)
    gate = asyncio.Event()
    shop.egress.next(REFUND, gate)
    presses = [
        asyncio.ensure_future(till.retry(paid["payment_id"], "refund-once-1")) for _ in range(20)
    ]
    await asyncio.wait(presses, return_when=asyncio.FIRST_COMPLETED)
    gate.set()
    answers = await asyncio.gather(*presses)
    assert {one.status_code for one in answers} == {200}
    assert shop.egress.calls[REFUND] == 2, "refused once, and sent once more"
    assert shop.egress.captured() == {paid["out_trade_no"]: 300}
    assert await shop.broken() == {}


async def test_it_waits_its_turn_behind_another_refund(shop, till):
    """§4.4: three seconds between two refunds of one trade."""
    paid, _ = await _rejected(shop, till)
    assert (await till.refund(paid["payment_id"], 100)).json()["state"] == "done"
    again = (await till.retry(paid["payment_id"], "refund-once-1")).json()
    assert (again["state"], shop.egress.calls[REFUND]) == ("pending", 2)
    held = await shop.place.fetch(
        "SELECT reason_code, finished_at FROM refunds WHERE state = 'CREATED'"
    )
    assert [tuple(row) for row in held] == [(None, None)], "open: no end and no refusal any more"
    await shop.place.execute("UPDATE refunds SET next_poll_at = now() WHERE state = 'CREATED'")
    await shop.sweep()
    assert shop.egress.captured() == {paid["out_trade_no"]: 200}
    assert await shop.broken() == {}


async def test_an_old_refund_that_is_tried_again_is_no_old_open_one(shop, till):
    """G3 wakes somebody for refunds that are open for long: this one was asked for now."""
    paid, _ = await _rejected(shop, till)
    await shop.place.execute(
        "UPDATE refunds SET created_at = now() - interval '1 h', finished_at = now() -"
        " interval '1 h'"
    )
    shop.egress.next(REFUND, "lost_answer")
    again = (await till.retry(paid["payment_id"], "refund-once-1")).json()
    assert again["state"] == "unknown"
    assert await shop.broken() == {}


async def test_an_unknown_one_is_asked_about_soon_but_no_sooner_than_the_channel_allows(shop, till):
    paid = await till.pay(500)
    shop.egress.next(REFUND, "lost_answer")
    asked = (await till.refund(paid["payment_id"], 200, "refund-once-1")).json()
    assert asked["state"] == "unknown"
    await shop.place.execute("UPDATE refunds SET next_poll_at = now() + interval '55 s'")
    wait = "SELECT extract(epoch FROM next_poll_at - now())::float8 FROM refunds"
    for _ in range(3):
        again = (await till.retry(paid["payment_id"], "refund-once-1")).json()
        assert again["state"] == "unknown"
        await shop.sweep()
    assert 0 < await shop.place.value(wait) <= 10
    assert shop.egress.calls[REFUND_QUERY] == 0, "not before ten seconds"
    assert shop.egress.calls[REFUND] == 1
    await shop.place.execute("UPDATE refunds SET next_poll_at = now()")
    await shop.sweep()
    assert (await till.refunds(state="done")).json()["items"][0]["amount_fen"] == 200
    assert await shop.broken() == {}


async def test_one_that_is_done_stays_done(shop, till):
    paid = await till.pay(500)
    done = (await till.refund(paid["payment_id"], 200, "refund-once-1")).json()
    await _later(shop)
    again = (await till.retry(paid["payment_id"], "refund-once-1", name="韩梅梅")).json()
    assert (again["state"], again["requested_by_name"]) == ("done", done["requested_by_name"])
    assert shop.egress.calls[REFUND] == 1


async def test_what_a_cancel_gave_back_is_done_and_stays_the_platforms(shop, till):
    """It is booked as done with the cancel that did it: there is nothing for a person to try."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(423)
    number = first["out_trade_no"]
    waits = {**shop.egress._view(number), "trade_status": "WAIT_BUYER_PAY"}
    shop.egress.next(QUERY, answer("success", **waits))
    shop.egress.confirm(number)
    assert (await till.stop(first["pay_request_id"])).json()["status"] == "reversed"
    found = (await till.retry(first["payment_id"], "cancel", name="韩梅梅")).json()
    assert (found["origin"], found["state"]) == ("cancel", "done")
    assert (found["requested_by_name"], found["first_requested_at"]) == (None, None)
    assert shop.egress.calls[REFUND] == 0


async def test_who_may_not_refund_may_not_try_again(shop, till):
    paid, _ = await _rejected(shop, till)
    name = (paid["payment_id"], "refund-once-1")
    for headers, status, code in (
        (till.user_headers("payments.read"), 403, "auth.forbidden"),
        (till.user_headers(step_up_until=None), 403, "auth.step_up_needed"),
        (till.user_headers(store_ids=[uuid4()]), 404, "not_found"),
        ((await shop.till()).user_headers(), 404, "not_found"),
    ):
        refused = await till.retry(*name, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await till.retry(paid["payment_id"], "another-one")).status_code == 404
    assert shop.egress.calls[REFUND] == 1
    assert await shop.broken() == {}
