"""A sale from the tap on the device to the order in the console."""

import asyncio
import re

import pytest

from tests.e2e.world import PAYMENTS, World, bar_code, payment_body

pytestmark = pytest.mark.asyncio


async def test_face_payment_end_to_end(world: World) -> None:
    """S1, S72, S73, S94, S130: face pay, one order in its store, one coupon, one draw."""
    paid = await world.pay(1207, subject="拿铁 Latte")
    assert paid["status"] == "paid"
    assert (paid["scene"], paid["channel"], paid["amount_fen"]) == ("face", "alipay", 1207)
    assert paid["paid_at"].endswith("Z")
    assert paid["message"]

    trade = await world.trade(paid["out_trade_no"])
    assert trade is not None
    assert (trade["status"], trade["total_fen"]) == ("TRADE_SUCCESS", 1207)
    assert trade["requests"]["alipay.trade.pay"] == 1

    order = await world.order(paid["out_trade_no"])
    assert re.fullmatch(r"D\d{14}", order["order_no"])
    assert order["payable_fen"] == 1207
    detail = await world.owner.get(f"/orders/{order['order_no']}")
    assert detail.status_code == 200
    assert detail.json()["store_id"] == world.device.store_id

    reward = await world.reward(paid["payment_id"])
    assert reward["coupon"]["coupon_id"]
    assert reward["draws"]["on_device"] == 1


async def test_code_payment_end_to_end(world: World) -> None:
    """Parts of S104: the same device scans the buyer's Alipay code."""
    paid = await world.pay(990, auth_code=bar_code())
    assert (paid["status"], paid["scene"]) == ("paid", "code")
    order = await world.order(paid["out_trade_no"])
    assert re.fullmatch(r"D\d{14}", order["order_no"])


async def test_nothing_payable_never_reaches_the_channel(world: World) -> None:
    """S99: 0.00 is a legal sale; it completes as paid without a channel call."""
    body = payment_body(0)
    del body["auth_code"]
    answer = await world.call("POST", PAYMENTS, body)
    assert answer.status_code == 200, answer.text
    paid = answer.json()
    assert (paid["status"], paid["scene"], paid["channel"]) == ("paid", "none", "none")
    assert await world.trade(paid["out_trade_no"]) is None
    order = await world.order(paid["out_trade_no"])
    assert order["payable_fen"] == 0


async def test_a_double_tap_is_one_payment(world: World) -> None:
    """F1, G2: fifty copies of one request at once make one channel call and one truth."""
    body = payment_body(250)
    answers = await asyncio.gather(*(world.call("POST", PAYMENTS, body) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers][:3]
    final = await world.final(body["pay_request_id"])
    assert {answer.json()["payment_id"] for answer in answers} == {final["payment_id"]}
    again = await world.call("POST", PAYMENTS, body)
    assert again.json() == final
    trade = await world.trade(final["out_trade_no"])
    assert trade is not None
    assert trade["requests"]["alipay.trade.pay"] == 1


async def test_same_id_other_content_is_refused(world: World) -> None:
    """F2: the stored row stays as it was."""
    body = payment_body(250)
    first = await world.call("POST", PAYMENTS, body)
    for changed in ({"amount_fen": 251}, {"auth_code": bar_code()}, {"subject": "else"}):
        answer = await world.call("POST", PAYMENTS, {**body, **changed})
        assert answer.status_code == 422, changed
        assert answer.json()["code"] == "payment.request_mismatch"
    assert await world.status(body["pay_request_id"]) == first.json()


async def test_a_reward_is_given_exactly_once(world: World) -> None:
    """S72, S73, S128, G5, G6, F26: one coupon, one draw on the device, equal answers."""
    paid = await world.pay(5000)
    reward = await world.reward(paid["payment_id"])
    path = f"/api/device/v1/rewards/{paid['payment_id']}/draw"
    draws = await asyncio.gather(*(world.call("POST", path, {}) for _ in range(8)))
    assert {answer.status_code for answer in draws} == {200}, [a.text for a in draws]
    assert len({answer.text for answer in draws}) == 1
    after = await world.reward(paid["payment_id"])
    assert after["coupon"] == reward["coupon"]
    assert after["draws"]["used"] == 1


async def test_a_reward_before_its_payment_is_pending(world: World) -> None:
    """S128: nothing is promised before the payment is confirmed; the device asks again."""
    answer = await world.call("GET", "/api/device/v1/rewards/00000000-0000-7000-8000-000000000000")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["coupon"]) == ("pending", None)
