"""Query, cancel, refund, refund query, and what time does to a trade."""

import asyncio

import pytest

from tests.unit.sandbox_alipay.merchant import Merchant, new_no

pytestmark = pytest.mark.asyncio


async def test_query_by_either_number(merchant: Merchant) -> None:
    no = new_no()
    paid = await merchant.pay(no, terminal_id="T1")
    for biz in ({"out_trade_no": no}, {"trade_no": paid["trade_no"], "out_trade_no": "other"}):
        node = await merchant.call("alipay.trade.query", biz)
        assert node["trade_status"] == "TRADE_SUCCESS"
        assert node["out_trade_no"] == no
        assert node["send_pay_date"] == paid["gmt_payment"]
        assert node["terminal_id"] == "T1"
    assert (await merchant.call("alipay.trade.query", {}))["sub_code"] == "ACQ.INVALID_PARAMETER"
    trade = await merchant.admin("GET", f"trades/{no}")
    assert trade["requests"]["alipay.trade.query"] == 2


async def test_cancel_what_never_was(merchant: Merchant) -> None:
    no = new_no()
    node = await merchant.cancel(no)
    assert (node["code"], node["retry_flag"]) == ("10000", "N")
    assert "action" not in node
    assert (await merchant.pay(no))["code"] == "10000", "nothing was closed, a late pay succeeds"


async def test_cancel_what_was_not_paid(merchant: Merchant) -> None:
    no = new_no()
    await merchant.fault("in_process", times=1, args={"ms": 60_000})
    await merchant.pay(no)
    for _ in range(2):
        assert (await merchant.cancel(no))["action"] == "close"
    node = await merchant.query(no)
    assert node["trade_status"] == "TRADE_CLOSED"
    assert node["ext_infos"] == '{"action":"cancel"}'
    assert (await merchant.refund(no, "0.01"))["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


async def test_cancel_what_was_paid(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, total_amount="5.00")
    for _ in range(2):
        node = await merchant.cancel(no)
        assert (node["action"], node["retry_flag"]) == ("refund", "N")
    trade = await merchant.admin("GET", f"trades/{no}")
    assert (trade["status"], trade["refunded_fen"]) == ("TRADE_CLOSED", 500)
    assert trade["closed_by"] == "cancel"
    sub_code = (await merchant.refund(no, "5.00", "R9"))["sub_code"]
    assert sub_code == "ACQ.REASON_TRADE_REFUND_FEE_ERR"


async def test_cancel_after_a_refund(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, total_amount="5.00")
    await merchant.refund(no, "1.00", "R1")
    assert (await merchant.cancel(no))["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"


async def test_cancel_says_try_again(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no)
    await merchant.fault("cancel_retry", times=2)
    flags = [await merchant.cancel(no) for _ in range(3)]
    assert [node["retry_flag"] for node in flags] == ["Y", "Y", "N"]
    assert "action" not in flags[0]
    assert flags[2]["action"] == "refund"


async def test_refunds(merchant: Merchant) -> None:
    """refund_fee is the sum, send_back_fee this one; the same number never pays twice."""
    no = new_no()
    await merchant.pay(no, total_amount="10.00")
    first = await merchant.refund(no, "3.00", "R1")
    assert (first["fund_change"], first["refund_fee"], first["send_back_fee"]) == (
        "Y",
        "3.00",
        "3.00",
    )
    again = await merchant.refund(no, "3.00", "R1")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "3.00")
    assert (await merchant.refund(no, "3.01", "R1"))["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    over = await merchant.refund(no, "7.01", "R2")
    assert over["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    assert (over["refund_fee"], over["send_back_fee"]) == ("0.00", "0.00")
    assert (await merchant.query(no))["trade_status"] == "TRADE_SUCCESS"
    last = await merchant.refund(no, "7.00", "R2")
    assert (last["fund_change"], last["refund_fee"], last["send_back_fee"]) == (
        "Y",
        "10.00",
        "7.00",
    )
    assert (await merchant.query(no))["trade_status"] == "TRADE_CLOSED"
    repeated = await merchant.refund(no, "7.00", "R2")
    assert (repeated["code"], repeated["fund_change"]) == ("10000", "N")
    assert (await merchant.refund(no, "0.01", "R3"))["sub_code"] == over["sub_code"]
    trade = await merchant.admin("GET", f"trades/{no}")
    assert trade["refunded_fen"] == 1000
    assert [(one["out_request_no"], one["refund_fen"]) for one in trade["refunds"]] == [
        ("R1", 300),
        ("R2", 700),
    ]


async def test_refund_without_a_number(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, total_amount="2.00")
    assert (await merchant.refund(no, "1.00"))["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert (await merchant.refund(no, "2.00"))["fund_change"] == "Y"
    assert (await merchant.refund(no, "2.00"))["fund_change"] == "N"
    biz = {"out_trade_no": no, "out_request_no": no}
    node = await merchant.call("alipay.trade.fastpay.refund.query", biz)
    assert node["refund_status"] == "REFUND_SUCCESS"


@pytest.mark.parametrize("amount", ["", "0", "0.00", "-1", "0.001", "x", None])
async def test_refund_amounts_that_are_none(merchant: Merchant, amount: str | None) -> None:
    no = new_no()
    await merchant.pay(no)
    biz = {"out_trade_no": no, "out_request_no": "R1", "refund_amount": amount}
    node = await merchant.call("alipay.trade.refund", biz)
    assert node["sub_code"] == "ACQ.INVALID_PARAMETER"


async def test_refund_of_nothing_and_of_a_waiting_trade(merchant: Merchant) -> None:
    no = new_no()
    assert (await merchant.refund(no, "0.01", "R"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await merchant.fault("in_process", times=1, args={"ms": None})
    await merchant.pay(no)
    assert (await merchant.refund(no, "0.01", "R"))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_racing_refunds_stay_within_the_total(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, total_amount="1.00")
    answers = await asyncio.gather(*(merchant.refund(no, "0.60", f"R{n}") for n in range(10)))
    assert sum(answer["code"] == "10000" for answer in answers) == 1


async def test_refund_query(merchant: Merchant) -> None:
    no = new_no()
    method = "alipay.trade.fastpay.refund.query"
    assert (await merchant.call(method, {"out_trade_no": no}))["sub_code"] == (
        "ACQ.INVALID_PARAMETER"
    )
    biz = {"out_trade_no": no, "out_request_no": "R1"}
    assert (await merchant.call(method, biz))["sub_code"] == "TRADE_NOT_EXIST"
    await merchant.pay(no, total_amount="10.00")
    assert await merchant.call(method, biz) == {"code": "10000", "msg": "Success"}
    await merchant.refund(no, "4.00", "R1")
    node = await merchant.call(method, biz)
    assert (node["refund_status"], node["refund_amount"]) == ("REFUND_SUCCESS", "4.00")
    assert node["total_amount"] == "10.00"


async def test_close(merchant: Merchant) -> None:
    no, method = new_no(), "alipay.trade.close"
    assert (await merchant.call(method, {"out_trade_no": no}))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await merchant.fault("in_process", times=1, args={"ms": None})
    await merchant.pay(no)
    assert (await merchant.call(method, {"out_trade_no": no}))["code"] == "10000"
    paid = new_no()
    await merchant.pay(paid)
    node = await merchant.call(method, {"out_trade_no": paid})
    assert node["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"


async def test_the_buyer_confirms_later(merchant: Merchant) -> None:
    no = new_no()
    await merchant.fault("in_process", times=1, args={"ms": 150})
    assert (await merchant.pay(no))["code"] == "10003"
    assert (await merchant.query(no))["trade_status"] == "WAIT_BUYER_PAY"
    await asyncio.sleep(0.2)
    assert (await merchant.query(no))["trade_status"] == "TRADE_SUCCESS"


async def test_the_buyer_gives_up(merchant: Merchant) -> None:
    no = new_no()
    await merchant.fault("in_process", times=1, args={"ms": 10, "then": "closed"})
    await merchant.pay(no)
    await asyncio.sleep(0.05)
    node = await merchant.query(no)
    assert node["trade_status"] == "TRADE_CLOSED"
    assert "send_pay_date" not in node


async def test_a_password_above_the_threshold(merchant: Merchant) -> None:
    await merchant.fault("password", args={"above_fen": 100, "ms": None})
    assert (await merchant.pay(new_no(), total_amount="1.00"))["code"] == "10000"
    assert (await merchant.pay(new_no(), total_amount="1.01"))["code"] == "10003"
    listed = (await merchant.admin("GET", "faults"))["faults"]
    assert listed[0]["hits"] == 1
