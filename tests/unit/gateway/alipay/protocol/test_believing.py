"""Answers in certificate mode and with encrypted content: what is believed, and in which order."""

import json
from typing import Any

import pytest

from gateway.alipay.protocol import aes
from gateway.alipay.protocol.canonical import cut_response, signed_texts
from gateway.alipay.protocol.envelope import CONFIG_CODES, unwrap
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.neighbours import sign_as_alipay

PAY = "alipay.trade.pay"
AES_KEY = "AAECAwQFBgcICQoLDA0ODw=="
OTHER_KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
SN, NEW_SN = "a" * 32, "b" * 32


def body_of(
    content: bytes, pair: RsaPair | None, *, cert_sn: str = "", encoding: str = ""
) -> bytes:
    """As Alipay writes it: the node, the certificate's number, the signature."""
    body = b'{"alipay_trade_pay_response":' + content
    if cert_sn:
        body += b',"alipay_cert_sn":"' + cert_sn.encode() + b'"'
    if pair:
        body += b',"sign":"' + sign_as_alipay(content, pair.private).encode() + b'"'
    return body + b"}"


PAID = b'{"code":"10000","trade_no":"2026"}'


def test_an_answer_names_its_certificate(alipay_keys: RsaPair) -> None:
    keys = [alipay_keys.public]
    for named, known, reason in (
        (SN, (SN,), "ok"),
        (SN, (NEW_SN, SN), "ok"),
        (NEW_SN, (SN,), "cert_sn"),
        ("", (SN,), "ok"),
        (SN, (), "ok"),
    ):
        answer = unwrap(body_of(PAID, alipay_keys, cert_sn=named), PAY, keys, known)
        assert (answer.reason, answer.cert_sn) == (reason, named)
        assert bool(answer.members) is (reason == "ok")


def test_a_new_certificate_is_no_excuse(alipay_keys: RsaPair, other_keys: RsaPair) -> None:
    """Unsigned is unsigned; a known number does not stand in for the signature."""
    keys, known = [alipay_keys.public], (SN,)
    assert unwrap(body_of(PAID, None, cert_sn=NEW_SN), PAY, keys, known).reason == "no_sign"
    assert unwrap(body_of(PAID, other_keys, cert_sn=SN), PAY, keys, known).reason == "signature"
    for code in CONFIG_CODES:
        node = json.dumps({"code": code}).encode()
        answer = unwrap(body_of(node, other_keys, cert_sn=NEW_SN), PAY, keys, known)
        assert (answer.reason, answer.is_config_error) == ("cert_sn", False)


def quoted(text: str, key: str = AES_KEY) -> bytes:
    return json.dumps(aes.encrypt(key, text)).encode()


def test_ciphertext_is_signed_with_its_quotes_and_read_afterwards(alipay_keys: RsaPair) -> None:
    """Pitfall 24; `\\/` inside the quotes is how the gateway writes base64's slash."""
    keys = [alipay_keys.public]
    text = '{"code":"10000","subject":"测试","x":"???????????"}'
    plain = quoted(text)
    assert b"/" in plain
    for content in (plain, plain.replace(b"/", b"\\/")):
        answer = unwrap(body_of(content, alipay_keys), PAY, keys, aes_key=AES_KEY)
        assert (answer.reason, answer.text("subject")) == ("ok", "测试")
    bare = body_of(plain, None)[:-1] + b',"sign":"%s"}' % (
        sign_as_alipay(plain.strip(b'"'), alipay_keys.private).encode()
    )
    assert unwrap(bare, PAY, keys, aes_key=AES_KEY).reason == "signature"


def test_a_signed_plain_answer_is_read_although_content_is_encrypted(alipay_keys: RsaPair) -> None:
    """Failures come back plain (alipay-protocol.md §5.3)."""
    node = b'{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}'
    answer = unwrap(body_of(node, alipay_keys), PAY, [alipay_keys.public], aes_key=AES_KEY)
    assert (answer.reason, answer.sub_code) == ("ok", "ACQ.TRADE_NOT_EXIST")


def test_ciphertext_that_does_not_read_is_unknown(
    alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    keys = [alipay_keys.public]
    cases: list[tuple[bytes, RsaPair | None, str, str]] = [
        (quoted("{}"), alipay_keys, "", "encrypted"),
        (quoted("{}"), alipay_keys, OTHER_KEY, "ciphertext"),
        (b'"AAAA"', alipay_keys, AES_KEY, "ciphertext"),
        (b'""', alipay_keys, AES_KEY, "ciphertext"),
        (quoted("[1]"), alipay_keys, AES_KEY, "encrypted"),
        (quoted("no json"), alipay_keys, AES_KEY, "not_json"),
        (quoted('{"code":"10000"}'), other_keys, AES_KEY, "signature"),
        (quoted('{"code":"10000"}'), None, AES_KEY, "no_sign"),
    ]
    for content, pair, key, reason in cases:
        answer = unwrap(body_of(content, pair), PAY, keys, aes_key=key)
        assert (answer.reason, answer.code, answer.members) == (reason, "", {})


def test_nothing_is_decrypted_before_its_signature(
    other_keys: RsaPair, alipay_keys: RsaPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_given: Any) -> str:
        raise AssertionError("decrypted what nobody vouches for")

    monkeypatch.setattr(aes, "decrypt", never)
    for pair in (None, other_keys):
        body = body_of(quoted('{"code":"10000"}'), pair)
        assert not unwrap(body, PAY, [alipay_keys.public], aes_key=AES_KEY).is_verified


def test_text_that_cannot_be_stored_is_no_fact(alipay_keys: RsaPair) -> None:
    r"""A lone surrogate encodes nowhere, a NUL is refused by PostgreSQL."""
    node = rb'{"code":"10000","trade_no":"\ud800","buyer":"a\u0000","sub_msg":"\udfff\u0000!"}'
    answer = unwrap(body_of(node, alipay_keys), PAY, [alipay_keys.public])
    assert (answer.reason, answer.text("trade_no"), answer.text("buyer")) == ("ok", "", "")
    assert answer.sub_msg == "\ufffd\ufffd!"
    unsigned = unwrap(body_of(rb'{"code":"\ud800","sub_code":"\u0000"}', None), PAY, [])
    assert (unsigned.code, unsigned.sub_code) == ("", "")


def test_slashes_of_a_gbk_answer_are_unescaped_as_text() -> None:
    """誠 ends in the byte of a backslash: before a slash it is not an escape."""
    sent = '{"a":"誠/x","b":"c\\/d"}'.encode("gbk")
    body = b'{"alipay_trade_pay_response":%s}' % sent
    same, unescaped = signed_texts(cut_response(body, PAY))
    assert same == sent
    assert unescaped == '{"a":"誠/x","b":"c/d"}'.encode("gbk")
    only = '{"a":"誠/x"}'.encode("gbk")
    plain = cut_response(b'{"alipay_trade_pay_response":%s}' % only, PAY)
    assert list(signed_texts(plain)) == [only]


def test_a_stray_byte_outside_does_not_change_how_the_signed_text_is_read(
    alipay_keys: RsaPair,
) -> None:
    """Anybody on the way can add such a member; the signature does not cover it."""
    content = '{"code":"10000","subject":"测测"}'.encode()
    body = body_of(content, alipay_keys)[:-1] + b',"y":"\xb2\xe2"}'
    assert "测测" not in body.decode("gb18030")
    answer = unwrap(body, PAY, [alipay_keys.public])
    assert (answer.reason, answer.text("subject")) == ("ok", "测测")
    signed_gbk = '{"code":"10000","subject":"系統誠"}'.encode("gbk")
    answer = unwrap(body_of(signed_gbk, alipay_keys), PAY, [alipay_keys.public])
    assert (answer.reason, answer.text("subject")) == ("ok", "系統誠")
