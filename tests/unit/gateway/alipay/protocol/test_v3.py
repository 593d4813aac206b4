"""OpenAPI v3 under RSA2: vector (c) of alipay-protocol.md §10, and what an answer must prove."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from gateway.alipay.protocol import aes, v3
from gateway.alipay.protocol.canonical import BadAnswer
from tests.fixtures.keys import RsaPair

APP = "2021000000000001"
NONCE = "11111111-2222-4333-8444-555555555555"
AT = datetime.fromtimestamp(1795379400, UTC)
QUERY = "alipay.trade.query"
CONTENT = {"out_trade_no": "T20261122000001", "total_amount": "0.01"}
AES_KEY = "AAECAwQFBgcICQoLDA0ODw=="


def is_signed(content: bytes, signature: str, pair: RsaPair) -> bool:
    """By the library alone; an invalid one raises."""
    raw = base64.b64decode(signature)
    pair.public.verify(raw, content, padding.PKCS1v15(), hashes.SHA256())
    return True


def test_request_vector() -> None:
    auth = v3.auth_string(APP, NONCE, AT)
    body = b'{"out_trade_no":"T20261122000001","total_amount":"0.01"}'
    content = v3.request_content(auth, "POST", v3.path_of(QUERY), body)
    assert len(content) == 176
    digest = hashlib.sha256(content).hexdigest()
    assert digest == "829d594930d3eb0d4e4e9a8075987491f0e5d78b92b3f3188dcbea4b0b84f513"


def called(pair: RsaPair, **given: Any) -> tuple[v3.RestCall, str, str]:
    """The call, its auth string and its signature."""
    call = v3.signed_call(QUERY, APP, at=AT, nonce=NONCE, key=pair.private, **given)
    scheme, _, rest = call.headers["authorization"].partition(" ")
    assert scheme == "ALIPAY-SHA256withRSA"
    auth, _, signature = rest.partition(",sign=")
    return call, auth, signature


def test_a_call_signs_what_it_sends(app_keys: RsaPair) -> None:
    call, auth, signature = called(app_keys, content=CONTENT, request_id="r" * 32)
    assert auth == f"app_id={APP},nonce={NONCE},timestamp=1795379400000"
    lines = [auth, "POST", "/v3/alipay/trade/query", call.body.decode(), ""]
    assert is_signed("\n".join(lines).encode(), signature, app_keys)
    assert json.loads(call.body) == CONTENT
    assert call.headers["content-type"] == "application/json"
    assert call.headers["alipay-request-id"] == "r" * 32


def test_a_call_without_a_body_signs_an_empty_line_and_its_query(app_keys: RsaPair) -> None:
    asked = {"bill_type": "trade", "bill_date": "2026-11-22", "x": "测 &="}
    call, auth, signature = called(app_keys, http_method="GET", query=asked)
    query = "bill_type=trade&bill_date=2026-11-22&x=%E6%B5%8B%20%26%3D"
    assert (call.target, call.body) == (f"/v3/alipay/trade/query?{query}", b"")
    assert is_signed(f"{auth}\nGET\n{call.target}\n\n".encode(), signature, app_keys)


def test_a_grant_and_certificates_are_signed_or_named(app_keys: RsaPair) -> None:
    call, auth, signature = called(
        app_keys, content=CONTENT, app_auth_token="grant", app_cert_sn="a" * 32,
        alipay_root_cert_sn="b_c",
    )  # fmt: skip
    assert auth == f"app_id={APP},app_cert_sn={'a' * 32},nonce={NONCE},timestamp=1795379400000"
    lines = [auth, "POST", "/v3/alipay/trade/query", call.body.decode(), "grant", ""]
    assert is_signed("\n".join(lines).encode(), signature, app_keys)
    assert call.headers["alipay-app-auth-token"] == "grant"
    assert call.headers["alipay-root-cert-sn"] == "b_c"


def test_ciphertext_is_what_is_signed(app_keys: RsaPair) -> None:
    call, auth, signature = called(app_keys, content=CONTENT, aes_key=AES_KEY)
    assert json.loads(aes.decrypt(AES_KEY, call.body.decode())) == CONTENT
    lines = [auth, "POST", "/v3/alipay/trade/query", call.body.decode(), ""]
    assert is_signed("\n".join(lines).encode(), signature, app_keys)
    assert call.headers["content-type"] == "text/plain"
    assert call.headers["alipay-encrypt-type"] == "AES"
    assert call.headers["alipay-encryption-algm"] == "AES"


def test_the_time_is_an_instant_not_a_wall_clock() -> None:
    beijing = AT.astimezone(timezone(timedelta(hours=8)))
    assert v3.auth_string(APP, NONCE, beijing) == v3.auth_string(APP, NONCE, AT)
    late = AT + timedelta(microseconds=999_999)
    assert v3.auth_string(APP, NONCE, late).endswith("timestamp=1795379400999")
    assert v3.auth_string(APP, NONCE, AT, expired_seconds=60).endswith("000,expired_seconds=60")
    with pytest.raises(ValueError, match="offset"):
        v3.auth_string(APP, NONCE, AT.replace(tzinfo=None))


@pytest.mark.parametrize("odd", ["a,b", "a\nb", "a\rb", ""])
def test_no_value_ends_the_auth_string(odd: str) -> None:
    for app_id, nonce in ((odd, NONCE), (APP, odd)):
        with pytest.raises(ValueError, match=r"separator|needed"):
            v3.auth_string(app_id, nonce, AT)


def test_a_request_id_is_short(app_keys: RsaPair) -> None:
    with pytest.raises(ValueError, match="32"):
        called(app_keys, content=CONTENT, request_id="r" * 33)


def answered(body: bytes, pair: RsaPair, **changed: str) -> dict[str, str]:
    content = b"1795379400123\nn1\n" + body + b"\n"
    raw = pair.private.sign(content, padding.PKCS1v15(), hashes.SHA256())
    headers = {
        "alipay-timestamp": "1795379400123",
        "alipay-nonce": "n1",
        "alipay-signature": base64.b64encode(raw).decode(),
    }
    return {**headers, **{name.replace("_", "-"): value for name, value in changed.items()}}


def test_a_signed_answer_is_read(alipay_keys: RsaPair, other_keys: RsaPair) -> None:
    body = '{"trade_status":"TRADE_SUCCESS","x":"测"}'.encode()
    keys = [other_keys.public, alipay_keys.public]
    verdict = v3.check_answer(answered(body, alipay_keys), body, keys)
    assert (verdict.reason, verdict.content, verdict.key_index) == ("ok", body, 1)
    assert v3.read_answer(verdict)["x"] == "测"
    nothing = v3.check_answer(answered(b"", alipay_keys), b"", keys)
    assert v3.read_answer(nothing) == {}


def test_what_is_not_proven_is_not_read(alipay_keys: RsaPair) -> None:
    body, keys = b'{"trade_status":"TRADE_SUCCESS"}', [alipay_keys.public]
    good = answered(body, alipay_keys)
    bad = {
        "no_sign": [{}, *({**good, name: ""} for name in good)],
        "base64": [{**good, "alipay-signature": good["alipay-signature"] + "\n"}],
        "signature": [
            {**good, "alipay-timestamp": "1795379400124"},
            {**good, "alipay-nonce": "n2"},
            {**good, "alipay-nonce": "测"},
        ],
    }
    for reason, cases in bad.items():
        for headers in cases:
            verdict = v3.check_answer(headers, body, keys)
            assert (verdict.reason, verdict.content) == (reason, b"")
            with pytest.raises(BadAnswer, match=reason):
                v3.read_answer(verdict)
    assert v3.check_answer(good, body + b" ", keys).reason == "signature"
    assert v3.check_answer(good, body, []).reason == "signature"


def test_another_certificate_is_a_reason_of_its_own(alipay_keys: RsaPair) -> None:
    body, keys = b"{}", [alipay_keys.public]
    for named, known, reason in (
        ("a", ("a",), "ok"), ("b", ("a",), "cert_sn"), ("b", (), "ok"), ("", ("a",), "ok"),
    ):  # fmt: skip
        headers = answered(body, alipay_keys, alipay_sn=named)
        assert v3.check_answer(headers, body, keys, known).reason == reason


def test_ciphertext_is_read_after_its_signature(alipay_keys: RsaPair) -> None:
    body = aes.encrypt(AES_KEY, '{"code":"测"}').encode()
    verdict = v3.check_answer(answered(body, alipay_keys), body, [alipay_keys.public])
    assert v3.read_answer(verdict, AES_KEY) == {"code": "测"}
    other = "AAAAAAAAAAAAAAAAAAAAAA=="
    for key, reason in ((other, "ciphertext"), ("short", "ciphertext"), ("", "not_json")):
        with pytest.raises(BadAnswer, match=reason):
            v3.read_answer(verdict, key)
