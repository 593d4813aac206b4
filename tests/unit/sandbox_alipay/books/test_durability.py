"""kill -9 at any moment: what was answered is in the books, with its schedule and its keys."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.sandbox_alipay.conftest import Process, Receiver
from tests.unit.sandbox_alipay.merchant import Merchant, new_no
from tests.unit.sandbox_kit.waiting import until

pytestmark = pytest.mark.asyncio

Start = Callable[[Path], Process]


async def test_answered_is_durable(
    start: Start, http: aiohttp.ClientSession, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    """Killed three times in the middle of a crowd of payments."""
    process = start(tmp_path)
    merchant = Merchant(http, process.base, key)
    app = await merchant.register()
    paid: set[str] = set()
    refunded: set[str] = set()

    async def shop() -> None:
        while True:
            no = new_no()
            try:
                if (await merchant.pay(no, total_amount="1.00"))["code"] == "10000":
                    paid.add(no)
                if (await merchant.refund(no, "0.40", "R1"))["code"] == "10000":
                    refunded.add(no)
            except (aiohttp.ClientError, OSError):
                return

    for round_ in range(3):
        before = len(paid)
        shops = [asyncio.ensure_future(shop()) for _ in range(8)]
        await until(lambda before=before, round_=round_: len(paid) > before + 30 + round_)
        os.kill(process.child.pid, signal.SIGKILL)
        await asyncio.gather(*shops)
        process.kill()
        process = start(tmp_path)
        merchant.base = process.base
        assert await merchant.register(app_id=merchant.app_id) == app
        listed = (await merchant.admin("GET", f"trades?app_id={merchant.app_id}"))["trades"]
        books = {trade["out_trade_no"]: trade for trade in listed}
        assert paid <= books.keys()
        assert all(books[no]["refunded_fen"] == 40 for no in refunded)
        assert all(books[no]["requests"]["alipay.trade.pay"] == 1 for no in paid)
    again = await merchant.pay(next(iter(paid)), total_amount="1.00")
    assert again["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    assert process.stop() == 0


async def test_schedules_survive(
    start: Start,
    http: aiohttp.ClientSession,
    key: rsa.RSAPrivateKey,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    """A resend that was due, a buyer who had not confirmed yet, and the speed of the clock."""
    process = start(tmp_path)
    merchant = Merchant(http, process.base, key)
    await merchant.register()
    receiver.answers = ["fail"]
    told, late = new_no(), new_no()
    await merchant.admin("POST", "clock", {"scale": 100})
    await merchant.pay(told, notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 1)
    await merchant.fault("in_process", times=1, args={"ms": 300})
    await merchant.pay(late, notify_url=receiver.url)
    process.kill()
    await asyncio.sleep(0.3)
    process = start(tmp_path)
    merchant.base = process.base
    await until(lambda: len(receiver.seen) >= 2)
    assert (await merchant.admin("GET", "clock"))["scale"] == 100
    assert (await merchant.query(late))["trade_status"] == "TRADE_SUCCESS"
    await merchant.admin("POST", "clock", {"scale": 20_000})
    await until(lambda: len(receiver.seen) >= 3)
    assert process.stop() == 0
