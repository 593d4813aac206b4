"""Orders that wait for a buyer: by QR code, by name; and the limits of 24 hours and 12 months."""

from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.sandbox_alipay.conftest import Process, Receiver
from tests.unit.sandbox_alipay.merchant import Merchant, new_no
from tests.unit.sandbox_alipay.notify.test_notify import fields_of, is_genuine
from tests.unit.sandbox_kit.waiting import until

pytestmark = pytest.mark.asyncio

PRECREATE, CREATE = "alipay.trade.precreate", "alipay.trade.create"
DAY_S = 86_400


async def precreate(merchant: Merchant, no: str, **more: str) -> dict[str, str]:
    notify = {"notify_url": more.pop("notify_url")} if "notify_url" in more else {}
    biz = {"out_trade_no": no, "subject": "收款码", "total_amount": "3.20", **more}
    return await merchant.call(PRECREATE, biz, **notify)


async def test_a_code_is_scanned_and_paid(merchant: Merchant, receiver: Receiver) -> None:
    """Parts of S104: the customer scans the merchant's code."""
    no = new_no()
    node = await precreate(merchant, no, notify_url=receiver.url, store_id="S1")
    assert node["qr_code"].startswith("https://qr.alipay.com/")
    assert (await merchant.query(no))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    scan = {"qr_code": node["qr_code"], "then": "scanned"}
    assert (await merchant.admin("POST", "buyers/pay", scan))["status"] == "WAIT_BUYER_PAY"
    assert (await merchant.query(no))["trade_status"] == "WAIT_BUYER_PAY"
    paid = await merchant.admin("POST", "buyers/pay", {"qr_code": node["qr_code"]})
    assert (paid["status"], paid["total_fen"], paid["store_id"]) == ("TRADE_SUCCESS", 320, "S1")
    await until(lambda: bool(receiver.seen))
    assert is_genuine(merchant, receiver.seen[0][1])
    assert fields_of(receiver.seen[0][1])["out_trade_no"] == no
    await merchant.admin("POST", "buyers/pay", {"qr_code": node["qr_code"]}, status=400)
    assert (await precreate(merchant, no))["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


async def test_a_code_that_was_taken_back(merchant: Merchant) -> None:
    no = new_no()
    await precreate(merchant, no)
    assert (await precreate(merchant, no))["sub_code"] == "ACQ.APPLY_PC_MERCHANT_CODE_ERROR"
    other = await precreate(merchant, no, total_amount="3.21")
    assert other["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    cancelled = await merchant.cancel(no)
    assert cancelled["code"] == "10000"
    assert "action" not in cancelled
    wanted = {"out_trade_no": no, "app_id": merchant.app_id}
    await merchant.admin("POST", "buyers/pay", wanted, status=400)
    assert (await merchant.query(no))["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_the_buyer_is_named(merchant: Merchant) -> None:
    no, buyer = new_no(), "2088000000000077"
    biz = {"out_trade_no": no, "subject": "小程序", "total_amount": "1.00"}
    assert (await merchant.call(CREATE, biz))["sub_code"] == "ACQ.INVALID_PARAMETER"
    node = await merchant.call(CREATE, {**biz, "buyer_open_id": "0abcOPEN"})
    assert len(node["trade_no"]) == 28
    assert (await merchant.call(CREATE, {**biz, "buyer_open_id": "0abcOPEN"})) == node
    await merchant.admin("POST", "buyers/pay", {"out_trade_no": no, "app_id": merchant.app_id})
    assert (await merchant.query(no))["buyer_open_id"] == "0abcOPEN"
    second = {**biz, "out_trade_no": new_no(), "buyer_id": buyer}
    await merchant.call(CREATE, second)
    closed = await merchant.call("alipay.trade.close", {"out_trade_no": second["out_trade_no"]})
    assert closed["code"] == "10000"
    assert (await merchant.call(CREATE, second))["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    trade = await merchant.admin("GET", f"trades/{second['out_trade_no']}")
    assert trade["buyer_user_id"] == buyer


async def test_the_buyer_gives_up_or_pays_late(merchant: Merchant) -> None:
    await merchant.fault("in_process", times=2, args={"ms": None})
    given_up, late = new_no(), new_no()
    for no, then, status in (
        (given_up, "closed", "TRADE_CLOSED"),
        (late, "paid", "TRADE_SUCCESS"),
    ):
        assert (await merchant.pay(no))["code"] == "10003"
        wanted = {"out_trade_no": no, "app_id": merchant.app_id, "then": then}
        await merchant.admin("POST", "buyers/pay", wanted)
        assert (await merchant.query(no))["trade_status"] == status


async def test_without_the_contract_nobody_charges(merchant: Merchant) -> None:
    """S101: 当面付 must be enabled or face pay cannot be used."""
    path = f"platform/apps/{merchant.app_id}"
    assert (await merchant.admin("GET", path))["facetoface"] is True
    await merchant.admin("POST", path, {"facetoface": False})
    for node in (await merchant.pay(new_no()), await precreate(merchant, new_no())):
        assert (node["code"], node["sub_code"]) == ("40006", "isv.insufficient-isv-permissions")
    await merchant.admin("POST", path, {"facetoface": True})
    assert (await merchant.pay(new_no()))["code"] == "10000"


async def test_a_day_for_cancels_a_year_for_refunds(
    start: Callable[[Path], Process],
    http: aiohttp.ClientSession,
    key: rsa.RSAPrivateKey,
    tmp_path: Path,
) -> None:
    """On the scaled clock, which somebody turns."""
    merchant = Merchant(http, start(tmp_path).base, key)
    await merchant.register()
    first, second, third = new_no(), new_no(), new_no()
    for no in (first, second, third):
        await merchant.pay(no)
    await merchant.admin("POST", "platform/clock", {"forward_s": DAY_S - 60})
    assert (await merchant.cancel(first))["action"] == "refund"
    await merchant.admin("POST", "platform/clock", {"forward_s": 61})
    assert (await merchant.cancel(second))["sub_code"] == "ACQ.TRADE_CANCEL_TIME_OUT"
    assert (await merchant.refund(second, "0.01", "R1"))["fund_change"] == "Y"
    await merchant.admin("POST", "platform/clock", {"forward_s": 366 * DAY_S})
    assert (await merchant.query(third))["trade_status"] == "TRADE_FINISHED"
    for node in (await merchant.refund(third, "0.01", "R1"), await merchant.cancel(third)):
        assert node["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
