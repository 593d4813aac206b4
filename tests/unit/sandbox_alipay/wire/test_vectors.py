"""Strings to sign, against vectors with known digests, and the laws of the wire."""

import hashlib
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.alipay.wire import envelope, incoming, money
from deploy.sandbox.kit import clock

REQUEST = {
    "app_auth_token": "202611BBtest0000000000000000000000000001",
    "app_id": "2021000000000001",
    "biz_content": '{"out_trade_no":"T20261122000001","scene":"security_code","auth_code":'
    '"fp01234567890123456789012345678901a","product_code":"FACE_TO_FACE_PAYMENT",'
    '"subject":"测试 咖啡","total_amount":"0.01"}',
    "charset": "utf-8",
    "format": "JSON",
    "method": "alipay.trade.pay",
    "notify_url": "https://pay.example.test/alipay/notify?shop=8",
    "sign_type": "RSA2",
    "timestamp": "2026-11-22 20:30:00",
    "version": "1.0",
}
NOTIFY = {
    "app_id": "2021000000000001",
    "auth_app_id": "2021000000000001",
    "body": "",
    "buyer_id": "2088000000000002",
    "buyer_pay_amount": "0.01",
    "charset": "utf-8",
    "fund_bill_list": '[{"amount":"0.01","fundChannel":"PCREDIT"}]',
    "gmt_create": "2026-11-22 20:30:01",
    "gmt_payment": "2026-11-22 20:30:05",
    "notify_id": "2026112200222203006000000000000001",
    "notify_time": "2026-11-22 20:30:06",
    "notify_type": "trade_status_sync",
    "out_trade_no": "T20261122000001",
    "point_amount": "0.00",
    "receipt_amount": "0.01",
    "seller_id": "2088000000000001",
    "sign_type": "RSA2",
    "subject": "测试 咖啡",
    "total_amount": "0.01",
    "trade_no": "2026112222001400000000000001",
    "trade_status": "TRADE_SUCCESS",
    "version": "1.0",
}


def test_string_to_sign_of_a_request() -> None:
    content = incoming.content_to_sign({**REQUEST, "sign": "x"}, keeps_empty=False).encode()
    assert len(content) == 450
    digest = hashlib.sha256(content).hexdigest()
    assert digest == "e07412b42e23ffacae0dfcbdb586ab37a4c694cd061e2f5138d0364b4a2f7992"


def test_string_to_sign_of_a_notify() -> None:
    content = notices.content_to_sign(NOTIFY).encode()
    assert len(content) == 554
    digest = hashlib.sha256(content).hexdigest()
    assert digest == "95f9f63e796980d7f50828ca09eba37baa8e7270df8794242e49806ac5b6752b"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(texts.filter(lambda t: t not in {"", "charset"}), texts, max_size=8))
def test_what_is_sent_is_what_is_read(params: dict[str, str]) -> None:
    names = sorted(params)
    query = urlencode({name: params[name] for name in names[::2]}).encode()
    body = urlencode({name: params[name] for name in names[1::2]}).encode()
    received = incoming.read(query, "application/x-www-form-urlencoded", body)
    assert received.params == params
    assert received.conflicts == set()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["", "multipart/x", "a"]))
def test_no_bytes_are_a_crash(query: bytes, body: bytes, content_type: str) -> None:
    received = incoming.read(query, content_type, body)
    incoming.content_to_sign(received.params, keeps_empty=True).encode(received.codec, "replace")


@given(st.integers(1, 10**13 - 1))
def test_yuan_and_back(fen: int) -> None:
    assert money.fen_of(money.yuan(fen)) == fen


@pytest.mark.parametrize(("text", "fen"), [("1", 100), ("1.2", 120), ("01.20", 120), ("0.01", 1)])
def test_spellings_of_amounts(text: str, fen: int) -> None:
    assert money.fen_of(text) == fen


@given(st.integers(0, 4_000_000_000))
def test_beijing_and_back(seconds: int) -> None:
    assert clock.from_beijing(clock.beijing(seconds * 1000)) == seconds * 1000


def test_beijing_is_eight_hours_ahead() -> None:
    assert clock.beijing(0) == "1970-01-01 08:00:00"
    assert clock.beijing_with_ms(1_007) == "1970-01-01 08:00:01.007"
    assert clock.iso(1_007) == "1970-01-01T00:00:01.007Z"


def test_a_clock_that_changes_speed_does_not_jump() -> None:
    scaled = clock.ScaledClock.restore(None)
    before = scaled.now()
    scaled.set_scale(1000)
    scaled.set_scale(0.001)
    after = scaled.now()
    assert 0 <= after - before < 60_000
    assert abs(clock.ScaledClock.restore(scaled.state()).now() - after) < 1000


def test_lone_surrogates_can_be_answered() -> None:
    raw = envelope.render({"out_trade_no": "\ud800"}, "utf-8")
    assert raw == b'{"out_trade_no":"\\ud800"}'


@pytest.mark.parametrize(
    ("method", "root"),
    [
        ("alipay.trade.pay", "alipay_trade_pay_response"),
        ("", "error_response"),
        ('a"b', "error_response"),
        ("支付", "error_response"),
    ],
)
def test_roots(method: str, root: str) -> None:
    assert envelope.root_of(method) == root
