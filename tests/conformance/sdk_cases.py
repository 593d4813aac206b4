"""Seeded random parameter sets: what every SDK can sign, in awkward text."""

import json
import random
from typing import Any

from tests.conformance.sdk_drivers import Command

SEED, SETS = 20261126, 1000
ALWAYS = ("app_id", "charset", "method", "sign_type", "timestamp", "version")
OFTEN = ("format", "notify_url", "return_url", "app_auth_token", "auth_token", "app_cert_sn",
         "alipay_root_cert_sn", "alipay_sdk", "prod_code", "terminal_info", "terminal_type",
         "target_app_id", "encrypt_type")  # fmt: skip
METHODS = ("alipay.trade.pay", "alipay.trade.query", "alipay.trade.refund", "alipay.trade.close")
PIECES = ("咖啡", "可可 café", "😀", "👩‍👩‍👧", "+", " ", "&", "=", "%", "%2B", "\t", "\n", "\u2028",
          '"', "\\",
          "/", "\\/", "'", "<b>", "0", "a", "Z", "{", "}",
          "中文，。", "é", "\u00a0", "?", "#")  # fmt: skip


def _text(chance: random.Random) -> str:
    """Never empty nor only blanks: about those the SDKs differ."""
    return "x" + "".join(chance.choices(PIECES, k=chance.randint(0, 9)))


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(8 if depth else 6)
    if kind < 4:
        return _text(chance)
    if kind == 4:
        return chance.choice([True, False, None])
    if kind == 5:
        return chance.randint(-(2**53) + 1, 2**53 - 1)
    if kind == 6:
        return [_value(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    return {f"name_{letter}": _value(chance, depth - 1) for letter in "ab"}


def signing_case(chance: random.Random) -> Command:
    """A flat set of texts; `biz` is the object whose text is its biz_content."""
    params = {
        name: _text(chance) for name in (*ALWAYS, *chance.sample(OFTEN, chance.randint(0, 7)))
    }
    params |= {"charset": "utf-8", "sign_type": "RSA2", "method": chance.choice(METHODS)}
    biz = {f"field_{letter}": _value(chance, 2) for letter in "abcde"[: chance.randint(1, 5)]}
    text = json.dumps(biz, ensure_ascii=False, separators=(",", ":"))
    return {"do": "sign", "params": {**params, "biz_content": text}, "biz": biz}
