"""What the channel says late, badly or not at all: unknown is never taken for failed or paid."""

import pytest

from tests.e2e.world import PAYMENTS, World, payment_body

pytestmark = pytest.mark.asyncio


async def _one_capture(world: World, final: dict[str, object]) -> None:
    """The ledger holds one capture of the right amount; our order says the same."""
    trade = await world.trade(str(final["out_trade_no"]))
    assert trade is not None
    assert (trade["status"], trade["total_fen"]) == ("TRADE_SUCCESS", final["amount_fen"])
    assert trade["requests"]["alipay.trade.pay"] == 1, "asked to pay twice"
    order = await world.order(str(final["out_trade_no"]))
    assert order["payable_fen"] == final["amount_fen"]


async def test_buyer_confirms_on_the_phone(world: World) -> None:
    """F6: 10003 first, paid a little later; the device is told to come back."""
    async with world.fault("in_process", times=1, args={"ms": 1500}):
        pending = await world.pay(88_00)
    assert pending["status"] == "pending"
    assert pending["retry_after_ms"] > 0
    final = await world.final(pending["pay_request_id"])
    assert final["status"] == "paid"
    await _one_capture(world, final)


async def test_answer_lost_after_the_money_moved(world: World) -> None:
    """F4, G1, G2: done at Alipay, no answer to us: resolves to paid, once."""
    async with world.fault("notify_never", method=None), world.fault("drop_answer", times=1):
        first = await world.pay(4_20)
        assert first["status"] == "pending"
        final = await world.final(first["pay_request_id"])
    assert final["status"] == "paid"
    await _one_capture(world, final)


@pytest.mark.parametrize("fault", ["bad_signature", "wrong_key", "no_sign"])
async def test_an_answer_that_cannot_be_trusted(world: World, fault: str) -> None:
    """F15, INC-7: "paid" on an unverified word is not paid. No notify comes to help: only the query
    decides, and it says that the money moved."""
    async with world.fault("notify_never", method=None), world.fault(fault, times=1):
        first = await world.pay(4_21)
        assert first["status"] == "pending"
        trade = await world.trade(first["out_trade_no"])
        assert trade is not None
        assert trade["status"] == "TRADE_SUCCESS"
        final = await world.final(first["pay_request_id"], limit_s=40)
    assert final["status"] == "paid"
    await _one_capture(world, final)


async def test_an_error_page_decides_nothing(world: World) -> None:
    """F15: HTTP 500 and HTML. Nothing was done there, which only the query can tell; the clerk's
    stop ends the waiting before the deadline does."""
    async with world.fault("http_500", times=1):
        first = await world.pay(4_26)
    assert first["status"] == "pending"
    assert await world.trade(first["out_trade_no"]) is None
    path = f"{PAYMENTS}/{first['pay_request_id']}/cancel"
    assert (await world.call("POST", path, {})).status_code == 200
    final = await world.final(first["pay_request_id"], limit_s=40)
    assert final["status"] == "closed"
    assert await world.trade(first["out_trade_no"]) is None


async def test_request_lost_then_cancelled(world: World) -> None:
    """F5, F8: Alipay never saw it; the clerk cancels; nothing was captured and both agree."""
    async with world.fault("drop_request", times=1):
        first = await world.pay(4_22)
    assert first["status"] == "pending"
    path = f"{PAYMENTS}/{first['pay_request_id']}/cancel"
    answer = await world.call("POST", path, {})
    assert answer.status_code == 200, answer.text
    final = await world.final(first["pay_request_id"])
    assert final["status"] == "closed"
    trade = await world.trade(final["out_trade_no"])
    assert trade is None or trade["status"] != "TRADE_SUCCESS"


async def test_cancel_after_capture_gives_the_money_back(world: World) -> None:
    """F7: the answer was lost, the money was taken, the clerk cancels: reversed or paid, never
    closed with a capture."""
    async with world.fault("drop_answer", times=1):
        first = await world.pay(4_23)
        if first["status"] == "pending":
            await world.call("POST", f"{PAYMENTS}/{first['pay_request_id']}/cancel", {})
        final = await world.final(first["pay_request_id"])
    trade = await world.trade(final["out_trade_no"])
    assert trade is not None
    captured = trade["total_fen"] - trade["refunded_fen"]
    if final["status"] == "paid":
        assert captured == 4_23
    else:
        assert final["status"] == "reversed"
        assert captured == 0 or trade["status"] == "TRADE_CLOSED"


async def test_a_slow_channel_is_not_a_failed_one(world: World) -> None:
    """F34: an answer after two seconds is an answer."""
    async with world.fault("delay", times=1, args={"ms": 2000}):
        first = await world.pay(4_24)
    final = await world.final(first["pay_request_id"])
    assert final["status"] == "paid"
    await _one_capture(world, final)


async def test_the_same_id_while_it_is_pending(world: World) -> None:
    """F1, F4: asking again during the unknown time starts no second payment."""
    body = payment_body(4_25)
    async with world.fault("in_process", times=1, args={"ms": 1200}):
        await world.call("POST", PAYMENTS, body)
        again = await world.call("POST", PAYMENTS, body)
    assert again.status_code == 200
    final = await world.final(body["pay_request_id"])
    assert final["payment_id"] == again.json()["payment_id"]
    await _one_capture(world, final)
