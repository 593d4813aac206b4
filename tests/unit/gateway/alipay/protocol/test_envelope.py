"""The envelope and the judgement of answers: unknown unless verified and about this question
(alipay-protocol.md §2.3 and §4; F14, F15; pitfalls 5 to 8, 16, 19)."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from gateway.alipay.methods.row import CallResult, judge
from gateway.alipay.methods.table import METHODS
from gateway.alipay.protocol.canonical import request_content
from gateway.alipay.protocol.envelope import (
    AlipayResponse,
    beijing_text,
    parse_beijing,
    signed_request,
    unwrap,
)
from gateway.alipay.protocol.rsa2 import verify
from shared.contracts.instants import rfc3339
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.neighbours import answer_body, sign_as_alipay

ORDER = "20261123040000ABCDEFGHIJKLMNOPQR"
PAY, QUERY, CANCEL = "alipay.trade.pay", "alipay.trade.query", "alipay.trade.cancel"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
ASKED: dict[str, dict[str, Any]] = {
    PAY: {"out_trade_no": ORDER, "scene": "code", "auth_code": "283012345678901234",
          "total_fen": 1207, "subject": "咖啡/A=B&C"},
    QUERY: {"out_trade_no": ORDER},
    CANCEL: {"out_trade_no": ORDER},
    REFUND: {"out_trade_no": ORDER, "out_request_no": "R1", "refund_fen": 100},
    REFUND_QUERY: {"out_trade_no": ORDER, "out_request_no": "R1"},
}  # fmt: skip
TRADE = {
    "code": "10000", "msg": "Success", "out_trade_no": ORDER, "total_amount": "12.07",
    "trade_no": "2026112322001400000000000001", "buyer_logon_id": "158****1562",
    "buyer_open_id": "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5",
}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    PAY: {**TRADE, "gmt_payment": "2026-11-23 12:00:05"},
    QUERY: {**TRADE, "trade_status": "TRADE_SUCCESS", "send_pay_date": "2026-11-23 12:00:05"},
    CANCEL: {"code": "10000", "out_trade_no": ORDER, "trade_no": "2", "retry_flag": "N",
             "action": "close"},
    REFUND: {"code": "10000", "out_trade_no": ORDER, "fund_change": "Y", "refund_fee": "3.00"},
    REFUND_QUERY: {"code": "10000", "out_trade_no": ORDER, "out_request_no": "R1",
                   "refund_amount": "1.00", "refund_status": "REFUND_SUCCESS"},
}  # fmt: skip


def judged(
    method: str, node: dict[str, Any], *, asked: dict[str, Any] | None = None, reason: str = "ok"
) -> CallResult:
    row = METHODS[method]
    answer = AlipayResponse(
        reason=reason,
        code=node.get("code", ""),
        sub_code=node.get("sub_code", ""),
        members=node if reason == "ok" else {},
    )
    return judge(row, answer, row.params.model_validate(asked or ASKED[method]))


# --- sending


def test_a_request_is_signed_as_it_is_sent(app_keys: RsaPair) -> None:
    params = METHODS[PAY].params.model_validate(ASKED[PAY])
    request = signed_request(
        PAY, "2021000000000001", params.biz_content(),
        at=datetime(2026, 11, 23, 4, 0, tzinfo=UTC), key=app_keys.private,
        notify_url="https://pay.example.test/alipay/notify/x",
    )  # fmt: skip
    query = {name: values[0] for name, values in parse_qs(request.query).items()}
    body = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    assert set(body) == {"biz_content"}
    assert query["timestamp"] == "2026-11-23 12:00:00"
    assert (query["charset"], query["sign_type"], query["version"]) == ("utf-8", "RSA2", "1.0")
    sent = {**query, **body}
    assert verify(request_content(sent).encode(), sent["sign"], app_keys.public)
    assert json.loads(sent["biz_content"]) == {
        "out_trade_no": ORDER, "scene": "bar_code", "auth_code": "283012345678901234",
        "product_code": "FACE_TO_FACE_PAYMENT", "subject": "咖啡／A＝B＆C", "total_amount": "12.07",
    }  # fmt: skip


def test_a_face_payment_is_a_security_code() -> None:
    params = METHODS[PAY].params.model_validate({**ASKED[PAY], "scene": "face", "store_id": "S1"})
    content = params.biz_content()
    assert (content["scene"], content["store_id"]) == ("security_code", "S1")


@pytest.mark.parametrize(
    "changed",
    [
        {"total_fen": 0}, {"total_fen": -1}, {"total_fen": 12.0}, {"total_fen": "1"},
        {"total_fen": 10_000_000_001}, {"out_trade_no": "a b"}, {"out_trade_no": ""},
        {"out_trade_no": "x" * 65}, {"scene": "wave"}, {"auth_code": ""}, {"subject": ""},
        {"notify_url": "https://evil"}, {"product_code": "X"}, {"timeout_express": "0m"},
    ],
)  # fmt: skip
def test_a_caller_cannot_send_what_is_not_listed(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        METHODS[PAY].params.model_validate({**ASKED[PAY], **changed})


def test_beijing_time() -> None:
    at = datetime(2026, 11, 23, 16, 30, 5, tzinfo=UTC)
    assert beijing_text(at) == "2026-11-24 00:30:05"
    assert parse_beijing("2026-11-24 00:30:05") == at
    assert rfc3339(parse_beijing("2026-11-24 00:30:05.123")) == "2026-11-23T16:30:05.123000Z"
    for odd in ("", "2026-11-24T00:30:05Z", "yesterday", "2026-11-24 25:00:00"):
        with pytest.raises(ValueError, match=r"offset|isoformat|hour"):
            parse_beijing(odd)
    with pytest.raises(ValueError, match="calendar"):
        parse_beijing("0001-01-01 00:00:00")


# --- believing


def test_a_signed_answer_is_read(alipay_keys: RsaPair) -> None:
    answer = unwrap(answer_body(PAY, GOOD[PAY], alipay_keys.private), PAY, [alipay_keys.public])
    assert (answer.reason, answer.code, answer.fen("total_amount")) == ("ok", "10000", 1207)
    assert answer.instant("gmt_payment") == "2026-11-23T04:00:05Z"


def test_an_answer_signed_before_its_slashes_were_escaped_is_read_as_signed(
    alipay_keys: RsaPair,
) -> None:
    """sdk-compat §3 row 15; the text that verified is the one that is parsed."""
    signed_text = b'{"code":"10000","qr_code":"https://qr.alipay.com/x"}'
    sign = sign_as_alipay(signed_text, alipay_keys.private).encode()
    sent = signed_text.replace(b"/", b"\\/")
    body = b'{"alipay_trade_pay_response":' + sent + b',"sign":"' + sign + b'"}'
    answer = unwrap(body, PAY, [alipay_keys.public])
    assert (answer.reason, answer.text("qr_code")) == ("ok", "https://qr.alipay.com/x")


def test_what_was_signed_is_read_where_what_was_sent_says_something_else(
    alipay_keys: RsaPair,
) -> None:
    r"""Signed `x\/y` (a slash), sent `x\\/y` (a backslash and a slash): the signed one counts."""
    signed_text, sent = rb'{"code":"10000","a":"x\/y"}', rb'{"code":"10000","a":"x\\/y"}'
    sign = sign_as_alipay(signed_text, alipay_keys.private).encode()
    body = b'{"alipay_trade_pay_response":' + sent + b',"sign":"' + sign + b'"}'
    answer = unwrap(body, PAY, [alipay_keys.public])
    assert (answer.reason, answer.text("a")) == ("ok", "x/y")


def test_the_escape_retry_cannot_change_the_meaning(alipay_keys: RsaPair) -> None:
    r"""Signed `\\/` sent as it is: one text, read with its backslash; stripped of one, refused."""
    signed_text = b'{"code":"10000","a":"x\\\\/y"}'
    sign = sign_as_alipay(signed_text, alipay_keys.private).encode()
    for sent, text in ((signed_text, "x\\/y"), (signed_text.replace(b"\\\\/", b"\\/"), "")):
        body = b'{"alipay_trade_pay_response":' + sent + b',"sign":"' + sign + b'"}'
        answer = unwrap(body, PAY, [alipay_keys.public])
        assert (answer.is_verified, answer.text("a")) == (bool(text), text)


def test_one_of_several_keys_is_enough(alipay_keys: RsaPair, other_keys: RsaPair) -> None:
    body = answer_body(PAY, GOOD[PAY], alipay_keys.private)
    assert unwrap(body, PAY, [other_keys.public, alipay_keys.public]).key_index == 1
    assert unwrap(body, PAY, [other_keys.public]).reason == "signature"
    assert unwrap(body, PAY, []).reason == "signature"


@pytest.mark.parametrize("root", ["", "error_response", "null_response"])
@pytest.mark.parametrize("code", ["10000", "10003", "20000", "40004", "40005", "", "99999"])
def test_unsigned_means_unknown(code: str, root: str) -> None:
    body = answer_body(PAY, {**GOOD[PAY], "code": code}, None, root)
    answer = unwrap(body, PAY, [])
    assert (answer.reason, answer.members) == ("no_sign", {})
    row = METHODS[PAY]
    assert judge(row, answer, row.params.model_validate(ASKED[PAY])).outcome == "unknown"


@pytest.mark.parametrize("code", ["40001", "40002", "40003", "40006", "20001"])
@pytest.mark.parametrize("root", ["", "error_response"])
def test_configuration_errors_are_told_signed_or_not(
    code: str, root: str, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    row = METHODS[PAY]
    asked = row.params.model_validate(ASKED[PAY])
    node = {"code": code, "msg": "x", "sub_code": "isv.invalid-app-id"}
    for key, outcome in (
        (None, "config_error"), (alipay_keys, "config_error"), (other_keys, "unknown"),
    ):  # fmt: skip
        body = answer_body(PAY, node, key and key.private, root)
        assert judge(row, unwrap(body, PAY, [alipay_keys.public]), asked).outcome == outcome


def test_a_signed_fault_node_is_never_a_success(alipay_keys: RsaPair) -> None:
    row = METHODS[PAY]
    for root in ("error_response", "null_response"):
        for code in ("10000", "10003", "40004"):
            body = answer_body(PAY, {**GOOD[PAY], "code": code}, alipay_keys.private, root)
            result = judge(
                row, unwrap(body, PAY, [alipay_keys.public]), row.params.model_validate(ASKED[PAY])
            )
            assert result == CallResult("unknown", reason="fault_node")


def test_no_changed_byte_is_believed(alipay_keys: RsaPair) -> None:
    """F15: each byte of the answer, one at a time; outside the node only layout may change."""
    body = answer_body(PAY, GOOD[PAY], alipay_keys.private)
    good = unwrap(body, PAY, [alipay_keys.public])
    for place in range(0, len(body), 3):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        answer = unwrap(changed, PAY, [alipay_keys.public])
        assert not answer.is_verified or answer.members == good.members


# --- judging


@pytest.mark.parametrize("method", GOOD)
def test_a_good_answer_succeeds(method: str) -> None:
    assert judged(method, GOOD[method]).outcome == "success"


@pytest.mark.parametrize("method", GOOD)
def test_an_answer_about_another_order_is_not_believed(method: str) -> None:
    assert judged(method, {**GOOD[method], "out_trade_no": "OTHER"}).reason == "other_order"
    nameless = {name: value for name, value in GOOD[method].items() if name != "out_trade_no"}
    assert judged(method, nameless).reason == "no_order"


@pytest.mark.parametrize("method", GOOD)
@pytest.mark.parametrize(
    "sub_code",
    ["ACQ.SYSTEM_ERROR", "AQC.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR", "ACQ.SOMETHING_NEW", "",
     "ACQ.TRADE_HAS_SUCCESS", "ACQ.CONTEXT_INCONSISTENT", "ACQ.DISCORDANT_REPEAT_REQUEST"],
)  # fmt: skip
def test_unlisted_refusals_are_unknown(method: str, sub_code: str) -> None:
    """F14: never failed by default."""
    node = {"code": "40004", "sub_code": sub_code, "out_trade_no": ORDER}
    assert judged(method, node) == CallResult("unknown", reason="sub_code")


def test_listed_refusals_are_refused_for_their_own_method_only() -> None:
    node = {"code": "40004", "sub_code": "ACQ.PAYMENT_AUTH_CODE_INVALID", "out_trade_no": ORDER}
    assert judged(PAY, node).outcome == "refused"
    assert judged(REFUND, node).outcome == "unknown"
    assert judged(PAY, {**node, "out_trade_no": ""}).reason == "no_order"
    poor = {"code": "40004", "sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"}
    assert judged(REFUND, poor).outcome == "refused"
    assert judged(CANCEL, poor).outcome == "unknown"


def test_not_found() -> None:
    node = {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST", "out_trade_no": ORDER}
    assert judged(QUERY, node).outcome == "not_found"
    bare = {"code": "40004", "sub_code": "TRADE_NOT_EXIST"}
    assert judged(REFUND_QUERY, bare).outcome == "not_found"


@pytest.mark.parametrize("code", ["20000", "40005", "10001", ""])
def test_other_codes_are_unknown_even_when_verified(code: str) -> None:
    assert judged(PAY, {**GOOD[PAY], "code": code}).reason == "code"


def test_in_process_is_a_payments_word() -> None:
    node = {"code": "10003", "msg": " order success pay inprocess", "out_trade_no": ORDER}
    assert judged(PAY, node).outcome == "in_process"
    assert judged(QUERY, node).outcome == "unknown"


def test_a_payment_is_bound_to_its_amount() -> None:
    data = judged(PAY, GOOD[PAY]).data
    assert (data["total_fen"], data["paid_at"]) == (1207, "2026-11-23T04:00:05Z")
    assert data["buyer_id"] == TRADE["buyer_open_id"]
    for amount in ("12.08", "0.01", "12.070", "", "1e1", None):
        assert judged(PAY, {**GOOD[PAY], "total_amount": amount}).reason == "other_amount"
    assert judged(PAY, {**GOOD[PAY], "trade_no": ""}).reason == "incomplete"


def test_a_query_tells_the_status_and_may_be_bound_to_an_amount() -> None:
    data = judged(QUERY, GOOD[QUERY]).data
    assert (data["trade_status"], data["total_fen"]) == ("TRADE_SUCCESS", 1207)
    assert judged(QUERY, {**GOOD[QUERY], "trade_status": "NEW"}).reason == "other_status"
    bound = {**ASKED[QUERY], "total_fen": 1206}
    assert judged(QUERY, GOOD[QUERY], asked=bound).reason == "other_amount"
    older = {**GOOD[QUERY], "buyer_open_id": None, "buyer_user_id": "2088000000000002"}
    assert judged(QUERY, older).data["buyer_id"] == "2088000000000002"


def test_a_cancel_tells_what_it_did() -> None:
    for action, again in (("close", "N"), ("refund", "N"), ("", "Y")):
        data = judged(CANCEL, {**GOOD[CANCEL], "action": action, "retry_flag": again}).data
        assert (data["action"], data["retry"]) == (action or None, again == "Y")
    assert judged(CANCEL, {**GOOD[CANCEL], "action": "maybe"}).reason == "incomplete"
    assert judged(CANCEL, {**GOOD[CANCEL], "retry_flag": ""}).reason == "incomplete"


def test_a_refund_tells_the_total_not_this_amount() -> None:
    """Pitfall 19: refund_fee is cumulative; a repeat answers fund_change N."""
    assert judged(REFUND, GOOD[REFUND]).data == {"fund_change": True, "refund_total_fen": 300}
    assert judged(REFUND, {**GOOD[REFUND], "fund_change": "N"}).data["fund_change"] is False
    assert judged(REFUND, {**GOOD[REFUND], "refund_fee": None}).reason == "incomplete"


def test_a_bare_refund_query_means_not_refunded() -> None:
    assert judged(REFUND_QUERY, {"code": "10000"}).data == {"refunded": False, "refund_fen": 0}
    assert judged(REFUND_QUERY, GOOD[REFUND_QUERY]).data == {"refunded": True, "refund_fen": 100}
    other = {**GOOD[REFUND_QUERY], "out_request_no": "R2"}
    assert judged(REFUND_QUERY, other).reason == "other_refund"
