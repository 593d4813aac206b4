"""Every misbehaviour does what its name says, as often as it was asked to, and is counted."""

import asyncio
import json
import time

import aiohttp
import pytest

from tests.unit.sandbox_alipay.merchant import TIME, Merchant, cut, is_signed, new_no

pytestmark = pytest.mark.asyncio

ROOT = "alipay_trade_pay_response"
PAY = "alipay.trade.pay"


async def _raw(merchant: Merchant, no: str) -> bytes:
    status, body = await merchant.post(merchant.signed(PAY, merchant.order(no)))
    assert status == 200
    return body


async def _status(merchant: Merchant, no: str) -> str | None:
    async with merchant.http.get(f"{merchant.base}/admin/trades/{no}") as answer:
        found = await answer.json()
    return found.get("status")


async def test_kinds_are_listed_with_a_line_each(merchant: Merchant) -> None:
    kinds = (await merchant.admin("GET", "faults/kinds"))["kinds"]
    names = {kind["fault"] for kind in kinds}
    assert names >= {
        *("bad_signature", "wrong_key", "no_sign", "unsigned_error", "http_500", "delay"),
        *("drop_answer", "drop_request", "in_process", "notify_twice", "notify_late"),
        *("notify_never", "notify_bad_signature", "cancel_retry", "tamper", "refuse"),
        "system_error",
    }
    assert all(kind["does"] and "\n" not in kind["does"] for kind in kinds)


async def test_times_app_and_method(merchant: Merchant) -> None:
    other = Merchant(merchant.http, merchant.base, merchant.key)
    await other.register()
    made = await merchant.fault("refuse", method=PAY, times=2, args={"sub_code": "ACQ.X"})
    assert (made["hits"], made["left"]) == (0, 2)
    assert (await other.pay(new_no()))["code"] == "10000"
    assert (await merchant.query(new_no()))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    told = [(await merchant.pay(new_no())).get("sub_code") for _ in range(3)]
    assert told == ["ACQ.X", "ACQ.X", None]
    (listed,) = (await merchant.admin("GET", "faults"))["faults"]
    assert (listed["hits"], listed["left"]) == (2, 0)
    assert (await merchant.admin("DELETE", "faults"))["deleted"] == 1
    assert (await merchant.admin("GET", "faults"))["faults"] == []


async def test_probability_can_be_repeated(merchant: Merchant) -> None:
    async def roll() -> list[str]:
        await merchant.fault("system_error", probability=0.5, seed=7)
        codes = [(await merchant.query("N"))["code"] for _ in range(30)]
        await merchant.admin("DELETE", "faults")
        return codes

    first = await roll()
    assert set(first) == {"20000", "40004"}
    assert await roll() == first


@pytest.mark.parametrize(("kind", "is_paid"), [("drop_request", False), ("drop_answer", True)])
async def test_broken_connections(merchant: Merchant, kind: str, is_paid: bool) -> None:
    no = new_no()
    await merchant.fault(kind, method=PAY, times=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await _raw(merchant, no)
    assert (await _status(merchant, no)) == ("TRADE_SUCCESS" if is_paid else None)
    assert (await merchant.pay(new_no()))["code"] == "10000"


async def test_delay(merchant: Merchant) -> None:
    for when in ("after", "before"):
        no = new_no()
        await merchant.fault("delay", times=1, args={"ms": 300, "when": when})
        started = time.monotonic()
        paying = asyncio.ensure_future(merchant.pay(no))
        await asyncio.sleep(0.15)
        is_done = await _status(merchant, no) is not None
        assert is_done == (when == "after")
        assert (await paying)["code"] == "10000"
        assert time.monotonic() - started >= 0.29  # a timer may fire a millisecond early


@pytest.mark.parametrize("is_done", [True, False])
async def test_http_500(merchant: Merchant, is_done: bool) -> None:
    no = new_no()
    await merchant.fault("http_500", times=1, args={"done": is_done})
    status, body = await merchant.post(merchant.signed(PAY, merchant.order(no)))
    assert status == 500
    assert body.startswith(b"<html>")
    assert (await _status(merchant, no)) == ("TRADE_SUCCESS" if is_done else None)


@pytest.mark.parametrize("is_paid", [True, False])
async def test_system_error(merchant: Merchant, is_paid: bool) -> None:
    no = new_no()
    await merchant.fault("system_error", times=1, args={"paid": is_paid})
    node = await merchant.pay(no)
    assert (node["code"], node["sub_code"]) == ("20000", "isp.unknow-error")
    assert (await _status(merchant, no)) == ("TRADE_SUCCESS" if is_paid else None)
    await merchant.fault("system_error", times=1, args={"sub_code": "ACQ.SYSTEM_ERROR"})
    node = await merchant.pay(new_no())
    assert (node["code"], node["sub_code"]) == ("40004", "ACQ.SYSTEM_ERROR")


async def test_unsigned_error(merchant: Merchant) -> None:
    no = new_no()
    await merchant.fault("unsigned_error", times=1)
    document = json.loads(await _raw(merchant, no))
    assert "sign" not in document
    assert document[ROOT]["sub_code"] == "ACQ.PAYMENT_FAIL"
    assert document[ROOT]["out_trade_no"] == no
    assert await _status(merchant, no) is None


async def test_gbk_sub_msg(merchant: Merchant) -> None:
    await merchant.fault("gbk_sub_msg", times=1)
    body = await _raw(merchant, new_no())
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    document = json.loads(body.decode("gb18030"))
    node = body[body.index(b":{") + 1 : body.index(b',"sign"')]
    assert document[ROOT]["code"] == "20000"
    assert is_signed(merchant.alipay_public_key, node, document["sign"])


@pytest.mark.parametrize("kind", ["bad_signature", "wrong_key", "tamper", "empty_sign"])
async def test_answers_that_do_not_verify(merchant: Merchant, kind: str) -> None:
    no = new_no()
    await merchant.fault(kind, method=PAY, times=1)
    node, sign = cut(await _raw(merchant, no), ROOT)
    assert json.loads(node)["code"] == "10000"
    assert sign is not None
    assert not is_signed(merchant.alipay_public_key, node, sign)
    assert await _status(merchant, no) == "TRADE_SUCCESS"


async def test_no_sign(merchant: Merchant) -> None:
    await merchant.fault("no_sign", times=1)
    assert cut(await _raw(merchant, new_no()), ROOT)[1] is None


@pytest.mark.parametrize(
    "kind",
    [
        *("ascii", "plain_slash", "nested_sign", "brace_text", "duplicate_root", "cert_sn"),
        *("other_order", "other_amount"),
    ],
)
async def test_answers_that_verify_and_are_awkward(merchant: Merchant, kind: str) -> None:
    no = new_no()
    await merchant.fault(kind, times=1)
    body = await _raw(merchant, no)
    node, _ = cut(body, ROOT)
    sign = body[body.rindex(b'"sign":"') + 8 :][:344].decode()
    assert is_signed(merchant.alipay_public_key, node, sign)
    found = json.loads(node)
    assert (found["out_trade_no"] == no) == (kind != "other_order")
    assert (found["total_amount"] == "0.01") == (kind != "other_amount")


@pytest.mark.parametrize(
    "kind",
    [
        *("error_response", "other_method", "spaces", "decoy", "sign_first", "bom"),
        *("blank_lines", "legacy_slash", "junk_sign"),
    ],
)
async def test_other_shapes_are_still_json(merchant: Merchant, kind: str) -> None:
    await merchant.fault(kind, times=1)
    document = json.loads((await _raw(merchant, new_no())).decode("utf-8-sig"))
    assert document["sign"]
    assert (ROOT in document) == (kind not in {"error_response", "other_method"})


async def test_what_is_no_json_at_all(merchant: Merchant) -> None:
    for kind in ("cut_short", "empty_body", "html"):
        await merchant.fault(kind, times=1)
        with pytest.raises(ValueError):
            json.loads(await _raw(merchant, new_no()))


async def test_refunds_that_speak_unclearly(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, total_amount="2.00")
    await merchant.fault("full_refund_only", times=1)
    refused = await merchant.refund(no, "1.00", "R1")
    assert refused["sub_code"] == "ACQ.NOT_ALLOW_PARTIAL_REFUND"
    await merchant.fault("fund_change_n", times=1)
    node = await merchant.refund(no, "1.00", "R1")
    assert (node["code"], node["fund_change"]) == ("10000", "N")
    trade = await merchant.admin("GET", f"trades/{no}")
    assert trade["refunded_fen"] == 100


@pytest.mark.parametrize(
    "wanted",
    [
        {"fault": "no_such"},
        {},
        {"fault": "delay", "times": 0},
        {"fault": "delay", "times": True},
        {"fault": "delay", "probability": 1.5},
        {"fault": "delay", "args": {"ms": "x"}},
        {"fault": "delay", "args": [1]},
        {"fault": "delay", "method": 1},
    ],
)
async def test_faults_that_are_refused(merchant: Merchant, wanted: dict[str, object]) -> None:
    answer = await merchant.admin("POST", "faults", wanted, status=400)
    assert answer["error"]
    assert (await merchant.admin("GET", "faults"))["faults"] == []


async def test_the_log_names_what_fired(merchant: Merchant) -> None:
    await merchant.fault("drop_request", method=PAY, times=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await _raw(merchant, new_no())
    await merchant.fault("refuse", method=PAY, times=1)
    await merchant.pay(new_no())
    log = (await merchant.admin("GET", f"requests?app_id={merchant.app_id}"))["requests"]
    assert [(one["verdict"], one["faults"]) for one in log] == [
        ("dropped", ["drop_request"]),
        ("accepted", ["refuse"]),
    ]
    assert log[0]["fields"]["timestamp"] == TIME
