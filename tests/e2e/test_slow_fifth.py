"""A channel that is slow for one payment in five: only that one waits (F34)."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.world import PAYMENTS, World, eventually, payment_body
from tests.fixtures.console import Enrolled

pytestmark = pytest.mark.asyncio

DEVICES = 16
EACH = 4
DELAY_S = 6.0
QUICK_S = 5.0
"""A payment that is not delayed takes some ten milliseconds; this is for a very busy machine. One
that waits for a delayed payment takes up to DELAY_S longer."""
SLOW_SHARE = 0.2
SEED = 20261130
OURS = "SELECT out_trade_no, state, payable_fen FROM payments WHERE device_id = ANY($1::uuid[])"
ORDERS = "SELECT out_trade_no, payable_fen FROM orders WHERE device_id = ANY($1::uuid[])"


@dataclass
class Timed:
    """A payment, and how long its device waited for the answer."""

    answer: dict[str, Any]
    seconds: float


async def sells(world: World, device: Enrolled) -> list[Timed]:
    """Payments of one device, one after the other."""
    found = []
    for _ in range(EACH):
        body = payment_body(1 + secrets.randbelow(50_000))
        started = time.monotonic()
        answer = await world.call("POST", PAYMENTS, body, device=device)
        seconds = time.monotonic() - started
        assert answer.status_code == 200, answer.text
        found.append(Timed(answer.json(), seconds))
    return found


async def hits(world: World) -> int:
    """How many payments the fault has delayed."""
    listed = (await world.admin.get("/faults")).json()["faults"]
    found = [one["hits"] for one in listed if (one["fault"], one["left"]) == ("delay", None)]
    assert len(found) == 1
    return int(found[0])


async def test_no_payment_waits_for_a_slow_one(world: World) -> None:
    """F34: one payment in five takes six seconds at Alipay. As many payments are slow as the
    sandbox delayed; all others are answered before one delay could have passed."""
    store_id = world.stack.info["demo"]["store_id"]
    devices = [
        await world.owner.enrol(store_id, f"SLOW{secrets.token_hex(4)}") for _ in range(DEVICES)
    ]
    args = {"ms": int(DELAY_S * 1000)}
    async with world.fault("delay", probability=SLOW_SHARE, seed=SEED, args=args):
        sold = await asyncio.gather(*(sells(world, device) for device in devices))
        delayed = await hits(world)
    payments = [one for of_device in sold for one in of_device]
    assert [one.answer["status"] for one in payments] == ["paid"] * DEVICES * EACH
    assert delayed >= 3
    took = sorted(one.seconds for one in payments)
    assert [one for one in took if one >= QUICK_S] == took[-delayed:], took
    assert took[-delayed] >= DELAY_S - 0.1, took
    await books_are_equal(world, devices, {one.answer["out_trade_no"]: one for one in payments})


async def books_are_equal(
    world: World, devices: list[Enrolled], answered: dict[str, Timed]
) -> None:
    """The devices, our books, Alipay's and the orders name the same payments and amounts."""
    told = {number: one.answer["amount_fen"] for number, one in answered.items()}
    assert len(told) == DEVICES * EACH
    ids = [device.device_id for device in devices]
    booked = await world.rows("payment", OURS, ids)
    assert {row["state"] for row in booked} == {"SUCCESS"}
    assert sorted((row["out_trade_no"], row["payable_fen"]) for row in booked) == sorted(
        told.items()
    )
    listed = (await world.admin.get("/trades", params={"app_id": world.app_id})).json()["trades"]
    trades = {one["out_trade_no"]: one for one in listed if one["out_trade_no"] in told}
    assert {number: one["total_fen"] for number, one in trades.items()} == told
    for trade in trades.values():
        assert (trade["status"], trade["refunded_fen"]) == ("TRADE_SUCCESS", 0)
        assert trade["requests"]["alipay.trade.pay"] == 1, "asked to pay twice"

    async def ordered() -> list[tuple[str, int]] | None:
        rows = await world.rows("order", ORDERS, ids)
        found = sorted((row["out_trade_no"], row["payable_fen"]) for row in rows)
        return found if len(found) >= len(told) else None

    assert await eventually(ordered) == sorted(told.items())
