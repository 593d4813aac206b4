"""Notifications: the ten rules of reliability-security.md §5.8, each on its own."""

import base64
import json
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from gateway.alipay.protocol.canonical import notify_contents
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import AppBound
from shared.keys.sealed import LocalKeyProvider
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import (
    APP_ID,
    ROUTE,
    SELLER_ID,
    TENANT,
    Got,
    Seen,
    app_document,
    ask,
    sign_as_alipay,
)

PATH = f"/alipay/notify/{ROUTE}"
FORM_TYPE = "application/x-www-form-urlencoded; text/html; charset=utf-8"
FIELDS = {
    "app_id": APP_ID,
    "auth_app_id": APP_ID,
    "buyer_id": "2088000000000002",
    "charset": "utf-8",
    "fund_bill_list": '[{"amount":"0.01","fundChannel":"PCREDIT"}]',
    "gmt_payment": "2026-11-23 12:00:05",
    "notify_id": "2026112300222203006000000000000001",
    "notify_type": "trade_status_sync",
    "out_trade_no": "20261123040000ABCDEFGHIJKLMNOPQR",
    "seller_id": SELLER_ID,
    "subject": "测试 + % & 咖啡 😀",
    "total_amount": "0.01",
    "trade_no": "2026112322001400000000000001",
    "trade_status": "TRADE_SUCCESS",
    "version": "1.0",
}
pytestmark = pytest.mark.asyncio


def signed(
    keys: RsaPair, fields: dict[str, str] | None = None, *, kind: str = "pay", keep: bool = False
) -> dict[str, str]:
    """The fields with a signature over them; `keep` signs empty values, too."""
    known = dict(FIELDS if fields is None else fields)
    raw = {n.encode(): v.encode() for n, v in known.items()}
    if kind == "app":
        raw[b"sign_type"] = b"RSA2"
    content = notify_contents(raw, kind)[-1 if keep else 0]
    return {**known, "sign_type": "RSA2", "sign": sign_as_alipay(content, keys.private)}


async def send(town: Town, body: bytes | dict[str, str], **options: Any) -> Got:
    raw = urlencode(body).encode() if isinstance(body, dict) else body
    headers = {"Content-Type": options.pop("content_type", FORM_TYPE)}
    return await ask(
        town.door, "POST", options.pop("path", PATH), body=raw, headers=headers, **options
    )


def commits(town: Town, verdict: str = "stored") -> None:
    def answer(seen: Seen) -> dict[str, list[str]]:
        return {"verdicts": [verdict for _ in seen.json()["items"]]}

    town.payment.on("POST", "/internal/notify", answer)


def counted(reason: str) -> float:
    labels = {"verdict": "fail", "reason": reason}
    return REGISTRY.get_sample_value("alipay_notify_total", labels) or 0.0


async def refused(town: Town, body: bytes | dict[str, str], reason: str, **options: Any) -> None:
    """Answered `fail`, counted under its reason, and nothing reached payment."""
    before = counted(reason)
    got = await send(town, body, **options)
    assert (got.status, got.body) == (200, b"fail")
    assert got.headers["content-type"].startswith("text/plain")
    assert counted(reason) == before + 1
    assert not town.payment.calls("notify")


async def test_a_good_notice_is_success_after_payment_committed_it(
    town: Town, alipay_keys: RsaPair
) -> None:
    commits(town)
    body = urlencode(signed(alipay_keys)).encode()
    got = await send(town, body)
    assert (got.status, got.body) == (200, b"success")
    (seen,) = town.payment.calls("/internal/notify")
    (document,) = seen.json()["items"]
    assert base64.b64decode(document.pop("body_b64")) == body
    assert document == {
        "channel": "alipay",
        "tenant_id": str(TENANT),
        "app_id": APP_ID,
        "notify_id": FIELDS["notify_id"],
        "kind": "paid",
        "fault": None,
        "out_trade_no": FIELDS["out_trade_no"],
        "trade_no": FIELDS["trade_no"],
        "out_request_no": None,
        "seller_id": SELLER_ID,
        "buyer_id": FIELDS["buyer_id"],
        "buyer_logon_id": None,
        "total_fen": 1,
        "refunded_fen": None,
        "paid_at": "2026-11-23T04:00:05Z",
        "received_at": "2026-11-23T04:00:00Z",
        "request_id": got.headers["x-request-id"],
    }
    caller = town.verifier("payment").verify(seen.headers["authorization"].removeprefix("Bearer "))
    assert (caller.kind, caller.subject, caller.tenant_id) == ("service", "gateway-edge", None)


@pytest.mark.parametrize("verdict", ["stored", "duplicate", "quarantined"])
async def test_rule_10_success_means_committed(
    town: Town, alipay_keys: RsaPair, verdict: str
) -> None:
    """A duplicate and a mismatch are committed too: sending them again would help nobody."""
    commits(town, verdict)
    assert (await send(town, signed(alipay_keys))).body == b"success"


@pytest.mark.parametrize(
    "answer",
    [
        {"verdicts": ["later"]}, {"verdicts": ["refused"]}, {"verdicts": ["failed"]},
        {"verdicts": [None]}, {"verdicts": []}, {"verdicts": ["stored", "stored"]},
        {"verdicts": "stored"}, {"verdict": "stored"}, {}, [],
    ],
)  # fmt: skip
async def test_rule_10_anything_else_is_fail(
    town: Town, alipay_keys: RsaPair, answer: object
) -> None:
    town.payment.on("POST", "/internal/notify", answer)
    assert (await send(town, signed(alipay_keys))).body == b"fail"


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500, 503])
async def test_rule_10_a_refusal_by_payment_is_fail(
    town: Town, alipay_keys: RsaPair, status: int
) -> None:
    town.payment.on("POST", "/internal/notify", lambda _s: web.json_response({}, status=status))
    assert (await send(town, signed(alipay_keys))).body == b"fail"


async def test_rule_10_payment_away_is_fail(town: Town, alipay_keys: RsaPair) -> None:
    await town.payment.stop()
    assert (await send(town, signed(alipay_keys))).body == b"fail"


async def test_rule_1_size(town: Town, alipay_keys: RsaPair) -> None:
    large = signed(alipay_keys, {**FIELDS, "passback_params": "x" * 65536})
    await refused(town, large, "too_large")


async def test_rule_1_size_of_an_undeclared_body(town: Town) -> None:
    before = counted("too_large")
    got = await ask(town.door, "POST", PATH, body=[b"a=" + b"x" * 40000] * 2)
    assert got.body == b"fail"
    assert counted("too_large") == before + 1


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data", "", "text/html"]
)
async def test_rule_1_content_type(town: Town, alipay_keys: RsaPair, content_type: str) -> None:
    await refused(town, signed(alipay_keys), "content_type", content_type=content_type)


async def test_rule_1_charset(town: Town, alipay_keys: RsaPair) -> None:
    await refused(town, signed(alipay_keys, {**FIELDS, "charset": "utf-7"}), "charset")
    other = "application/x-www-form-urlencoded; charset=utf-16"
    await refused(town, signed(alipay_keys), "charset", content_type=other)


async def test_rule_1_gbk_is_read_from_its_bytes(town: Town, alipay_keys: RsaPair) -> None:
    commits(town)
    fields = {**FIELDS, "charset": "GBK", "subject": "誠品咖啡", "buyer_logon_id": "誠**"}
    raw = {n.encode(): v.encode("gbk") for n, v in fields.items()}
    sign = sign_as_alipay(notify_contents(raw, "pay")[0], alipay_keys.private)
    pairs = {**raw, b"sign_type": b"RSA2", b"sign": sign.encode()}
    body = b"&".join(n + b"=" + quote_plus(v).encode() for n, v in pairs.items())
    assert (await send(town, body)).body == b"success"
    (seen,) = town.payment.calls("notify")
    (document,) = seen.json()["items"]
    assert document["buyer_logon_id"] == "誠**"
    assert base64.b64decode(document["body_b64"]) == body


async def test_rule_2_duplicates(town: Town, alipay_keys: RsaPair) -> None:
    """Whichever of the two was signed, somebody would read the other."""
    body = urlencode(signed(alipay_keys)).encode()
    for extra in (b"&total_amount=9999.00", b"&total_amount=0.01", b"&%73ign=x", b"&app_id="):
        await refused(town, body + extra, "duplicate")


@pytest.mark.parametrize("sign_type", ["RSA", "rsa2", "SM2", "", None])
async def test_rule_3_sign_type_selects_nothing(
    town: Town, alipay_keys: RsaPair, sign_type: str | None
) -> None:
    fields = signed(alipay_keys)
    if sign_type is None:
        del fields["sign_type"]
    else:
        fields["sign_type"] = sign_type
    await refused(town, fields, "sign_type")


async def test_rule_4_the_other_family_does_not_verify_here(
    town: Town, alipay_keys: RsaPair
) -> None:
    await refused(town, signed(alipay_keys, kind="app"), "signature")


async def test_rule_5_strict_base64(town: Town, alipay_keys: RsaPair) -> None:
    good = signed(alipay_keys)
    for sign in (good["sign"] + "!!", good["sign"] + "\n", good["sign"][:-1], " " + good["sign"]):
        await refused(town, {**good, "sign": sign}, "base64")
    await refused(town, {**good, "sign": ""}, "no_sign")


async def test_rule_5_the_route_chooses_the_app(town: Town, alipay_keys: RsaPair) -> None:
    """A valid notice for another app, sent to this app's address."""
    other = "2021000000000009"
    await refused(town, signed(alipay_keys, {**FIELDS, "app_id": other}), "other_app")
    await refused(town, signed(alipay_keys, {**FIELDS, "auth_app_id": other}), "other_app")
    missing = {name: value for name, value in FIELDS.items() if name != "app_id"}
    await refused(town, signed(alipay_keys, missing), "other_app")


async def test_rule_5_unknown_routes(town: Town, alipay_keys: RsaPair) -> None:
    for route in ("unknown-route", "a/b", "x" * 200, ROUTE + ".x"):
        await refused(town, signed(alipay_keys), "unknown_route", path=f"/alipay/notify/{route}")


async def test_rule_5_binding_away(town: Town, alipay_keys: RsaPair) -> None:
    await town.binding.stop()
    await refused(town, signed(alipay_keys), "keys_unavailable")


async def test_rule_6_only_the_right_key_verifies(town: Town, other_keys: RsaPair) -> None:
    await refused(town, signed(other_keys), "signature")


@pytest.mark.parametrize("name", sorted(FIELDS))
async def test_rule_6_every_field_is_covered(town: Town, alipay_keys: RsaPair, name: str) -> None:
    good = signed(alipay_keys)
    reasons = {"app_id": "other_app", "auth_app_id": "other_app", "charset": "signature"}
    changed = "gbk" if name == "charset" else good[name] + "1"
    await refused(town, {**good, name: changed}, reasons.get(name, "signature"))
    dropped = {key: value for key, value in good.items() if key != name}
    await refused(town, dropped, "other_app" if name == "app_id" else "signature")


async def test_rule_6_added_fields_are_covered(town: Town, alipay_keys: RsaPair) -> None:
    await refused(town, {**signed(alipay_keys), "refund_fee": "0.01"}, "signature")


async def test_rule_7_a_value_must_not_hide_a_field(town: Town, alipay_keys: RsaPair) -> None:
    """The same signed text, cut differently: subject swallows or spills business fields."""
    spilling = {**FIELDS, "subject": "a&total_amount=9.99&total_amountx="}
    await refused(town, signed(alipay_keys, spilling), "ambiguous")
    good = signed(alipay_keys, spilling)
    reread = {
        **good, "subject": "a", "total_amount": "9.99",
        "total_amountx": "&total_amount=0.01",
    }  # fmt: skip
    await refused(town, reread, "ambiguous")


@pytest.mark.parametrize(
    "name", ["currency", "trans_currency", "settle_currency", "pay_currency", "refund_fee"]
)
async def test_rule_7_whatever_is_read_must_not_hide(
    town: Town, alipay_keys: RsaPair, name: str
) -> None:
    """A sum in another currency, its currency swallowed by the field that stands before it."""
    good = signed(alipay_keys, {**FIELDS, "cp": "x", name: "USD"})
    before = max(other for other in good if other < name and other not in ("sign", "sign_type"))
    hidden = {key: value for key, value in good.items() if key != name}
    hidden[before] += f"&{name}=USD"
    await refused(town, hidden, "ambiguous")


async def test_rule_8_empty_is_absent(town: Town, alipay_keys: RsaPair) -> None:
    """Signers differ about empty values; either way they say nothing."""
    for keep in (False, True):
        commits(town)
        town.payment.seen.clear()
        fields = {**FIELDS, "body": "", "refund_fee": ""}
        assert (await send(town, signed(alipay_keys, fields, keep=keep))).body == b"success"
        (seen,) = town.payment.calls("notify")
        (document,) = seen.json()["items"]
        assert (document["kind"], document["refunded_fen"]) == ("paid", None)


async def test_rule_9_unknown_fields_are_kept(town: Town, alipay_keys: RsaPair) -> None:
    commits(town)
    fields = {**FIELDS, "voucher_detail_list": '[{"id":"1"}]', "x_new": "1"}
    body = urlencode(signed(alipay_keys, fields)).encode()
    assert (await send(town, body)).body == b"success"
    (seen,) = town.payment.calls("notify")
    assert base64.b64decode(seen.json()["items"][0]["body_b64"]) == body


async def test_the_query_string_is_no_part_of_it(town: Town, alipay_keys: RsaPair) -> None:
    commits(town)
    got = await send(town, signed(alipay_keys), path=PATH + "?total_amount=9999")
    assert got.body == b"success"


async def test_only_post(town: Town) -> None:
    got = await ask(town.door, "GET", PATH)
    assert (got.status, got.headers["allow"], got.json()["code"]) == (
        405, "POST", "method_not_allowed",
    )  # fmt: skip


async def test_a_changed_alipay_key_is_asked_for_once(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    commits(town)
    assert (await send(town, signed(alipay_keys))).body == b"success"
    changed = app_document(kek, app_keys, other_keys, version=2)
    town.binding.on("GET", f"/internal/apps/{APP_ID}", changed)
    town.binding.on("GET", f"/internal/notify-routes/{ROUTE}", changed)
    assert (await send(town, signed(other_keys))).body == b"success"
    asked = len(town.binding.seen)
    for _ in range(5):
        assert (await send(town, signed(alipay_keys))).body == b"fail"
    assert len(town.binding.seen) <= asked + 2, "a forger must not make us ask every time"


async def test_an_event_makes_it_forget_the_old_key(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    commits(town)
    assert (await send(town, signed(alipay_keys))).body == b"success"
    changed = app_document(kek, app_keys, other_keys, version=2)
    town.binding.on("GET", f"/internal/notify-routes/{ROUTE}", changed)
    town.binding.on("GET", f"/internal/apps/{APP_ID}", changed)
    event = AppBound(
        **stamp(TENANT, town.clock), app_id=APP_ID, seller_id=SELLER_ID, notify_route=ROUTE,
        key_version=2, enabled=True,
    )  # fmt: skip
    town.edge.on_event(event)
    assert (await send(town, signed(alipay_keys))).body == b"fail"
    assert (await send(town, signed(other_keys))).body == b"success"


async def test_an_older_key_verifies_until_its_time_is_over(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    """F37: during the overlap both generations are believed."""
    commits(town)
    older = app_document(kek, app_keys, alipay_keys, not_after="2026-11-23T05:00:00Z")["versions"]
    both = app_document(kek, app_keys, other_keys, version=2, older=older)
    town.binding.on("GET", f"/internal/notify-routes/{ROUTE}", both)
    town.binding.on("GET", f"/internal/apps/{APP_ID}", both)
    assert (await send(town, signed(other_keys))).body == b"success"
    assert (await send(town, signed(alipay_keys))).body == b"success"
    town.clock.advance(3600)
    assert (await send(town, signed(alipay_keys))).body == b"fail"


async def test_forged_floods_are_cut_off(town: Town, other_keys: RsaPair) -> None:
    town.edge._rates["notify"]._burst = 3
    forged = signed(other_keys)
    for _ in range(3):
        await refused(town, forged, "signature")
    await refused(town, forged, "rate_limited")


async def test_the_log_holds_nothing_of_the_buyer(
    town: Town, alipay_keys: RsaPair, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    commits(town)
    await send(town, signed(alipay_keys))
    out = capsysbinary.readouterr().out
    assert json.loads(out.splitlines()[-1])["route"] == "/alipay/notify"
    assert b"2088000000000002" not in out
