"""alipay.trade.pay: its answers, its idempotency, and every refusal that the protocol names."""

import asyncio
from typing import Any

import pytest

from tests.unit.sandbox_alipay.merchant import Merchant, bar_code, face_code, new_no

pytestmark = pytest.mark.asyncio


async def test_paid(merchant: Merchant) -> None:
    no = new_no()
    node = await merchant.pay(no, total_amount="12.30", store_id="S1")
    assert (node["code"], node["msg"]) == ("10000", "Success")
    assert node["out_trade_no"] == no
    assert len(node["trade_no"]) == 28
    assert node["trade_no"].isdigit()
    assert node["trade_no"][8:12] == "2200"
    names = ("total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount")
    assert {node[name] for name in names} == {"12.30"}
    assert node["fund_bill_list"] == [{"amount": "12.30", "fund_channel": "ALIPAYACCOUNT"}]
    trade = await merchant.admin("GET", f"trades/{no}")
    assert trade["status"] == "TRADE_SUCCESS"
    assert trade["total_fen"] == 1230
    assert trade["buyer_open_id"] == node["buyer_open_id"]
    assert trade["requests"] == {"alipay.trade.pay": 1}
    assert trade["seller_id"] == merchant.seller_id
    listed = (await merchant.admin("GET", f"trades?app_id={merchant.app_id}"))["trades"]
    assert [one["out_trade_no"] for one in listed] == [no]
    assert listed[0]["requests"] == {"alipay.trade.pay": 1}


async def test_face(merchant: Merchant) -> None:
    node = await merchant.pay(new_no(), scene="security_code", auth_code=face_code())
    assert node["code"] == "10000"


async def test_a_bare_number_is_an_amount_too(merchant: Merchant) -> None:
    node = await merchant.pay(new_no(), total_amount=0.29)
    assert node["total_amount"] == "0.29"


async def test_the_same_order_takes_money_once(merchant: Merchant) -> None:
    no, code = new_no(), bar_code()
    assert (await merchant.pay(no, auth_code=code))["code"] == "10000"
    told = [
        (await merchant.pay(no, auth_code=code))["sub_code"],
        (await merchant.pay(no))["sub_code"],
        (await merchant.pay(no, total_amount="0.02"))["sub_code"],
        (await merchant.pay(no, subject="other"))["sub_code"],
    ]
    assert told == [*["ACQ.TRADE_HAS_SUCCESS"] * 2, *["ACQ.CONTEXT_INCONSISTENT"] * 2]
    await merchant.cancel(no)
    node = await merchant.pay(no)
    assert node["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    assert node["out_trade_no"] == no
    assert {node[name] for name in ("buyer_pay_amount", "receipt_amount")} == {"0.00"}
    trade = await merchant.admin("GET", f"trades/{no}")
    assert trade["requests"] == {"alipay.trade.pay": 6, "alipay.trade.cancel": 1}


async def test_racing_for_one_order_and_for_one_code(merchant: Merchant) -> None:
    no, code = new_no(), bar_code()
    answers = await asyncio.gather(*(merchant.pay(no, auth_code=code) for _ in range(8)))
    assert sorted(answer["code"] for answer in answers) == ["10000"] + ["40004"] * 7
    code = bar_code()
    answers = await asyncio.gather(*(merchant.pay(new_no(), auth_code=code) for _ in range(8)))
    refused = [answer["sub_code"] for answer in answers if answer["code"] != "10000"]
    assert refused == ["ACQ.PAYMENT_AUTH_CODE_INVALID"] * 7


async def test_while_the_buyer_has_not_confirmed(merchant: Merchant) -> None:
    no, code = new_no(), bar_code()
    await merchant.fault("in_process", times=1, args={"ms": None})
    first = await merchant.pay(no, auth_code=code)
    assert (first["code"], first["msg"]) == ("10003", " order success pay inprocess")
    assert first["receipt_amount"] == "0.00"
    again = await merchant.pay(no, auth_code=code)
    assert (again["code"], again["trade_no"]) == ("10003", first["trade_no"])
    assert (await merchant.pay(no))["sub_code"] == "ACQ.TRADE_BUYER_NOT_MATCH"
    assert (await merchant.pay(no, subject="x"))["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    assert (await merchant.query(no))["trade_status"] == "WAIT_BUYER_PAY"


INVALID = "ACQ.INVALID_PARAMETER"
CODE = "ACQ.PAYMENT_AUTH_CODE_INVALID"


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"out_trade_no": ""}, INVALID),
        ({"out_trade_no": "x" * 65}, INVALID),
        ({"out_trade_no": "a-b"}, INVALID),
        ({"out_trade_no": ["x"]}, INVALID),
        ({"total_amount": ""}, INVALID),
        ({"total_amount": "0"}, INVALID),
        ({"total_amount": "0.00"}, INVALID),
        ({"total_amount": "-0.01"}, INVALID),
        ({"total_amount": "0.001"}, INVALID),
        ({"total_amount": "1e3"}, INVALID),
        ({"total_amount": " 1"}, INVALID),
        ({"total_amount": "١"}, INVALID),
        ({"total_amount": True}, INVALID),
        ({"total_amount": "100000000.01"}, "ACQ.TOTAL_FEE_EXCEED"),
        ({"subject": ""}, INVALID),
        ({"subject": "x" * 257}, INVALID),
        ({"scene": "nose"}, INVALID),
        ({"auth_code": ""}, "ACQ.AUTH_TOKEN_IS_NOT_EXIST"),
        ({"auth_code": "1" * 18}, CODE),
        ({"auth_code": "28" + "1" * 13}, CODE),
        ({"auth_code": "28" + "1" * 23}, CODE),
        ({"auth_code": "31" + "1" * 16}, CODE),
        ({"auth_code": "28" + "١" * 16}, CODE),
        ({"auth_code": "fp" + "a" * 33}, CODE),
        ({"auth_code": "28" + "1" * 16, "scene": "security_code"}, CODE),
        ({"auth_code": "fp" + "a" * 32, "scene": "security_code"}, CODE),
        ({"auth_code": "fp" + "-" * 33, "scene": "security_code"}, CODE),
        ({"seller_id": "2088000000000000"}, "ACQ.SELLER_NOT_EXIST"),
        ({"timeout_express": "0m"}, INVALID),
        ({"timeout_express": "16d"}, INVALID),
        ({"timeout_express": "2c"}, INVALID),
        ({"timeout_express": "90"}, INVALID),
        ({"time_expire": "2020-01-01 00:00:00"}, "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
        ({"time_expire": "soon"}, INVALID),
        ({"terminal_params": {"a": 1}}, INVALID),
        ({"goods_detail": [{}] * 151}, "ACQ.SUB_GOODS_SIZE_MAX_COUNT"),
        ({"discountable_amount": "0.01", "undiscountable_amount": "0.01"}, INVALID),
    ],
)
async def test_refused(merchant: Merchant, changes: dict[str, Any], sub_code: str) -> None:
    no = new_no()
    node = await merchant.call("alipay.trade.pay", {**merchant.order(no), **changes})
    assert (node["code"], node["sub_code"]) == ("40004", sub_code)
    assert node["buyer_pay_amount"] == "0.00"
    found = await merchant.admin("GET", f"trades?app_id={merchant.app_id}")
    assert found["trades"] == []


@pytest.mark.parametrize("express", ["1m", "90m", "2h", "15d", "1c"])
async def test_timeouts_that_are_accepted(merchant: Merchant, express: str) -> None:
    assert (await merchant.pay(new_no(), timeout_express=express))["code"] == "10000"


async def test_a_refused_order_is_not_in_the_books(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, auth_code="")
    found = await merchant.admin("GET", f"trades/{no}", status=404)
    assert found["requests"] == {"alipay.trade.pay": 1}
    assert (await merchant.query(no))["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_apps_do_not_see_each_other(merchant: Merchant) -> None:
    no = new_no()
    first = await merchant.pay(no)
    other = Merchant(merchant.http, merchant.base, merchant.key)
    await other.register()
    assert (await other.query(no))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    by_trade_no = await other.call("alipay.trade.query", {"trade_no": first["trade_no"]})
    assert by_trade_no["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert (await other.pay(no))["code"] == "10000"


async def test_old_apps_see_user_ids(merchant: Merchant) -> None:
    await merchant.register(app_id=merchant.app_id, buyer_ids="user_id")
    node = await merchant.pay(new_no())
    assert node["buyer_user_id"].startswith("2088")
    assert "buyer_open_id" not in node
