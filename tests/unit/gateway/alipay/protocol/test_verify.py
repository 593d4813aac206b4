"""The verdict on a notification (reliability-security.md §5.8, rules 3 to 6 and 8)."""

import base64
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from gateway.alipay.protocol.canonical import Form, Kind, read_form
from gateway.alipay.protocol.verify import check_notify
from tests.fixtures.keys import RsaPair

FIELDS = {
    "app_id": "2021000000000001", "charset": "utf-8", "notify_id": "20261122", "body": "",
    "subject": "测试 + % & = 😀", "out_trade_no": "T1", "total_amount": "0.01", "version": "1.0",
}  # fmt: skip


def signature(content: bytes, pair: RsaPair, digest: Any = None) -> str:
    raw = pair.private.sign(content, padding.PKCS1v15(), digest or hashes.SHA256())
    return base64.b64encode(raw).decode()


def joined(fields: dict[str, str], *, empty: bool = False) -> bytes:
    """By hand: sorted, joined, raw."""
    return "&".join(f"{n}={fields[n]}" for n in sorted(fields) if fields[n] or empty).encode()


def form_of(fields: dict[str, str]) -> Form:
    return read_form(urlencode(fields).encode())


def notice(pair: RsaPair, kind: Kind = "pay", **changed: str) -> dict[str, str]:
    """Signed as its family signs; then `changed`."""
    signed = FIELDS if kind == "pay" else {**FIELDS, "sign_type": "RSA2"}
    return {**FIELDS, "sign_type": "RSA2", "sign": signature(joined(signed), pair), **changed}


def reason(fields: dict[str, str], pair: RsaPair, kind: Kind = "pay") -> str:
    return check_notify(form_of(fields), kind, [pair.public]).reason


def test_each_family_under_its_own_kind_only(alipay_keys: RsaPair) -> None:
    for kind, other in (("pay", "app"), ("app", "pay")):
        fields = notice(alipay_keys, kind)
        verdict = check_notify(form_of(fields), kind, [alipay_keys.public])
        assert (verdict.reason, verdict.key_index) == ("ok", 0)
        assert reason(fields, alipay_keys, other) == "signature"


@pytest.mark.parametrize("kind", ["pay", "app"])
@pytest.mark.parametrize("said", ["RSA", "rsa2", "RSA2 ", "SM2", "none", ""])
def test_sign_type_selects_no_algorithm(said: str, kind: Kind, alipay_keys: RsaPair) -> None:
    """A right signature under another name is refused, and so is another algorithm's under its."""
    assert reason(notice(alipay_keys, kind, sign_type=said), alipay_keys, kind) == "sign_type"
    signed = FIELDS if kind == "pay" else {**FIELDS, "sign_type": said}
    weak = signature(joined(signed), alipay_keys, hashes.SHA1())  # noqa: S303
    assert reason({**FIELDS, "sign_type": said, "sign": weak}, alipay_keys, kind) == "sign_type"


def test_another_algorithm_under_the_right_name_is_refused(alipay_keys: RsaPair) -> None:
    for digest in (hashes.SHA1(), hashes.SHA512()):  # noqa: S303
        sign = signature(joined(FIELDS), alipay_keys, digest)
        assert reason(notice(alipay_keys, sign=sign), alipay_keys) == "signature"


def test_a_form_that_does_not_name_its_algorithm_is_refused(alipay_keys: RsaPair) -> None:
    fields = notice(alipay_keys)
    del fields["sign_type"]
    assert reason(fields, alipay_keys) == "sign_type"


def test_a_signature_has_one_spelling(alipay_keys: RsaPair) -> None:
    fields = notice(alipay_keys)
    sign = fields["sign"]
    assert reason({**fields, "sign": ""}, alipay_keys) == "no_sign"
    for odd in (sign + "\n", sign + "!!", sign[:-1], sign.replace("=", ""), f" {sign}", "测", "x"):
        assert reason({**fields, "sign": odd}, alipay_keys) == "base64"
    del fields["sign"]
    assert reason(fields, alipay_keys) == "no_sign"


def test_empty_values_either_way(alipay_keys: RsaPair) -> None:
    """Some signers leave them out, some keep them: all of them, one way or the other."""
    fields = {**FIELDS, "memo": ""}
    for content, expected in (
        (joined(fields), "ok"),
        (joined(fields, empty=True), "ok"),
        (joined({**FIELDS, "body": ""}, empty=True), "signature"),
    ):
        sent = {**fields, "sign_type": "RSA2", "sign": signature(content, alipay_keys)}
        assert reason(sent, alipay_keys) == expected


@pytest.mark.parametrize("name", [name for name, value in FIELDS.items() if value])
def test_every_field_is_covered(name: str, alipay_keys: RsaPair) -> None:
    fields = notice(alipay_keys)
    changed = {**fields, name: fields[name] + "1"} if name != "charset" else {**fields, name: "gbk"}
    assert reason(changed, alipay_keys) == "signature"
    assert reason({**fields, name: ""}, alipay_keys) == "signature"
    assert reason({n: v for n, v in fields.items() if n != name}, alipay_keys) == "signature"
    assert reason({**fields, name + "x": "1"}, alipay_keys) == "signature"


def test_the_certificate_number_is_outside(alipay_keys: RsaPair) -> None:
    assert reason(notice(alipay_keys, alipay_cert_sn="a" * 32), alipay_keys) == "ok"


def test_only_a_key_we_hold(alipay_keys: RsaPair, other_keys: RsaPair) -> None:
    form = form_of(notice(alipay_keys))
    assert check_notify(form, "pay", [other_keys.public]).reason == "signature"
    assert check_notify(form, "pay", []).reason == "signature"
    verdict = check_notify(form, "pay", [other_keys.public, alipay_keys.public])
    assert (verdict.reason, verdict.key_index) == ("ok", 1)


def test_gbk_is_verified_as_bytes(alipay_keys: RsaPair) -> None:
    """Pitfall 14; whatever the form says about its charset, the bytes are what was signed."""
    subject = "测试誠".encode("gbk")
    for charset in (b"gbk", b"utf-8"):
        content = b"charset=" + charset + b"&subject=" + subject
        body = b"&".join(
            [
                b"charset=" + charset, b"subject=" + quote_plus(subject).encode(),
                b"sign_type=RSA2",
                b"sign=" + quote_plus(signature(content, alipay_keys)).encode(),
            ]
        )  # fmt: skip
        form = read_form(body)
        assert check_notify(form, "pay", [alipay_keys.public]).is_valid
        assert form.text("subject") == "测试誠"
