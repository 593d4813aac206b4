"""Each way in which an answer is bent: what exactly arrives, and whether it verifies."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.unit.sandbox_alipay.merchant import Merchant, is_signed, new_no

pytestmark = pytest.mark.asyncio

PAY = "alipay.trade.pay"
ROOT = "alipay_trade_pay_response"
Members = list[tuple[str, str]]


def members(text: str) -> Members:
    """The top level of an answer in its own order: names, and values as they are written."""
    decoder, found, at = json.JSONDecoder(), [], text.index("{") + 1
    while True:
        at = _blank(text, at)
        name, at = decoder.raw_decode(text, at)
        at = _blank(text, at)
        assert text[at] == ":"
        start = _blank(text, at + 1)
        _, at = decoder.raw_decode(text, start)
        found.append((name, text[start:at]))
        at = _blank(text, at)
        if text[at] == "}":
            return found
        assert text[at] == ","
        at += 1


def _blank(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


@dataclass
class Answer:
    """One bent answer to a payment of 0.01."""

    merchant: Merchant
    no: str
    body: bytes
    codec: str = "utf-8-sig"

    @property
    def text(self) -> str:
        return self.body.decode(self.codec)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in members(self.text)]

    def value(self, name: str, which: int = 0) -> str:
        return [value for found, value in members(self.text) if found == name][which]

    def node(self, root: str = ROOT, which: int = 0) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.value(root, which))
        return found

    def verifies(self, root: str = ROOT, which: int = 0) -> bool:
        content = self.value(root, which).encode(self.codec.removesuffix("-sig"))
        sign = json.loads(self.value("sign"))
        return is_signed(self.merchant.alipay_public_key, content, sign)

    def is_paid(self, root: str = ROOT, which: int = 0) -> bool:
        node = self.node(root, which)
        return (node["code"], node["out_trade_no"]) == ("10000", self.no)


def good(a: Answer) -> bool:
    return a.verifies() and a.is_paid()


def refused(a: Answer) -> bool:
    return a.is_paid() and not a.verifies()


def gbk(a: Answer) -> bool:
    try:
        a.body.decode()
    except UnicodeDecodeError:
        a.codec = "gbk"
        return good(a) and a.node()["store_name"] == "咖啡店"
    return False


def legacy_slash(a: Answer) -> bool:
    written = a.value(ROOT)
    plain = written.replace("\\/", "/").encode()
    sign = json.loads(a.value("sign"))
    return (
        "\\/" in written
        and not a.verifies()
        and is_signed(a.merchant.alipay_public_key, plain, sign)
    )


def is_no_json(a: Answer) -> bool:
    try:
        json.loads(a.body)
    except ValueError:
        return True
    return False


CHECKS: dict[str, Callable[[Answer], bool]] = {
    "bad_signature": refused,
    "wrong_key": refused,
    "tamper": lambda a: not a.verifies() and a.node()["out_trade_no"] == a.no,
    "no_sign": lambda a: a.names == [ROOT] and a.is_paid(),
    "empty_sign": lambda a: a.value("sign") == '""' and a.is_paid(),
    "junk_sign": lambda a: a.value("sign") == '"*not base64*"' and a.is_paid(),
    "sign_escaped": lambda a: "/" not in a.value("sign").replace("\\/", "") and good(a),
    "error_response": lambda a: a.verifies("error_response") and a.is_paid("error_response"),
    "null_response": lambda a: a.verifies("null_response") and a.is_paid("null_response"),
    "other_method": lambda a: (
        a.names[0] == "alipay_trade_query_response" and a.verifies("alipay_trade_query_response")
    ),
    "other_order": lambda a: a.verifies() and a.node()["out_trade_no"] == f"{a.no}X",
    "other_amount": lambda a: good(a) and a.node()["total_amount"] == "88888.88",
    "spaces": lambda a: a.text.startswith('{ "') and " , " in a.value(ROOT) and good(a),
    "ascii": lambda a: a.body.isascii() and "\\u5496" in a.value(ROOT) and good(a),
    "unicode": lambda a: "咖啡 🙂 👩‍🍳 \u2028" in a.value(ROOT) and good(a),
    "escaped_slash": lambda a: "https:\\/\\/a\\/b" in a.value(ROOT) and good(a),
    "plain_slash": lambda a: '"a/b"' in a.value(ROOT) and good(a),
    "legacy_slash": legacy_slash,
    "gbk": gbk,
    "shuffled": lambda a: list(a.node())[-1] == "code" and good(a),
    "nested_sign": lambda a: a.node()["sign"] == "inner" and good(a),
    "brace_text": lambda a: '"},"sign":"AAAA"} ' in str(a.node()["store_name"]) and good(a),
    "decoy": lambda a: f'"{ROOT}":' in json.loads(a.value("notice")) and good(a),
    "prefix_decoy": lambda a: a.names[0] == f"x_{ROOT}" and good(a),
    "nested_decoy": lambda a: a.names[0] == "notice" and ROOT in a.node("notice") and good(a),
    "duplicate_root": lambda a: a.names == [ROOT, "sign", ROOT] and good(a) and a.is_paid(ROOT, 1),
    "duplicate_first": lambda a: (
        a.names == [ROOT, ROOT, "sign"] and not a.verifies() and a.verifies(ROOT, 1)
    ),
    "sign_first": lambda a: a.names == ["sign", ROOT] and good(a),
    "cert_sn": lambda a: a.names == [ROOT, "alipay_cert_sn", "sign"] and good(a),
    "cert_sn_after_sign": lambda a: a.names == [ROOT, "sign", "alipay_cert_sn"] and good(a),
    "no_cert_sn": lambda a: a.names == [ROOT, "sign"] and good(a),
    "unknown_cert_sn": lambda a: a.names == [ROOT, "alipay_cert_sn", "sign"] and good(a),
    "bom": lambda a: a.body.startswith(b"\xef\xbb\xbf{") and good(a),
    "blank_lines": lambda a: a.body.startswith(b"\r\n\n{") and good(a),
    "cut_short": lambda a: is_no_json(a) and a.body.startswith(b'{"' + ROOT.encode()),
    "empty_body": lambda a: a.body == b"",
    "html": lambda a: a.body.startswith(b"<html>"),
}


async def answer(merchant: Merchant, kind: str) -> Answer:
    no = new_no()
    await merchant.fault(kind, method=PAY, times=1)
    status, body = await merchant.post(merchant.signed(PAY, merchant.order(no, store_id="S1")))
    assert status == 200
    assert (await merchant.admin("GET", f"trades/{no}"))["status"] == "TRADE_SUCCESS"
    return Answer(merchant, no, body)


@pytest.mark.parametrize("kind", CHECKS)
async def test_what_arrives(merchant: Merchant, kind: str) -> None:
    bent = await answer(merchant, kind)
    assert CHECKS[kind](bent), bent.body


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("no_cert_sn", [ROOT, "sign"]),
        ("unknown_cert_sn", [ROOT, "alipay_cert_sn", "sign"]),
        ("cert_sn_after_sign", [ROOT, "sign", "alipay_cert_sn"]),
        ("sign_first", ["sign", ROOT, "alipay_cert_sn"]),
        ("spaces", [ROOT, "alipay_cert_sn", "sign"]),
        ("bad_signature", [ROOT, "alipay_cert_sn", "sign"]),
        ("no_sign", [ROOT, "alipay_cert_sn"]),
    ],
)
async def test_in_certificate_mode(merchant: Merchant, kind: str, names: list[str]) -> None:
    app = await merchant.register(app_id=merchant.app_id, mode="cert")
    for name in ("app_cert_sn", "alipay_root_cert_sn"):
        merchant.extra[name] = app[name]
    bent = await answer(merchant, kind)
    assert bent.names == names
    if "alipay_cert_sn" in names:
        is_own = json.loads(bent.value("alipay_cert_sn")) == app["alipay_cert_sn"]
        assert is_own == (kind != "unknown_cert_sn")
    if kind != "no_sign":
        assert bent.verifies() == (kind != "bad_signature")
