"""The public notify door: only Alipay's own signature over the right facts changes anything."""

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.e2e.world import World
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.asyncio

FORM = "application/x-www-form-urlencoded; text/html; charset=utf-8"
"""As Alipay really sends it."""


async def _notify_path(world: World, out_trade_no: str) -> str:
    """Where Alipay was told to send this payment's notify."""
    answer = await world.admin.get(
        "/requests", params={"app_id": world.app_id, "method": "alipay.trade.pay"}
    )
    for request in reversed(_listed(answer.json(), "requests")):
        if out_trade_no in str(request):
            return urlsplit(_fields(request)["notify_url"]).path
    raise AssertionError("the sandbox has no such request")


def _listed(document: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document if isinstance(document, list) else document[name]
    return found


def _fields(request: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = request.get("fields") or request.get("params") or {}
    return found


def _form(world: World, out_trade_no: str, total: str, **changed: str) -> dict[str, str]:
    fields = {
        "notify_time": "2026-11-23 12:00:00",
        "notify_type": "trade_status_sync",
        "notify_id": "2026112300222000000000000000000001",
        "app_id": world.app_id,
        "auth_app_id": world.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": "2026112322001400000000000001",
        "out_trade_no": out_trade_no,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": total,
        "receipt_amount": total,
        "buyer_id": "2088000000000001",
        "seller_id": "2088000000000002",
        "gmt_payment": "2026-11-23 12:00:00",
    }
    fields.update(changed)
    return fields


def _sign(pair: RsaPair, fields: dict[str, str]) -> str:
    content = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    raw = pair.private.sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(raw).decode()


async def _post(world: World, path: str, form: dict[str, str] | bytes) -> tuple[int, str]:
    raw = form if isinstance(form, bytes) else urlencode(form).encode()
    answer = await world.http.post(path, content=raw, headers={"Content-Type": FORM})
    return answer.status_code, answer.text


async def test_forged_notifies_change_nothing(world: World, other_keys: RsaPair) -> None:
    """INC-4, INC-5, INC-7, INC-8, F15, reliability §8 #6: none is answered `success`, no state
    moves, nothing is a 5xx."""
    async with world.fault("in_process", times=1, args={"ms": 20_000}):
        pending = await world.pay(7_77)
        assert pending["status"] == "pending"
        out_trade_no = pending["out_trade_no"]
        path = await _notify_path(world, out_trade_no)
        form = _form(world, out_trade_no, "7.77")
        signed = {**form, "sign": _sign(other_keys, form), "sign_type": "RSA2"}
        forged: list[dict[str, str] | bytes] = [
            form,
            {**form, "sign": "", "sign_type": "RSA2"},
            {**form, "sign": "AAAA", "sign_type": "RSA2"},
            signed,
            {**signed, "sign_type": "RSA"},
            {**signed, "sign_type": "none"},
            {**signed, "app_id": "2021000000000000"},
            urlencode({**signed}).encode() + b"&sign=" + b"A" * 344,
            urlencode({**signed}).encode() + b"&out_trade_no=x",
            b"",
            b"\xff\xfe",
            b"sign=%ZZ&sign_type=RSA2",
            b"<xml><sign>x</sign></xml>",
        ]
        for body in forged:
            assert await _post(world, path, body) == (200, "fail"), body
        assert (await world.status(pending["pay_request_id"]))["status"] == "pending"
    cancelled = await world.call(
        "POST", f"/api/device/v1/payments/{pending['pay_request_id']}/cancel", {}
    )
    assert cancelled.status_code == 200


async def test_a_notify_for_an_unknown_route_is_refused(world: World) -> None:
    told = await _post(world, "/alipay/notify/nosuchroute000000", b"a=b&sign=x")
    assert told == (200, "fail")


async def test_genuine_notifies_again_and_again_are_one_effect(world: World) -> None:
    """F10, F9, G6: many copies at once, all answered `success`, still one order."""
    paid = await world.pay(7_78)
    answers = await asyncio.gather(
        *(world.admin.post(f"/notify/{paid['out_trade_no']}", json={"times": 5}) for _ in range(4))
    )
    assert all(answer.status_code < 300 for answer in answers), answers[0].text
    await world.order(paid["out_trade_no"])
    assert (await world.status(paid["pay_request_id"]))["status"] == "paid"


async def test_a_genuine_body_with_one_changed_byte(world: World) -> None:
    """F15: every field is under the signature."""
    paid = await world.pay(7_79)
    path = await _notify_path(world, paid["out_trade_no"])
    sent = (await world.admin.post(f"/notify/{paid['out_trade_no']}", json={"times": 1})).json()
    raw = sent["sent"][0]["body"]
    assert (await _post(world, path, raw.encode()))[1] == "success", "the reader is wrong"
    # sign_type is outside the signature; it may not choose the algorithm (see the forgeries).
    names = [name for name, _ in parse_qsl(raw) if name != "sign_type"]
    assert len(names) > 10
    for name in names:
        pairs = [(k, v + "0" if k == name else v) for k, v in parse_qsl(raw)]
        assert await _post(world, path, urlencode(pairs).encode()) == (200, "fail"), name


@pytest.mark.parametrize(
    "variant", ["wrong_amount", "wrong_seller", "wrong_app", "wrong_order", "waiting", "closed"]
)
async def test_authentic_is_not_valid(world: World, variant: str) -> None:
    """INC-1, INC-3: Alipay's own signature over facts that are not this payment's: whatever is
    answered, what was paid stays paid and nothing else is."""
    paid = await world.pay(7_80)
    answer = await world.admin.post(
        f"/notify/{paid['out_trade_no']}", json={"times": 1, "variant": variant}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["sent"][0]["status"] == 200
    now = await world.status(paid["pay_request_id"])
    assert (now["status"], now["amount_fen"], now["refunded_fen"]) == ("paid", 7_80, 0)
    order = await world.order(paid["out_trade_no"])
    assert (order["pay_state"], order["payable_fen"]) == ("paid", 7_80)


async def test_a_wrong_amount_does_not_settle_a_pending_payment(world: World) -> None:
    """INC-1, §5.8.7: a notify over another amount is set aside; the query decides."""
    async with world.fault("in_process", times=1, args={"ms": 3000}):
        pending = await world.pay(7_81)
        sent = await world.admin.post(
            f"/notify/{pending['out_trade_no']}", json={"times": 1, "variant": "wrong_amount"}
        )
        assert sent.status_code == 200, sent.text
        final = await world.final(pending["pay_request_id"])
    assert (final["status"], final["amount_fen"]) == ("paid", 7_81)
    trade = await world.trade(final["out_trade_no"])
    assert trade is not None
    assert trade["total_fen"] == 7_81


async def test_the_notify_door_limits_its_body(world: World) -> None:
    path = "/alipay/notify/nosuchroute000000"
    status, text = await _post(world, path, b"a=" + b"x" * 300_000)
    assert (status, "success" in text) == (413, False)
