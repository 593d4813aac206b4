"""The egress: one attempt, verified, never a key nor a guess in the answer (F4, F5, F15, F37)."""

import asyncio
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from aiohttp import web

from gateway.alipay.methods.table import METHODS
from gateway.alipay.protocol.canonical import request_content
from gateway.alipay.protocol.rsa2 import verify
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
    answer_body,
    app_document,
    ask,
)

PAY = "alipay.trade.pay"
ORDER = "20261123040000ABCDEFGHIJKLMNOPQR"
PARAMS = {
    "out_trade_no": ORDER, "scene": "face", "auth_code": "fp" + "0" * 33, "total_fen": 1,
    "subject": "咖啡",
}  # fmt: skip
PAID = {
    "code": "10000", "msg": "Success", "out_trade_no": ORDER, "total_amount": "0.01",
    "trade_no": "2026112322001400000000000001", "gmt_payment": "2026-11-23 12:00:05",
    "buyer_user_id": "2088000000000002", "buyer_logon_id": "158****1562",
}  # fmt: skip
pytestmark = pytest.mark.asyncio


async def call(
    town: Town,
    params: dict[str, Any] | None = None,
    *,
    method: str = PAY,
    tenant: UUID | None = TENANT,
    body: bytes | None = None,
    issuer: str = "payment",
    door: str = "",
    **more: Any,
) -> Got:
    import orjson

    signer = town.keys.signer(issuer, town.clock)
    token = signer.issue("egress", kind="service", subject=issuer, tenant_id=tenant)
    document = {"app_id": APP_ID, "params": PARAMS if params is None else params, **more}
    return await ask(
        town.egress_door, "POST", door or f"/alipay/{method}",
        body=orjson.dumps(document) if body is None else body,
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip


def answers(town: Town, body: bytes, *, status: int = 200) -> None:
    headers = {"Content-Type": "text/html;charset=utf-8"}
    town.alipay.on(
        "POST", "/gateway.do",
        lambda _s: web.Response(body=body, status=status, headers=headers),
    )  # fmt: skip


def sent(seen: Seen) -> dict[str, str]:
    pairs = parse_qs(seen.target.partition("?")[2]) | parse_qs(seen.body.decode())
    return {name: values[0] for name, values in pairs.items()}


async def test_a_paid_call(town: Town, app_keys: RsaPair, alipay_keys: RsaPair) -> None:
    answers(town, answer_body(PAY, PAID, alipay_keys.private))
    got = await call(town)
    assert got.status == 200
    assert got.json() == {
        "outcome": "success", "code": "10000", "sub_code": None, "sub_msg": None, "key_version": 1,
        "data": {
            "out_trade_no": ORDER, "trade_no": "2026112322001400000000000001",
            "trade_status": None, "total_fen": 1, "buyer_id": "2088000000000002",
            "buyer_logon_id": "158****1562", "paid_at": "2026-11-23T04:00:05Z",
        },
    }  # fmt: skip
    (seen,) = town.alipay.calls("gateway.do")
    params = sent(seen)
    assert verify(request_content(params).encode(), params["sign"], app_keys.public)
    assert params["notify_url"] == f"https://pay.example.test/alipay/notify/{ROUTE}"
    assert params["timestamp"] == "2026-11-23 12:00:00"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded;charset=utf-8"
    assert set(parse_qs(seen.body.decode())) == {"biz_content"}


async def test_only_payments_carry_a_notify_url(town: Town) -> None:
    answers(town, b"")
    await call(town, {"out_trade_no": ORDER}, method="alipay.trade.query")
    assert "notify_url" not in sent(town.alipay.calls("gateway.do")[0])


async def test_a_refusal_is_told_with_its_words(town: Town, alipay_keys: RsaPair) -> None:
    node = {
        "code": "40004", "msg": "Business Failed", "sub_code": "ACQ.PAYMENT_AUTH_CODE_INVALID",
        "sub_msg": "支付失败，获取顾客账户信息失败", "out_trade_no": ORDER,
    }  # fmt: skip
    answers(town, answer_body(PAY, node, alipay_keys.private))
    told = (await call(town)).json()
    assert (told["outcome"], told["code"]) == ("refused", "40004")
    assert told["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert told["sub_msg"] == "支付失败，获取顾客账户信息失败"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"", "not_json"), (200, b"<html>", "not_json"), (500, b"{}", "http_status"),
        (302, b"", "http_status"), (200, b'{"sign":"x"}', "no_node"),
    ],
)  # fmt: skip
async def test_unreadable_is_unknown(town: Town, status: int, body: bytes, reason: str) -> None:
    answers(town, body, status=status)
    told = (await call(town)).json()
    assert (told["outcome"], told["code"]) == ("unknown", None)
    assert told["data"] == {"sent": True, "reason": reason, "retry": "never"}
    assert len(town.alipay.seen) == 1, "never sent twice"


async def test_a_wrong_signature_is_unknown(town: Town, other_keys: RsaPair) -> None:
    answers(town, answer_body(PAY, PAID, other_keys.private))
    told = (await call(town)).json()
    assert (told["outcome"], told["data"]["reason"]) == ("unknown", "signature")
    assert "trade_no" not in told["data"]


async def test_silence_is_unknown_and_sent(town: Town) -> None:
    """F4: the answer was lost, not the request."""

    async def slow(_seen: Seen) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response()

    town.alipay.on("POST", "/gateway.do", slow)
    town.egress._alipay._timeout_s = 0.2
    told = (await call(town)).json()
    assert told["outcome"] == "unknown"
    assert told["data"] == {"sent": True, "reason": "no_answer", "retry": "never"}
    assert len(town.alipay.seen) == 1


async def test_no_connection_is_unknown_and_not_sent(town: Town) -> None:
    """F5: only then `sent` is false."""
    await town.alipay.stop()
    told = (await call(town)).json()
    assert (told["outcome"], told["data"]["sent"]) == ("unknown", False)


async def test_the_escape_reading_is_the_signed_one(town: Town, alipay_keys: RsaPair) -> None:
    answers(town, answer_body(PAY, {**PAID, "store_name": "a/b"}, alipay_keys.private))
    assert (await call(town)).json()["outcome"] == "success"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"not json", None), (b"[]", "/"), (b"{}", "/app_id"),
        (b'{"app_id":"1","params":{},"sign":false}', "/sign"),
    ],
)  # fmt: skip
async def test_bad_orders_are_problems(town: Town, body: bytes, pointer: str | None) -> None:
    got = await call(town, body=body)
    assert (got.status, got.json()["code"]) == (422, "invalid_body")
    if pointer is not None:
        assert pointer in {fault["pointer"] for fault in got.json()["errors"]}
    assert not town.alipay.seen


async def test_bad_params_are_pointed_at_and_not_repeated(town: Town) -> None:
    got = await call(town, {**PARAMS, "auth_code": "28 3012", "total_fen": 1.5, "notify_url": "x"})
    assert got.status == 422
    pointers = {fault["pointer"] for fault in got.json()["errors"]}
    assert pointers == {"/params/auth_code", "/params/total_fen", "/params/notify_url"}
    assert "28 3012" not in got.text


async def test_unknown_methods_do_not_exist(town: Town) -> None:
    for method in ("alipay.fund.trans.uni.transfer", "", "alipay.trade.pay/x"):
        assert (await call(town, method=method)).status == 404
    assert (await ask(town.egress_door, "GET", f"/alipay/{PAY}")).status == 405
    assert (await ask(town.egress_door, "GET", "/api/device/v1/payments")).status == 404


async def test_only_services_with_a_token_for_egress_come_in(town: Town) -> None:
    signer = town.keys.signer("gateway-edge", town.clock)
    wrong = {
        "nothing": None,
        "a device": signer.issue("egress", kind="device", subject="d"),
        "a person": signer.issue("egress", kind="user", subject="u"),
        "another audience": signer.issue("payment", kind="service", subject="gateway-edge"),
        "another name": signer.issue("egress", kind="service", subject="payment"),
        "noise": "abc",
    }
    for who, token in wrong.items():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        got = await ask(town.egress_door, "POST", f"/alipay/{PAY}", body=b"{}", headers=headers)
        assert got.status in (401, 403), who
    assert not town.binding.seen


LIFE = {
    "alipay.open.mini.templatelist.query",
    "alipay.open.mini.version.upload",
    "alipay.open.mini.version.build.query",
    "alipay.open.mini.version.list.query",
    "alipay.open.mini.version.detail.query",
    "alipay.open.mini.version.audit.apply",
    "alipay.open.mini.version.online",
    "alipay.open.mini.version.gray.online",
    "alipay.commerce.iot.device.upgradeapp.create",
}
"""What the life of a mini program needs, written down a second time."""


async def test_device_asks_about_a_mini_programs_life_and_nothing_else(town: Town) -> None:
    """It can move no money, and change nothing else of an app."""
    for method in METHODS:
        got = await call(town, {"out_trade_no": ORDER}, method=method, issuer="device")
        assert (got.status == 403) is (method not in LIFE), method
    for door in ("/bill-file", "/key-check", "/sandbox/apps", "/sandbox/outcome"):
        assert (await call(town, door=door, issuer="device")).status == 403, door


async def test_an_app_belongs_to_its_merchant(town: Town) -> None:
    """G7: another tenant's token does not sign with this tenant's key."""
    got = await call(town, tenant=UUID(int=9))
    assert (got.status, got.json()["code"]) == (404, "egress.app_not_bound")
    assert (await call(town, app_id="2021000000000009")).status == 404
    assert (await call(town, app_id="../../x")).status == 404
    assert not town.alipay.seen


async def test_a_disabled_app_finishes_but_does_not_begin(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    off = app_document(kek, app_keys, alipay_keys, enabled=False)
    town.binding.on("GET", f"/internal/apps/{APP_ID}", off)
    answers(town, b"")
    got = await call(town)
    assert (got.status, got.json()["code"]) == (409, "egress.app_disabled")
    assert (await call(town, {"out_trade_no": ORDER}, method="alipay.trade.query")).status == 200


async def test_binding_away_before_anything_was_sent(town: Town) -> None:
    await town.binding.stop()
    got = await call(town)
    assert (got.status, got.json()["code"]) == (503, "unavailable")
    assert not town.alipay.seen


async def test_keys_are_asked_for_once_and_outlive_a_restart_of_binding(
    town: Town, alipay_keys: RsaPair
) -> None:
    answers(town, answer_body(PAY, PAID, alipay_keys.private))
    for _ in range(3):
        assert (await call(town)).json()["outcome"] == "success"
    assert len(town.binding.calls("apps")) == 1
    await town.binding.stop()
    town.clock.advance(200)
    assert (await call(town)).json()["outcome"] == "success"


async def test_concurrent_first_calls_ask_once(town: Town, alipay_keys: RsaPair) -> None:
    answers(town, answer_body(PAY, PAID, alipay_keys.private))
    told = await asyncio.gather(*(call(town) for _ in range(8)))
    assert {got.json()["outcome"] for got in told} == {"success"}
    assert len(town.binding.calls("apps")) == 1


async def test_rotation(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    """F37: after the event the newest key signs; a pinned older one while it is valid."""
    answers(town, answer_body(PAY, PAID, alipay_keys.private))
    assert (await call(town)).json()["key_version"] == 1
    older = app_document(kek, app_keys, alipay_keys, not_after="2026-11-23T05:00:00Z")["versions"]
    rotated = app_document(kek, other_keys, alipay_keys, version=2, older=older)
    town.binding.on("GET", f"/internal/apps/{APP_ID}", rotated)
    event = AppBound(
        **stamp(TENANT, town.clock), app_id=APP_ID, seller_id=SELLER_ID, notify_route=ROUTE,
        key_version=2, enabled=True,
    )  # fmt: skip
    town.egress._keyring.on_event(event)
    assert (await call(town)).json()["key_version"] == 2
    params = sent(town.alipay.seen[-1])
    assert verify(request_content(params).encode(), params["sign"], other_keys.public)
    assert (await call(town, key_version=1)).json()["key_version"] == 1
    town.clock.advance(3600)
    assert (await call(town, key_version=1)).json()["key_version"] == 2


async def test_an_answer_by_a_new_alipay_key_is_looked_at_again(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    answers(town, answer_body(PAY, PAID, alipay_keys.private))
    assert (await call(town)).json()["outcome"] == "success"
    changed = app_document(kek, app_keys, other_keys, version=2)
    town.binding.on("GET", f"/internal/apps/{APP_ID}", changed)
    answers(town, answer_body(PAY, PAID, other_keys.private))
    assert (await call(town)).json()["outcome"] == "success"
    assert len(town.alipay.seen) == 2, "looked at again, not sent again"


async def test_a_key_check_is_under_that_version_alone(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    """A pending version whose key is not Alipay's is not verified by the one bound beside it."""
    query = "alipay.trade.query"
    missing = {
        "code": "40004", "msg": "Business Failed", "sub_code": "ACQ.TRADE_NOT_EXIST",
        "out_trade_no": ORDER,
    }  # fmt: skip
    path = f"/internal/apps/{APP_ID}/key-versions/2"
    asked = {"params": {"out_trade_no": ORDER}, "key_version": 2, "door": "/key-check"}
    for forged, outcome in ((other_keys, "unknown"), (alipay_keys, "not_found")):
        town.binding.on("GET", path, app_document(kek, app_keys, forged, version=2))
        answers(town, answer_body(query, missing, alipay_keys.private))
        found = (await call(town, issuer="binding", **asked)).json()
        assert (found["outcome"], found["key_version"]) == (outcome, 2)
    assert (await call(town, issuer="payment", **asked)).status == 403
    assert (await call(town, issuer="binding", tenant=None, **asked)).status == 403
    del asked["key_version"]
    assert (await call(town, issuer="binding", **asked)).status == 422


async def test_a_box_moved_to_another_row_does_not_sign(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    moved = app_document(kek, app_keys, alipay_keys)
    moved["tenant_id"] = str(UUID(int=9))
    town.binding.on("GET", f"/internal/apps/{APP_ID}", moved)
    assert (await call(town, tenant=UUID(int=9))).status == 503
    tampered = app_document(kek, app_keys, alipay_keys)
    tampered["versions"][0]["private_key_box"] = tampered["versions"][0]["private_key_box"][:-9]
    town.binding.on("GET", f"/internal/apps/{APP_ID}", tampered)
    town.clock.advance(200)
    assert (await call(town)).status == 503


async def test_an_app_without_a_key_says_so(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    bare = app_document(kek, app_keys, alipay_keys)
    bare["versions"][0]["private_key_box"] = ""
    town.binding.on("GET", f"/internal/apps/{APP_ID}", bare)
    got = await call(town)
    assert (got.status, got.json()["code"]) == (503, "gateway.no_signing_key")


async def test_full_is_said_at_once(town: Town) -> None:
    town.egress._admission._limit = 0
    got = await call(town)
    assert (got.status, got.json()["code"]) == (503, "gateway.busy")


async def test_nothing_secret_is_logged_or_answered(
    town: Town, app_keys: RsaPair, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    answers(town, b"")
    got = await call(town)
    out = capsysbinary.readouterr().out
    for secret in (b"fp" + b"0" * 33, app_keys.private_b64[:40].encode()):
        assert secret not in out
        assert secret not in got.body


async def test_health(town: Town) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await ask(town.egress_door, "GET", path)).status == 200
    assert b"alipay_calls_total" in (await ask(town.egress_door, "GET", "/metrics")).body
