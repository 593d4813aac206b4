"""What each public SDK makes of an awkward answer, verification on: the table of the edge cases.

It proves two things: the sandbox bends its answers as a careful and as a careless client would see
it, and nothing that is forged gets past an SDK which verifies, except where the table says so.
"""

import pytest

from deploy.sandbox.alipay.misbehaviour.traps import FORGED, TRAPS
from tests.conformance.sdk_drivers import NAMES, WITH_CERTIFICATES, Drivers
from tests.conformance.sdk_sandbox import Sandbox, Shop
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.sdks
QUERY = "alipay.trade.query"

# Y handed over as verified · N refused · U handed over without a look at the signature (official
# Java: a failure without sign; gopay: any failure) · F verified, yet what is handed over is the
# forger's text · ? either, as chance has it. One letter per SDK in the order of NAMES: node,
# python_official, python_fzlee, java_official, java_easy, go_smartwalle, go_gopay.
# fault: (an answer that says 10000, one that says 40004)
Rows = dict[str, tuple[str, str]]
KEY: Rows = {
    "bad_signature": ("NNNNNNN", "NNNNNNU"),
    "wrong_key": ("NNNNNNN", "NNNNNNU"),
    "tamper": ("NNNNNNN", "NNNNNNU"),
    "junk_sign": ("NNNNNNN", "NNNNNNU"),
    "no_sign": ("NNNNNNN", "NNNUNNU"),
    "empty_sign": ("NNNNNNN", "NNNUNNU"),
    "cut_short": ("NNNNNNN", "NNNNNNN"),
    "empty_body": ("NNNNNNN", "NNNNNNN"),
    "html": ("NNNNNNN", "NNNNNNN"),
    # Signed by the right key: only the reader's care counts.
    "error_response": ("NYNYYNN", "NYNYYNN"),
    "null_response": ("NYNNNNN", "NYNNNNN"),
    "other_method": ("NYNNNNN", "NYNNNNN"),
    "other_order": ("YYYYYYY", "YYYYYYU"),
    "other_amount": ("YYYYYYY", "YYYYYYU"),
    "duplicate_root": ("FYYNNNF", "FYYNNNF"),
    "duplicate_first": ("NNNNNYN", "NNNNNYU"),
    "decoy": ("YYNNNYY", "YYNNNYU"),
    "prefix_decoy": ("NNNNNYN", "NNNNNYU"),
    "nested_decoy": ("NNNNNYN", "NNNNNYU"),
    # Genuine, and written unlike the common form.
    "spaces": ("YYYYYYN", "YYYYYYU"),
    "ascii": ("YYYYYYY", "YYYYYYU"),
    "unicode": ("YYYYYYY", "YYYYYYU"),
    "gbk": ("NNNNNYY", "NNNNNYU"),
    "plain_slash": ("YYYYYYY", "YYYYYYU"),
    "escaped_slash": ("YYYYYYY", "YYYYYYU"),
    "legacy_slash": ("NNNYNNN", "NNNYNNU"),
    "sign_escaped": ("YYYYY?Y", "YYYYY?U"),  # smartwalle: unless this signature holds no slash
    "shuffled": ("YYYYYYY", "YYYYYYU"),
    "nested_sign": ("YYYYYYN", "YYYYYYU"),
    "brace_text": ("YYNYYYY", "YYNYYYU"),
    "sign_first": ("NNYYYYN", "NNYYYYU"),
    "cert_sn": ("YNYYYNN", "YNYYYNU"),
    "cert_sn_after_sign": ("YYYYYNN", "YYYYYNU"),
    "unknown_cert_sn": ("YNYYYNN", "YNYYYNU"),
    "bom": ("NYNNYNN", "NYNNYNN"),
    "blank_lines": ("NYYYYYY", "NYYYYYU"),
}
# In certificate mode official Python is absent (-). These rows differ, all others are as above:
# gopay cuts at alipay_cert_sn, Java wants that number and does not try the other slash spelling.
CERT: Rows = {
    fault: (good[0] + "-" + good[2:], bad[0] + "-" + bad[2:]) for fault, (good, bad) in KEY.items()
} | {
    "spaces": ("Y-YYYYN", "Y-YYYYU"),
    "nested_sign": ("Y-YYYYY", "Y-YYYYU"),
    "sign_first": ("N-YYYYY", "N-YYYYU"),
    "cert_sn": ("Y-YYYYY", "Y-YYYYU"),
    "cert_sn_after_sign": ("Y-YYYYN", "Y-YYYYU"),
    "no_cert_sn": ("Y-YNYYY", "Y-YYYYU"),
    "unknown_cert_sn": ("Y-YNYNN", "Y-YNYNU"),
    "legacy_slash": ("N-NNNNN", "N-NNNNU"),
    "sign_escaped": ("Y-YYY?Y", "Y-YYY?U"),
}
TABLES = {"key": KEY, "cert": CERT}
CASES = [(mode, fault) for mode, table in TABLES.items() for fault in table]
FAILURES = {
    "unsigned_error": ("NNNUNNU", "N-NUNNU"), "http_500": ("NNNNNNN", "N-NNNNN"),
    "gbk_sub_msg": ("NNNNNYU", "N-NNNYU"),
}  # fmt: skip
"""Faults that replace the answer whatever was asked; in key mode and in certificate mode."""


@pytest.fixture(scope="module")
def shops(drivers: Drivers, sandbox: Sandbox, app_keys: RsaPair) -> dict[str, dict[str, Shop]]:
    """mode -> SDK -> its shop."""
    names = {"key": NAMES, "cert": WITH_CERTIFICATES}
    return {
        mode: {sdk: Shop.opened(sdk, mode, drivers, sandbox, app_keys) for sdk in names[mode]}
        for mode in TABLES
    }


@pytest.fixture(scope="module")
def paid(shops: dict[str, dict[str, Shop]]) -> dict[str, str]:
    """One paid order in each shop."""
    return {
        shop.name: shop.pay()["out_trade_no"] for mode in shops.values() for shop in mode.values()
    }


def _letter(shop: Shop, fault: str, order_no: str, truth: str) -> str:
    shop.fault(fault, QUERY)
    told = shop.call(QUERY, {"out_trade_no": order_no})
    if told["verdict"] != "refused":
        has_forged_total = told["node"].get("total_amount") == FORGED["total_amount"]
        if told["node"]["code"] != truth or (has_forged_total and fault != "other_amount"):
            return "F"
    return {"verified": "Y", "unverified": "U", "refused": "N"}[told["verdict"]]


def _check(
    shops: dict[str, Shop], fault: str, orders: dict[str, str], truth: str, expected: str
) -> None:
    found = "".join(
        _letter(shops[sdk], fault, orders.get(shops[sdk].name, "no-such-order"), truth)
        if sdk in shops
        else "-"
        for sdk in NAMES
    )
    pairs = zip(found, expected, strict=True)
    assert all(wanted in (letter, "?") for letter, wanted in pairs), (found, expected)


def test_each_row_is_a_trap_of_the_sandbox() -> None:
    assert (set(KEY) | set(CERT)) <= set(TRAPS)


@pytest.mark.parametrize(("mode", "fault"), CASES)
def test_a_success(
    shops: dict[str, dict[str, Shop]], paid: dict[str, str], mode: str, fault: str
) -> None:
    _check(shops[mode], fault, paid, "10000", TABLES[mode][fault][0])


@pytest.mark.parametrize(("mode", "fault"), CASES)
def test_a_failure(shops: dict[str, dict[str, Shop]], mode: str, fault: str) -> None:
    _check(shops[mode], fault, {}, "40004", TABLES[mode][fault][1])


@pytest.mark.parametrize("mode", TABLES)
@pytest.mark.parametrize("fault", FAILURES)
def test_an_answer_of_the_gateway_itself(
    shops: dict[str, dict[str, Shop]], paid: dict[str, str], mode: str, fault: str
) -> None:
    truth = "20000" if fault == "gbk_sub_msg" else "40004"
    _check(shops[mode], fault, paid, truth, FAILURES[fault][mode == "cert"])


def test_nothing_forged_is_a_success_to_anybody() -> None:
    """Whoever may sign nothing makes nobody believe in a payment (rows judged above); the two
    SDKs that read another copy of a repeated node than they verify are why our edge refuses it."""
    for fault in ("bad_signature", "wrong_key", "tamper", "junk_sign", "no_sign", "empty_sign"):
        assert set(KEY[fault][0]) == {"N"}
    believers = [n for n, letter in zip(NAMES, KEY["duplicate_root"][1], strict=True)
                 if letter == "F"]  # fmt: skip
    assert believers == ["node", "go_gopay"]
