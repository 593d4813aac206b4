"""What each public SDK makes of an awkward answer, verification on: the table of the edge cases.

It proves two things: the sandbox bends its answers as a careful and as a careless client would see
it, and nothing that is forged gets past an SDK which verifies, except where the table says so.
"""

from collections.abc import Callable

import pytest

from deploy.sandbox.alipay.traps import TRAPS
from tests.conformance.sdk_drivers import NAMES, Drivers
from tests.conformance.sdk_sandbox import Sandbox, Shop
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.sdks
QUERY = "alipay.trade.query"

# Y handed over as verified · N refused · U handed over without a look at the signature (official
# Java: a failure without sign; gopay: any failure) · F verified, yet what is handed over is the
# forger's text. One letter per SDK in the order of NAMES: node, python_official, python_fzlee,
# java_official, java_easy, go_smartwalle, go_gopay.
# fault: (an answer that says 10000, an answer that says 40004)
TABLE = {
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
    "other_method": ("NYNNNNN", "NYNNNNN"),
    "other_order": ("YYYYYYY", "YYYYYYU"),
    "other_amount": ("YYYYYYY", "YYYYYYU"),
    "duplicate_root": ("YYYNNYY", "FYYNNNF"),
    "decoy": ("YYNNNYY", "YYNNNYU"),
    # Genuine, and written unlike the common form.
    "spaces": ("YYYYYYN", "YYYYYYU"),
    "ascii": ("YYYYYYY", "YYYYYYU"),
    "plain_slash": ("YYYYYYY", "YYYYYYU"),
    "legacy_slash": ("NNNYNNN", "NNNYNNU"),
    "nested_sign": ("YYYYYYN", "YYYYYYU"),
    "brace_text": ("YYNYYYY", "YYNYYYU"),
    "sign_first": ("NNYYYYN", "NNYYYYU"),
    "cert_sn": ("YNYYYNN", "YNYYYNU"),
    "bom": ("NYNNYNN", "NYNNYNN"),
    "blank_lines": ("NYYYYYY", "NYYYYYU"),
}
FAILURES = {"unsigned_error": "NNNUNNU", "http_500": "NNNNNNN", "gbk_sub_msg": "NNNNNYU"}
"""Faults that replace the answer whatever was asked."""


@pytest.fixture(scope="module")
def shops(drivers: Drivers, sandbox: Sandbox, app_keys: RsaPair) -> dict[str, Shop]:
    return {name: Shop.opened(name, "key", drivers, sandbox, app_keys) for name in NAMES}


@pytest.fixture(scope="module")
def paid(shops: dict[str, Shop]) -> dict[str, str]:
    """One paid order in each shop."""
    return {name: shop.pay()["out_trade_no"] for name, shop in shops.items()}


def _letters(
    shops: dict[str, Shop], fault: str, order_no_of: Callable[[str], str], truth: str
) -> str:
    letters = ""
    for name, shop in shops.items():
        shop.fault(fault, QUERY)
        told = shop.call(QUERY, {"out_trade_no": order_no_of(name)})
        is_true = told["verdict"] == "refused" or told["node"]["code"] == truth
        letters += {"verified": "Y", "unverified": "U", "refused": "N"}[told["verdict"]] if (
            is_true
        ) else "F"  # fmt: skip
    return letters


def test_the_table_knows_every_trap_of_the_sandbox() -> None:
    """A trap without a row would prove nothing."""
    assert set(TABLE) <= set(TRAPS)
    assert {"bad_signature", "wrong_key", "no_sign", "tamper"} <= set(TABLE)


@pytest.mark.parametrize("fault", TABLE)
def test_a_success(shops: dict[str, Shop], paid: dict[str, str], fault: str) -> None:
    assert _letters(shops, fault, paid.__getitem__, "10000") == TABLE[fault][0]


@pytest.mark.parametrize("fault", TABLE)
def test_a_failure(shops: dict[str, Shop], fault: str) -> None:
    assert _letters(shops, fault, lambda _name: "no-such-order", "40004") == TABLE[fault][1]


@pytest.mark.parametrize("fault", FAILURES)
def test_an_answer_of_the_gateway_itself(
    shops: dict[str, Shop], paid: dict[str, str], fault: str
) -> None:
    truth = "20000" if fault == "gbk_sub_msg" else "40004"
    assert _letters(shops, fault, paid.__getitem__, truth) == FAILURES[fault]


def test_nothing_forged_is_a_success_to_anybody() -> None:
    """Whoever may sign nothing makes nobody believe in a payment (rows judged above); the two
    SDKs that read another copy of a repeated node than they verify are why our edge refuses it."""
    for fault in ("bad_signature", "wrong_key", "tamper", "junk_sign", "no_sign", "empty_sign"):
        assert set(TABLE[fault][0]) == {"N"}
    believers = [n for n, letter in zip(NAMES, TABLE["duplicate_root"][1], strict=True)
                 if letter == "F"]  # fmt: skip
    assert believers == ["node", "go_gopay"]
