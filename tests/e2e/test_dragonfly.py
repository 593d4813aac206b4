"""The sandbox device against the platform: its key, its journal, its command line."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.sandbox.dragonfly.device import Device, Identity, face_token
from tests.e2e.world import World, bar_code
from tests.fixtures.processes import ROOT

pytestmark = pytest.mark.asyncio


def _identity(world: World) -> Identity:
    own = world.device
    key = base64.b64encode(own.key).decode()
    return Identity(world.stack.public, own.device_id, own.key_id, key, own.sn)


async def test_pay_coupon_and_draw(world: World) -> None:
    """Parts of S75: pay, coupon, lottery, as the program on the device does it; no splash yet."""
    async with Device(_identity(world)) as device:
        for code, scene in ((face_token(), "face"), (bar_code(), "code")):
            paid = await device.pay(12_07, code, subject="豆浆")
            assert (paid["status"], paid["scene"]) == ("paid", scene)
            reward = await device.reward(paid["payment_id"])
            assert reward["status"] == "granted"
            assert "http" not in str(reward), "no link before there is a page behind it"
            first = await device.draw(paid["payment_id"])
            assert await device.draw(paid["payment_id"]) == first
            order = await world.order(paid["out_trade_no"])
            assert order["pay_state"] == "paid"


async def test_a_device_that_dies_while_paying_charges_once(world: World, tmp_path: Path) -> None:
    """F1, F4: the journal survives the device; the same id is asked for again."""
    journal = tmp_path / "journal.json"
    async with world.fault("delay", times=1, args={"ms": 1500}):
        async with Device(_identity(world), journal=journal) as device:
            paying = asyncio.ensure_future(device.pay(3_33, face_token()))
            await asyncio.sleep(0.3)
            paying.cancel()
            await asyncio.gather(paying, return_exceptions=True)
        async with Device(_identity(world), journal=journal) as reborn:
            paid = await reborn.resume(give_up_s=30)
    assert paid["status"] == "paid"
    trade = await world.trade(paid["out_trade_no"])
    assert trade is not None
    assert (trade["total_fen"], trade["requests"]["alipay.trade.pay"]) == (3_33, 1)


@pytest.mark.parametrize("way", [["--face"], ["--code", "284776044441477959"]])
async def test_the_command_line_pays(world: World, way: list[str]) -> None:
    """Interfaces §7: what a person, or a script, types."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.sandbox.dragonfly", "pay", "--amount", "0.01", *way,
         "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **world.stack.environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    paid = json.loads(done.stdout)
    assert (paid["status"], paid["amount_fen"]) == ("paid", 1)
