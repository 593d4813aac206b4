"""The same parameters and key give the same `sign` in every public SDK and in ours."""

import base64
import json
from concurrent.futures import Future
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.conformance.sdk_cases import SETS
from tests.conformance.sdk_drivers import NAMES, Command, Drivers, private_key
from tests.conformance.sdk_ours import ours
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.sdks


def by_hand(content: str, keys: RsaPair, encoding: str = "utf-8") -> str:
    raw = keys.private.sign(content.encode(encoding), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(raw).decode()


def _joined(params: dict[str, str]) -> str:
    return "&".join(f"{name}={params[name]}" for name in sorted(params))


@pytest.mark.timeout(600)
def test_a_thousand_sets_have_one_signature_each(
    drivers: Drivers, signing_sets: list[Command], signed_slowly: dict[str, Future[list[Command]]]
) -> None:
    quick = [sdk for sdk in NAMES if sdk not in signed_slowly]
    told = drivers.everybody(dict.fromkeys(quick, signing_sets))
    told |= {sdk: future.result() for sdk, future in signed_slowly.items()}
    mine = ours("sign", [{"params": case["params"], "private_key": case["private_key"]}
                         for case in signing_sets])  # fmt: skip
    assert len({one["sign"] for one in mine}) == SETS
    for sdk in NAMES:
        for case, their, our in zip(signing_sets, told[sdk], mine, strict=True):
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
        told = drivers.ask(sdk, do="sign", params=params, charset="GBK", **private_key(app_keys))
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
    assert (
        _our_sign({**BASE, "biz_content": same}, app_keys)
        == drivers.ask("node", do="sign", params=BASE, biz=biz, **private_key(app_keys))["sign"]
    )
