"""App-gateway messages: their own family's rule, committed by the device service, told from notices
by their address alone."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web

from gateway.alipay.protocol.canonical import notify_contents
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.alipay.inbound.test_notify import FIELDS, FORM_TYPE
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import APP_ID, ROUTE, TENANT, ask, sign_as_alipay

pytestmark = pytest.mark.asyncio

PATH = f"/alipay/messages/{ROUTE}"
MESSAGE = {
    "app_id": APP_ID,
    "biz_content": '{"mini_app_id":"2021000000000009","audit_time":"20261123120000","note":"通过"}',
    "charset": "UTF-8",
    "msg_method": "alipay.open.mini.version.audit.passed",
    "notify_id": "2026112300262120001000000000000001",
    "utc_timestamp": "1795406400000",
    "version": "1.1",
}
AUTHORISED = {
    "app_id": APP_ID,
    "auth_app_id": "2021000000000009",
    "biz_content": '{"detail":{"app_auth_code":"c0de"}}',
    "charset": "utf-8",
    "notify_id": "2026112300262120001000000000000002",
    "notify_type": "open_app_auth_notify",
    "status": "execute_auth",
    "version": "1.0",
}


def signed(
    keys: RsaPair, fields: dict[str, str] | None = None, *, kind: str = "app"
) -> dict[str, str]:
    known = {**(MESSAGE if fields is None else fields), "sign_type": "RSA2"}
    raw = {name.encode(): value.encode() for name, value in known.items()}
    return {**known, "sign": sign_as_alipay(notify_contents(raw, kind)[0], keys.private)}


async def send(town: Town, form: dict[str, str], path: str = PATH, method: str = "POST") -> Any:
    return await ask(
        town.door, method, path, body=urlencode(form).encode(), headers={"Content-Type": FORM_TYPE}
    )


async def test_success_after_the_device_service_committed_it(
    town: Town, alipay_keys: RsaPair
) -> None:
    for verdict in ("stored", "duplicate"):
        town.device.on("POST", "/internal/messages", {"verdict": verdict})
        form = signed(alipay_keys)
        got = await send(town, form)
        assert (got.status, got.body) == (200, b"success")
    seen = town.device.calls("/internal/messages")[-1]
    document = seen.json()
    assert base64.b64decode(document["body_b64"]) == urlencode(form).encode()
    assert MESSAGE.items() <= document["fields"].items()
    caller = town.verifier("device").verify(seen.headers["authorization"].removeprefix("Bearer "))
    assert (caller.kind, caller.subject, caller.tenant_id) == ("service", "gateway-edge", TENANT)


@pytest.mark.parametrize("status", [422, 500, 503])
async def test_what_the_device_service_did_not_commit_is_fail(
    town: Town, alipay_keys: RsaPair, status: int
) -> None:
    town.device.on("POST", "/internal/messages", lambda _seen: web.json_response({}, status=status))
    assert (await send(town, signed(alipay_keys))).body == b"fail"


async def test_the_families_do_not_mix(town: Town, alipay_keys: RsaPair) -> None:
    """§5.8.4: by endpoint, never "try both": each door refuses the other's signature."""
    town.device.on("POST", "/internal/messages", {"verdict": "stored"})
    town.payment.on("POST", "/internal/notify", {"verdicts": ["stored"]})
    assert (await send(town, signed(alipay_keys, kind="pay"))).body == b"fail"
    notice = signed(alipay_keys, FIELDS)
    assert (await send(town, notice, f"/alipay/notify/{ROUTE}")).body == b"fail"
    assert not town.device.calls("/internal/messages")
    assert not town.payment.calls("/internal/notify")


async def test_an_authorisation_is_signed_as_notices_are(town: Town, alipay_keys: RsaPair) -> None:
    """alipay-protocol §3.3.4: open_app_auth_notify alone, and by that rule alone."""
    town.device.on("POST", "/internal/messages", {"verdict": "stored"})
    assert (await send(town, signed(alipay_keys, AUTHORISED))).body == b"fail"
    assert not town.device.calls("/internal/messages")
    assert (await send(town, signed(alipay_keys, AUTHORISED, kind="pay"))).body == b"success"
    assert (
        AUTHORISED.items() <= town.device.calls("/internal/messages")[-1].json()["fields"].items()
    )


async def test_no_message_is_renamed_into_the_other_rule(town: Town, alipay_keys: RsaPair) -> None:
    """What names the rule is signed by it; a notice of a trade is not taken for a message."""
    town.device.on("POST", "/internal/messages", {"verdict": "stored"})
    old = {**AUTHORISED, "notify_type": "servicemarket_order_notify"}
    renamed = {"notify_type": AUTHORISED["notify_type"]}
    hidden = "execute_auth&notify_type=open_app_auth_notify&sign_type=RSA2"
    for form in (
        {**signed(alipay_keys, old), **renamed},
        {**signed(alipay_keys, old, kind="pay"), **renamed},
        {**signed(alipay_keys, MESSAGE), **renamed},
        signed(alipay_keys, {**MESSAGE, **renamed}, kind="pay"),
        signed(alipay_keys, {**AUTHORISED, "status": hidden}, kind="pay"),
        signed(alipay_keys, FIELDS, kind="pay"),
        {**signed(alipay_keys, FIELDS, kind="pay"), **renamed},
    ):
        assert (await send(town, form)).body == b"fail"
    assert not town.device.calls("/internal/messages")


async def test_forged_messages(town: Town, alipay_keys: RsaPair, other_keys: RsaPair) -> None:
    good = signed(alipay_keys)
    swallowed = {**MESSAGE, "biz_content": "{}&msg_method=alipay.other"}
    for form in (
        signed(other_keys),
        MESSAGE,
        {**good, "sign": ""},
        {**good, "sign_type": "RSA"},
        {**good, "biz_content": "{}"},
        {**good, "msg_method": "alipay.open.mini.version.audit.rejected"},
        {**good, "extra": "1"},
        signed(alipay_keys, {**MESSAGE, "app_id": "2021000000000002"}),
        signed(alipay_keys, swallowed),
    ):
        assert (await send(town, form)).body == b"fail"
    assert (await send(town, good, "/alipay/messages/unknown-route")).body == b"fail"
    assert not town.device.calls("/internal/messages")


async def test_only_post(town: Town, alipay_keys: RsaPair) -> None:
    assert (await send(town, signed(alipay_keys), method="GET")).status == 405
