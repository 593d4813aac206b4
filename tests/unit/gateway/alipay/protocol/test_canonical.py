"""The byte strings of requests and notifications (vectors of alipay-protocol.md §10)."""

import hashlib
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alipay.protocol.canonical import (
    BadForm,
    json_text,
    notify_contents,
    read_form,
    request_content,
)

REQUEST = {
    "version": "1.0",
    "app_auth_token": "202611BBtest0000000000000000000000000001",
    "app_id": "2021000000000001",
    "biz_content": (
        '{"out_trade_no":"T20261122000001","scene":"security_code",'
        '"auth_code":"fp01234567890123456789012345678901a",'
        '"product_code":"FACE_TO_FACE_PAYMENT","subject":"测试 咖啡","total_amount":"0.01"}'
    ),
    "charset": "utf-8",
    "format": "JSON",
    "method": "alipay.trade.pay",
    "notify_url": "https://pay.example.test/alipay/notify?shop=8",
    "sign_type": "RSA2",
    "timestamp": "2026-11-22 20:30:00",
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
    "sign": "x",
    "sign_type": "RSA2",
    "subject": "测试 咖啡",
    "total_amount": "0.01",
    "trade_no": "2026112222001400000000000001",
    "trade_status": "TRADE_SUCCESS",
    "version": "1.0",
}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def contents(fields: dict[str, str], kind: str = "pay") -> tuple[bytes, ...]:
    return notify_contents(read_form(urlencode(fields).encode()).fields, kind)


def test_request_vector() -> None:
    content = request_content({**REQUEST, "sign": "old", "return_url": ""}).encode()
    assert len(content) == 450
    assert sha(content) == "e07412b42e23ffacae0dfcbdb586ab37a4c694cd061e2f5138d0364b4a2f7992"


def test_a_request_keeps_sign_type_and_drops_sign_and_empties() -> None:
    assert request_content({"b": "2", "sign": "s", "sign_type": "RSA2", "a": ""}) == (
        "b=2&sign_type=RSA2"
    )


def test_notify_vector() -> None:
    dropped, kept = contents(NOTIFY)
    assert len(dropped) == 554
    assert sha(dropped) == "95f9f63e796980d7f50828ca09eba37baa8e7270df8794242e49806ac5b6752b"
    assert b"&body=&buyer_id=" in kept


def test_the_kind_of_door_decides_about_sign_type() -> None:
    (pay,) = contents({"a": "1", "sign": "s", "sign_type": "RSA2"}, "pay")
    (app,) = contents({"a": "1", "sign": "s", "sign_type": "RSA2"}, "app")
    assert (pay, app) == (b"a=1", b"a=1&sign_type=RSA2")


def test_the_certificate_number_is_not_signed() -> None:
    (content,) = contents({"a": "1", "alipay_cert_sn": "0123"})
    assert content == b"a=1"


def test_names_are_sorted_as_names_not_as_pairs() -> None:
    (content,) = contents({"ext1": "b", "ext": "a"})
    assert content == b"ext=a&ext1=b"


def test_values_are_decoded_exactly_once() -> None:
    fields = read_form(b"a=%252B%2B+%26&b=100%25").fields
    assert fields == {b"a": b"%2B+ &", b"b": b"100%"}


def test_a_stray_percent_stays_what_it_is() -> None:
    assert read_form(b"a=100%&b=%zz").fields == {b"a": b"100%", b"b": b"%zz"}


def test_gbk_bytes_are_signed_as_bytes_and_read_as_text() -> None:
    subject = "测试".encode("gbk")
    body = b"charset=gbk&subject=" + quote_plus(subject).encode()
    form = read_form(body)
    assert notify_contents(form.fields, "pay") == (b"charset=gbk&subject=" + subject,)
    assert form.text("subject") == "测试"


def test_gbk_bytes_under_a_utf8_flag_are_still_read() -> None:
    """dedemao/alipay#7: the flag says utf-8, the bytes are GBK."""
    form = read_form(b"charset=utf-8&subject=" + quote_plus("测试".encode("gbk")).encode())
    assert form.text("subject") == "测试"


@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        ("application/x-www-form-urlencoded; text/html; charset=utf-8", ""),
        ("application/x-www-form-urlencoded;charset=GBK", ""),
        ("Application/X-WWW-Form-Urlencoded", ""),
        ("application/x-www-form-urlencoded; charset=utf-16", "charset"),
        ("application/json", "content_type"),
        ("multipart/form-data; boundary=x", "content_type"),
        ("text/html; application/x-www-form-urlencoded", "content_type"),
        ("", "content_type"),
    ],
)
def test_the_content_type_family(content_type: str, reason: str) -> None:
    """expressjs/body-parser#137: what follows the first semicolon is malformed as a rule."""
    assert _reason(b"a=1", content_type) == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed"),
        (b"&&", "malformed"),
        (b"=1", "malformed"),
        (b"a%26b=1", "malformed"),
        (b"a%3Db=1", "malformed"),
        (b"a=1&a=1", "duplicate"),
        (b"a=1&%61=2", "duplicate"),
        (b"sign=1&a=1&sign=2", "duplicate"),
        (b"charset=utf-16&a=1", "charset"),
        (b"charset=GBK&a=1", ""),
        (b"charset=UTF-8&a=1", ""),
        (b"a=1&b", ""),
        (b"a=" + b"x" * 65536, "too_large"),
        (b"&".join(b"n%d=1" % n for n in range(300)), "too_many_fields"),
    ],
)
def test_forms_that_no_signature_could_cover(body: bytes, reason: str) -> None:
    assert _reason(body) == reason


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadForm, match="undecodable"):
        read_form(b"a=%ff%ff").texts()


def _reason(body: bytes, content_type: str | None = None) -> str:
    try:
        read_form(body, content_type)
    except BadForm as error:
        return error.reason
    return ""


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="=&"), min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=12))
def test_any_form_survives_the_wire(fields: dict[str, str]) -> None:
    """What is signed is what the signer had, whatever characters are in it."""
    fields = {"charset": "utf-8", **{n: v for n, v in fields.items() if n != "charset"}}
    form = read_form(urlencode(fields).encode())
    assert {n.decode(): v.decode() for n, v in form.fields.items()} == fields
    assert form.texts() == {name: value for name, value in fields.items() if value}
    spoken = notify_contents(form.fields, "pay")[0]
    pairs = sorted((n.encode(), v.encode()) for n, v in fields.items() if v)
    expected = [p for p in pairs if p[0] not in (b"sign", b"sign_type", b"alipay_cert_sn")]
    assert spoken == b"&".join(n + b"=" + v for n, v in expected)


@given(st.dictionaries(NAMES, VALUES, max_size=12))
def test_a_request_does_not_depend_on_the_order_of_its_parameters(fields: dict[str, str]) -> None:
    shuffled = dict(sorted(fields.items(), reverse=True))
    assert request_content(fields) == request_content(shuffled)
    assert "sign=" not in request_content({"sign": "x"})


def test_json_is_compact_and_keeps_its_characters() -> None:
    assert json_text({"a": "测试", "b": [1, None]}) == '{"a":"测试","b":[1,null]}'
