"""The same parameters and key give the same `sign` in every public SDK and in ours."""

import base64
import json
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.conformance.sdk_drivers import NAMES, Command, Drivers, private_key
from tests.conformance.sdk_ours import ours
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.sdks
SEED, SETS = 20261126, 1000
ALWAYS = ("app_id", "charset", "method", "sign_type", "timestamp", "version")
OFTEN = ("format", "notify_url", "return_url", "app_auth_token", "auth_token", "app_cert_sn",
         "alipay_root_cert_sn", "alipay_sdk", "prod_code", "terminal_info", "terminal_type",
         "target_app_id", "encrypt_type")  # fmt: skip
METHODS = ("alipay.trade.pay", "alipay.trade.query", "alipay.trade.refund", "alipay.trade.close")
PIECES = ("咖啡", "可可 café", "😀", "👩‍👩‍👧", "+", " ", "&", "=", "%", "%2B", "\t", "\n", "\u2028", '"', "\\",
          "/", "\\/", "'", "<b>", "0", "a", "Z", "{", "}", "中文，。", "é", "\u00a0", "?", "#")  # fmt: skip


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


def _case(chance: random.Random) -> Command:
    """A flat set of texts; `biz` is the object whose text is its biz_content."""
    params = {name: _text(chance) for name in (*ALWAYS, *chance.sample(OFTEN, chance.randint(0, 7)))}
    params |= {"charset": "utf-8", "sign_type": "RSA2", "method": chance.choice(METHODS)}
    biz = {f"field_{letter}": _value(chance, 2) for letter in "abcde"[: chance.randint(1, 5)]}
    text = json.dumps(biz, ensure_ascii=False, separators=(",", ":"))
    return {"do": "sign", "params": {**params, "biz_content": text}, "biz": biz}


def by_hand(content: str, keys: RsaPair, encoding: str = "utf-8") -> str:
    raw = keys.private.sign(content.encode(encoding), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(raw).decode()


def _joined(params: dict[str, str]) -> str:
    return "&".join(f"{name}={params[name]}" for name in sorted(params))


def test_a_thousand_sets_have_one_signature_each(drivers: Drivers, app_keys: RsaPair) -> None:
    chance = random.Random(SEED)
    cases = [{**_case(chance), **private_key(app_keys)} for _ in range(SETS)]
    told = drivers.everybody(dict.fromkeys(NAMES, cases))
    mine = ours("sign", [{"params": case["params"], "private_key": case["private_key"]}
                         for case in cases])  # fmt: skip
    assert len({one["sign"] for one in mine}) == SETS
    for sdk in NAMES:
        for case, their, our in zip(cases, told[sdk], mine, strict=True):
            assert their.get("content", our["content"]) == our["content"], (sdk, case)
            assert their["sign"] == our["sign"], (sdk, case, their)


# What a set holds: the SDKs that leave it out of (or order it otherwise in) the content.
LEAVE_EMPTY_OUT = {"java_official", "java_easy", "go_smartwalle", "go_gopay"}
LEAVE_BLANK_OUT = {"java_official"}
SORT_PAIRS = {"go_smartwalle"}
BASE = {"app_id": "2021", "charset": "utf-8", "method": "alipay.trade.query", "sign_type": "RSA2",
        "timestamp": "2026-11-26 12:00:00", "version": "1.0"}  # fmt: skip


def _signs(drivers: Drivers, keys: RsaPair, params: dict[str, Any], **more: Any) -> dict[str, str]:
    command = {"do": "sign", "params": params, **private_key(keys), **more}
    told = drivers.everybody({sdk: [command] for sdk in NAMES})
    return {sdk: told[sdk][0]["sign"] for sdk in NAMES}


def _our_sign(params: dict[str, str], keys: RsaPair) -> str:
    return str(ours("sign", [{"params": params, "private_key": keys.private_b64}])[0]["sign"])


@pytest.mark.parametrize(
    ("more", "left_out", "is_left_out_by_us"),
    [({"return_url": ""}, LEAVE_EMPTY_OUT, True), ({"return_url": " "}, LEAVE_BLANK_OUT, False)],
    ids=["empty", "blank"],
)
def test_values_that_say_nothing(
    drivers: Drivers, app_keys: RsaPair, more: dict[str, str], left_out: set[str],
    is_left_out_by_us: bool,
) -> None:  # fmt: skip
    """Why our edge sends neither: an empty value is left out by us as by four SDKs, a blank one is
    kept by everybody but official Java."""
    params = {**BASE, **more}
    kept, dropped = by_hand(_joined(params), app_keys), by_hand(_joined(BASE), app_keys)
    for sdk, sign in _signs(drivers, app_keys, params).items():
        assert sign == (dropped if sdk in left_out else kept), sdk
    assert _our_sign(params, app_keys) == (dropped if is_left_out_by_us else kept)


def test_a_name_that_begins_another(drivers: Drivers, app_keys: RsaPair) -> None:
    """smartwalle sorts `name=value`, and `=` comes after the digits."""
    params = {**BASE, "ext": "a", "ext1": "b"}
    by_name = by_hand(_joined(params), app_keys)
    by_pair = by_hand("&".join(sorted(f"{k}={v}" for k, v in params.items())), app_keys)
    assert by_name != by_pair
    for sdk, sign in _signs(drivers, app_keys, params).items():
        assert sign == (by_pair if sdk in SORT_PAIRS else by_name), sdk
    assert _our_sign(params, app_keys) == by_name


def test_gbk(drivers: Drivers, app_keys: RsaPair) -> None:
    """The two official SDKs that take another charset sign its bytes, and so do we."""
    params = {**BASE, "charset": "GBK", "subject": "中文 咖啡"}
    expected = by_hand(_joined(params), app_keys, "gbk")
    for sdk in ("python_official", "java_official"):
        told = drivers.ask(
            sdk, do="sign", params=params, charset="GBK", **private_key(app_keys)
        )
        assert told["sign"] == expected, sdk
    assert _our_sign(params, app_keys) == expected


def test_content_given_as_an_object(drivers: Drivers, app_keys: RsaPair) -> None:
    """Each caller has a JSON style of its own, so we render the text ourselves and sign that."""
    biz = {"subject": "咖啡", "goods": {"id": "1"}}
    styles = {
        "node": {"ensure_ascii": False, "separators": (",", ":")},
        "python_official": {"ensure_ascii": False},
        "python_fzlee": {"separators": (",", ":")},
    }
    for sdk, style in styles.items():
        told = drivers.ask(
            sdk, do="sign", params={**BASE, "biz_content": biz}, biz=biz, **private_key(app_keys)
        )
        text = json.dumps(biz, **style)  # type: ignore[arg-type]
        assert told["sign"] == by_hand(_joined({**BASE, "biz_content": text}), app_keys), sdk
    same = json.dumps(biz, **styles["node"])  # type: ignore[arg-type]
    assert _our_sign({**BASE, "biz_content": same}, app_keys) == drivers.ask(
        "node", do="sign", params=BASE, biz=biz, **private_key(app_keys)
    )["sign"]
