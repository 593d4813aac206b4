"""Notices signed by each public SDK are accepted by us, and the sandbox's are accepted by them."""

import random
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.conformance.sdk_drivers import NAMES, Command, Drivers, private_key
from tests.conformance.sdk_ours import ours
from tests.conformance.sdk_sandbox import Sandbox, Shop
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.sdks
FORMS = 24
SUBJECTS = (
    "咖啡 + 100% 可可 & 茶 = 😀",
    "%2B%20",
    " 前后空格 ",
    "a+b c",
    "👩‍👩‍👧",
    '{"a":"\\/"}',
    "中文，。",
)
# Values that say nothing, under the signature or not: who verifies a notice whose signer left the
# empty value out, and who one whose signer kept it (sdk-compat §1b). We accept both.
IF_LEFT_OUT = {"java_official", "go_gopay"}
IF_KEPT = {"node", "java_easy", "go_smartwalle", "python_official", "python_fzlee"}
IF_TYPE_KEPT = {"node"}
"""Who takes a notice with sign_type under the signature by the call that is for trade notices."""


def fields_of(number: int, chance: random.Random) -> dict[str, str]:
    return {
        "app_id": "2021000000000001", "auth_app_id": "2021000000000001", "charset": "utf-8",
        "buyer_open_id": "0" + "".join(chance.choices("abc_-9", k=20)),
        "fund_bill_list": '[{"amount":"0.01","fundChannel":"ALIPAYACCOUNT"}]',
        "gmt_payment": "2026-11-26 12:00:05", "notify_id": f"202611260022220{number:019d}",
        "notify_time": "2026-11-26 12:00:06", "notify_type": "trade_status_sync",
        "out_trade_no": f"SDKN{number:08d}", "passback_params": "a%3D1%26b%3D%E4%B8%AD",
        "seller_id": "2088000000000001", "subject": chance.choice(SUBJECTS),
        "total_amount": f"{number}.01", "trade_no": f"20261126220014{number:014d}",
        "trade_status": "TRADE_SUCCESS", "version": "1.0",
    }  # fmt: skip


def content_of(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields))


def signed_by(
    drivers: Drivers, sdk: str, keys: RsaPair, forms: list[dict[str, str]], kind: str
) -> list[dict[str, str]]:
    """Complete forms, signed by the SDK's own signer over what the rule for `kind` covers."""
    commands: list[Command] = []
    for fields in forms:
        covered = {**fields, "sign_type": "RSA2"} if kind == "app" else fields
        # Node signs whole requests only; what it signs with is one call.
        how = {"do": "sign_content", "content": content_of(covered)} if sdk == "node" else (
            {"do": "sign", "params": covered}
        )  # fmt: skip
        commands.append({**how, **private_key(keys)})
    told = drivers.ask_all(sdk, commands)
    return [
        {**fields, "sign_type": "RSA2", "sign": answer["sign"]}
        for fields, answer in zip(forms, told, strict=True)
    ]


def _verdicts(forms: list[dict[str, str]], kinds: list[str], keys: RsaPair) -> list[bool]:
    told = ours("verify-notify", [
        {"body": urlencode(form), "kind": kind, "alipay_public_key": keys.public_b64,
         "content_type": "application/x-www-form-urlencoded; text/html; charset=utf-8"}
        for form, kind in zip(forms, kinds, strict=True)
    ])  # fmt: skip
    return [item["valid"] for item in told]


@pytest.mark.parametrize("kind", ["pay", "app"])
@pytest.mark.parametrize("sdk", NAMES)
def test_a_notice_signed_by_an_sdk(
    drivers: Drivers, alipay_keys: RsaPair, sdk: str, kind: str
) -> None:
    """F15: accepted at the door it is for; not at the other one, nor with any field changed."""
    chance = random.Random(f"{sdk} {kind}")
    forms = [fields_of(number, chance) for number in range(FORMS)]
    signed = signed_by(drivers, sdk, alipay_keys, forms, kind)
    changed = [{**signed[0], name: value + "0"} for name, value in signed[0].items()]
    other = "app" if kind == "pay" else "pay"
    kinds = [kind] * FORMS + [other] * FORMS + [kind] * len(changed)
    told = _verdicts([*signed, *signed, *changed], kinds, alipay_keys)
    assert told == [True] * FORMS + [False] * (FORMS + len(changed))


@pytest.mark.parametrize("sdk", NAMES)
def test_an_empty_value_under_or_outside_the_signature(
    drivers: Drivers, alipay_keys: RsaPair, sdk: str
) -> None:
    """Official Java and gopay leave it out, others keep it: the edge knows both."""
    fields = {**fields_of(1, random.Random(1)), "buyer_logon_id": ""}
    (signed,) = signed_by(drivers, sdk, alipay_keys, [fields], "pay")
    assert _verdicts([signed], ["pay"], alipay_keys) == [True]


def _accepting(drivers: Drivers, form: dict[str, str], keys: RsaPair) -> set[str]:
    command = {"do": "verify_notify", "fields": form, "public_key": keys.public_b64,
               **private_key(keys)}  # fmt: skip
    told = drivers.everybody({sdk: [command] for sdk in NAMES})
    assert all("valid" in answers[0] for answers in told.values()), told
    return {sdk for sdk, answers in told.items() if answers[0]["valid"]}


@pytest.mark.parametrize(
    ("covered", "accepting"),
    [
        ({}, set(NAMES)),
        ({"buyer_logon_id": None}, IF_LEFT_OUT),
        ({"buyer_logon_id": ""}, IF_KEPT),
        ({"sign_type": "RSA2"}, IF_TYPE_KEPT),
    ],
    ids=["plain", "empty left out", "empty kept", "sign_type kept"],
)
def test_who_accepts_what(
    drivers: Drivers, alipay_keys: RsaPair, covered: dict[str, Any], accepting: set[str]
) -> None:
    """How the families differ about notices, as data: the reasons for our rules."""
    fields = fields_of(2, random.Random(2))
    text = content_of({**fields, **{k: v for k, v in covered.items() if v is not None}})
    sign = drivers.ask("go_smartwalle", do="sign_content", content=text,
                       **private_key(alipay_keys))["sign"]  # fmt: skip
    form = {**fields, "sign_type": "RSA2", "sign": sign}
    if "buyer_logon_id" in covered:
        form["buyer_logon_id"] = ""
    assert _accepting(drivers, form, alipay_keys) == accepting


def test_the_sandbox_signs_as_every_sdk_verifies(
    drivers: Drivers, sandbox: Sandbox, app_keys: RsaPair
) -> None:
    shop = Shop.opened("go_gopay", "key", drivers, sandbox, app_keys)
    order_no = shop.pay(passback_params="a%3D1")["out_trade_no"]
    for variant, accepting in (("genuine", set(NAMES)), ("bad_signature", set()),
                               ("wrong_key", set()), ("tamper", set())):  # fmt: skip
        sent = sandbox.admin("POST", f"notify/{order_no}", {
            "url": "http://127.0.0.1:9/", "variant": variant,
        })["sent"][0]["body"]  # fmt: skip
        form = dict(parse_qsl(sent, keep_blank_values=True, strict_parsing=True))
        command = {"do": "verify_notify", "fields": form, **private_key(app_keys),
                   "public_key": shop.app["alipay_public_key"]}  # fmt: skip
        told = drivers.everybody({sdk: [command] for sdk in NAMES})
        assert {sdk for sdk in NAMES if told[sdk][0]["valid"]} == accepting, variant
