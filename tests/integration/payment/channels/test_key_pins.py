"""F37: the key version that signed the pay call signs every later call about that payment."""

import asyncio

import pytest

from tests.integration.payment.egress import (
    CANCEL,
    PAY,
    QUERY,
    REFUND,
    REFUND_QUERY,
    answer,
)

pytestmark = pytest.mark.asyncio


async def test_query_and_cancel_keep_the_version_of_the_pay_call(shop, till):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(8800)
    shop.egress.signs_with = 2
    await shop.age(first["payment_id"], 61)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "closed"
    assert shop.egress.signed == [(PAY, 1), (QUERY, 1), (CANCEL, 1)]


async def test_refund_and_refund_query_keep_it_too(shop, till):
    paid = await till.pay(500)
    shop.egress.signs_with = 2
    shop.egress.next(REFUND, "lost_answer")
    await till.refund(paid["payment_id"], 200)
    await shop.place.execute("UPDATE refunds SET next_poll_at = now()")
    await shop.sweep()
    assert shop.egress.signed == [(PAY, 1), (REFUND, 1), (REFUND_QUERY, 1)]


async def test_a_new_payment_takes_the_newest(shop, till):
    await till.pay(100)
    await shop.rotate(till, 2)
    second = await till.pay(100)
    assert shop.egress.signed == [(PAY, 1), (PAY, 2)]
    assert (await shop.row(second["payment_id"]))["key_version"] == 2


async def test_the_version_is_committed_with_the_intent(shop, till):
    """It is in the row, and in the call, before anybody has answered."""
    answered = asyncio.Event()
    shop.egress.next(PAY, answered)
    body = till.body(100)
    paying = asyncio.ensure_future(till.post(body))
    async with asyncio.timeout(10):
        while not shop.egress.asked:
            await asyncio.sleep(0.01)
    assert await shop.place.value("SELECT key_version FROM payments") == 1
    assert shop.egress.asked[0][1]["key_version"] == 1
    answered.set()
    assert (await paying).json()["status"] == "paid"


async def test_a_sale_before_the_rotation_was_heard_of_goes_through(shop, till):
    """The old key may be unknown to Alipay already, while payment still pins it."""
    unknown = answer("config_error", code="40002", sub_code="isv.invalid-signature")
    shop.egress.signs_with = 2
    shop.egress.next(PAY, unknown | {"key_version": 1})
    paid = await till.pay(500)
    assert paid["status"] == "paid"
    assert [body.get("key_version") for _, body in shop.egress.asked] == [1, None]
    assert (await shop.row(paid["payment_id"]))["key_version"] == 2


async def test_a_sale_waits_for_a_rotation_that_is_under_way(shop, till):
    """In key mode nothing can be signed between the new key's arrival at Alipay and its live check
    here: the buyer waits for a moment, and is charged once."""
    unknown = answer("config_error", code="40002", sub_code="isv.invalid-signature")
    shop.egress.next(PAY, *[unknown | {"key_version": 1}] * 4)
    paying = asyncio.ensure_future(till.pay(500))
    async with asyncio.timeout(10):
        while shop.egress.calls[PAY] < 4:
            await asyncio.sleep(0.01)
    shop.egress.signs_with = 2
    paid = await paying
    assert paid["status"] == "paid"
    assert (await shop.row(paid["payment_id"]))["key_version"] == 2
    assert list(shop.egress.captured().values()) == [500]


async def test_a_sale_does_not_wait_for_ever_for_a_key(shop, till):
    """Nor for another fault of the app's settings."""
    unknown = answer("config_error", code="40002", sub_code="isv.missing-signature-key")
    shop.egress.always(PAY, unknown | {"key_version": 1})
    failed = await till.pay(500)
    assert (failed["status"], failed["reason"]["code"]) == ("failed", "payment.channel_config")
    assert shop.egress.captured() == {}
    calls = shop.egress.calls[PAY]
    other = answer("config_error", code="40002", sub_code="isv.invalid-app-id")
    shop.egress.always(PAY, other | {"key_version": 1})
    assert (await till.pay(500))["status"] == "failed"
    assert shop.egress.calls[PAY] - calls == 2, "the pinned key and the newest"


async def test_a_key_that_alipay_no_longer_knows_keeps_nobodys_money(shop, till):
    """In key mode the new key replaces the old one at Alipay at once: what the old one may not ask,
    the newest does, and the refund goes through."""
    unknown = answer("config_error", code="40002", sub_code="isv.invalid-signature")
    paid = await till.pay(500)
    shop.egress.signs_with = 2
    shop.egress.next(REFUND, unknown | {"key_version": 1})
    done = await till.refund(paid["payment_id"], 200)
    assert done.json()["status"] == "done"
    assert [body.get("key_version") for method, body in shop.egress.asked if method == REFUND] == [
        1,
        None,
    ]


async def test_where_the_newest_is_not_known_either_nobody_asks_a_third_time(shop, till):
    unknown = answer("config_error", code="40002", sub_code="isv.invalid-signature")
    paid = await till.pay(500)
    shop.egress.next(REFUND, unknown | {"key_version": 1}, unknown | {"key_version": 2})
    refused = await till.refund(paid["payment_id"], 100)
    assert refused.json()["status"] == "rejected"
    assert shop.egress.calls[REFUND] == 2
