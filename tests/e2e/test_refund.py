"""Money back: the order says so, the reward is taken back, and never more than was paid."""

import asyncio

import pytest
import pytest_asyncio

from tests.e2e.world import World, eventually, new_request_id

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(autouse=True)
async def stepped_up(world: World) -> None:
    """S131: money goes back only after the password was entered once more."""
    await world.owner.step_up(world.stack.info["demo"]["owner"]["password"])


def _path(payment_id: str) -> str:
    return f"/payments/{payment_id}/refunds"


async def test_full_refund_end_to_end(world: World) -> None:
    """S72, S128, G1, G4: ledger, order and reward all follow the refund."""
    paid = await world.pay(3_00)
    await world.order(paid["out_trade_no"])
    await world.reward(paid["payment_id"])
    body = {"refund_request_id": new_request_id(), "amount_fen": 3_00, "reason": "退货"}
    answer = await world.owner.post(_path(paid["payment_id"]), body)
    assert answer.status_code in {200, 201, 202}, answer.text

    async def refunded() -> bool:
        return (await world.status(paid["pay_request_id"]))["status"] == "refunded"

    await eventually(refunded)
    trade = await world.trade(paid["out_trade_no"])
    assert trade is not None
    assert trade["refunded_fen"] == 3_00

    async def said() -> bool:
        order = await world.order(paid["out_trade_no"])
        return "refunded" in str(order)

    await eventually(said)
    await world.reward(paid["payment_id"], "revoked")


async def test_the_same_refund_twice_moves_money_once(world: World) -> None:
    """F30: one refund_request_id is one refund, also when the channel's answer is lost."""
    paid = await world.pay(5_00)
    body = {"refund_request_id": new_request_id(), "amount_fen": 2_00}
    async with world.fault("drop_answer", "alipay.trade.refund", times=1):
        for _ in range(3):
            await world.owner.post(_path(paid["payment_id"]), body)

        async def done() -> bool:
            found = await world.status(paid["pay_request_id"])
            return bool(found["refunded_fen"] == 2_00)

        await eventually(done, limit_s=25)
    trade = await world.trade(paid["out_trade_no"])
    assert trade is not None
    assert trade["refunded_fen"] == 2_00
    other = {**body, "amount_fen": 1_00}
    answer = await world.owner.post(_path(paid["payment_id"]), other)
    assert answer.status_code == 422, answer.text


async def test_racing_refunds_never_exceed_what_was_paid(world: World) -> None:
    """F29, G4: a hundred refunds of 60 % at once: exactly one passes."""
    paid = await world.pay(10_00)
    answers = await asyncio.gather(
        *(
            world.owner.post(
                _path(paid["payment_id"]),
                {"refund_request_id": new_request_id(), "amount_fen": 6_00},
            )
            for _ in range(100)
        )
    )
    passed = [answer for answer in answers if answer.status_code < 300]
    assert len(passed) == 1, sorted({answer.status_code for answer in answers})
    assert all(a.status_code in {409, 422, 429} for a in answers if a not in passed)

    async def done() -> bool:
        return bool((await world.status(paid["pay_request_id"]))["refunded_fen"] == 6_00)

    await eventually(done)
    trade = await world.trade(paid["out_trade_no"])
    assert trade is not None
    assert trade["refunded_fen"] == 6_00


async def test_a_refund_of_nothing_or_too_much_is_refused(world: World) -> None:
    """G4: the amounts at the edges."""
    paid = await world.pay(1_00)
    for amount in (0, -1, 1_01, 1.5, "100", 10**15):
        answer = await world.owner.post(
            _path(paid["payment_id"]),
            {"refund_request_id": new_request_id(), "amount_fen": amount},
        )
        assert answer.status_code in {409, 422}, (amount, answer.text)
    assert (await world.status(paid["pay_request_id"]))["refunded_fen"] == 0
