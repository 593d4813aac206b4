"""Who is believed: devices by HMAC (§5.4), console people by cookie and CSRF (§5.5)."""

import asyncio
import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from gateway.auth.signatures import signed_text
from gateway.limits import rate_limits
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import SessionRevoked
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked
from shared.keys.sealed import LocalKeyProvider
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import (
    DEVICE,
    NOON_S,
    STORE,
    TENANT,
    Got,
    Neighbour,
    ask,
    credential_document,
    device_headers,
)

ME = "/api/device/v1/me"
CREDENTIAL = f"/internal/devices/{DEVICE}/credential"
ORDERS = "/api/merchant/v1/orders"
STORES = "/api/merchant/v1/stores"
SESSION = "/api/merchant/v1/session"
COOKIE = "the-cookie-value"
CSRF = "the-csrf-token"
pytestmark = pytest.mark.asyncio


async def me(town: Town, **changed: Any) -> Got:
    return await ask(town.door, "GET", ME, headers=device_headers("GET", ME, **changed))


def code(got: Got) -> str:
    return str(got.json()["code"])


async def test_the_signed_text() -> None:
    """design §5, spelled out: any client can be written against this."""
    text = signed_text("POST", "/p", "b=2&a=1&a=0", "1", "n" * 32, ("d", "k"), b"{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    assert text.decode() == f"POST\n/p\na=0&a=1&b=2\n1\n{'n' * 32}\nd\nk\n{digest}"


async def test_the_published_request_of_a_device(published_request: dict[str, Any]) -> None:
    one = published_request
    text = signed_text(
        one["method"], one["path"], one["query"], str(one["timestamp"]), one["nonce"],
        (one["device"], one["key_id"]), one["body"].encode(),
    )  # fmt: skip
    key = base64.b64decode(one["key"])
    assert hmac.digest(key, text, "sha256").hex() == one["signature"]


async def test_a_good_signature_is_believed_and_the_key_asked_for_once(town: Town) -> None:
    town.device.on("GET", ME, {})
    assert [(await me(town)).status for _ in range(3)] == [200] * 3
    assert len(town.device.calls("credential")) == 1
    town.clock.advance(61)
    assert (await me(town, at=NOON_S + 61)).status == 200
    assert len(town.device.calls("credential")) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "0" * 64}, {"nonce": "0" * 32}, {"timestamp": str(NOON_S + 1)},
        {"key": "k2"}, {"device": "01900000-0000-7000-8000-0000000000d2"}, {"signature": ""},
        {"signature": "zz" * 32}, {"nonce": "abc"}, {"timestamp": "now"}, {"timestamp": "-5"},
        {"device": "../../x"}, {"device": ""}, {"key": ""}, {"timestamp": str(NOON_S) + "\n"},
    ],
)  # fmt: skip
async def test_anything_changed_is_refused(town: Town, changed: dict[str, str]) -> None:
    got = await me(town, **changed)
    assert (got.status, code(got)) == (401, "auth.device_signature")
    assert got.json()["server_time"] == NOON_S
    assert not town.device.calls(ME)


async def test_method_path_query_and_body_are_signed(town: Town) -> None:
    pay = "/api/device/v1/payments"
    town.payment.on("POST", pay, {})
    good = device_headers("POST", pay, b'{"amount_fen":1}')
    changed = [
        ("POST", pay, b'{"amount_fen":2}'), ("POST", pay + "?x=1", b'{"amount_fen":1}'),
        ("POST", pay + "/y/cancel", b'{"amount_fen":1}'), ("GET", pay, b'{"amount_fen":1}'),
    ]  # fmt: skip
    for method, target, body in changed:
        got = await ask(town.door, method, target, body=body, headers=good)
        assert code(got) == "auth.device_signature"
    assert not town.payment.seen


@pytest.mark.parametrize("off_s", [-301, 301, -86400])
async def test_a_wrong_clock_is_told_the_time(town: Town, off_s: int) -> None:
    """F25: 401 carries the server's time, and only to those who signed correctly."""
    got = await me(town, at=NOON_S + off_s)
    assert (got.status, code(got), got.json()["server_time"]) == (401, "auth.clock_skew", NOON_S)


@pytest.mark.parametrize("off_s", [-300, 0, 300])
async def test_the_window_is_five_minutes(town: Town, off_s: int) -> None:
    town.device.on("GET", ME, {})
    assert (await me(town, at=NOON_S + off_s)).status == 200


async def test_a_revoked_device_is_out_at_its_event(town: Town, kek: LocalKeyProvider) -> None:
    town.device.on("GET", ME, {})
    assert (await me(town)).status == 200
    town.device.on("GET", CREDENTIAL, credential_document(kek, status="revoked"))
    assert (await me(town)).status == 200, "remembered until something says otherwise"
    town.edge.on_event(DeviceRevoked(**stamp(TENANT, town.clock), device_id=DEVICE))
    assert code(await me(town)) == "auth.device_signature"


async def test_a_slow_look_up_lets_nobody_in_after_the_event(
    town: Town, kek: LocalKeyProvider
) -> None:
    """The edge has asked for the device and waits; then it hears that the device is revoked."""
    slow, asked = asyncio.Event(), asyncio.Event()

    async def before(_seen: Any) -> Any:
        asked.set()
        await slow.wait()
        return credential_document(kek)

    town.device.on("GET", ME, {})
    town.device.on("GET", CREDENTIAL, before)
    waiting = asyncio.ensure_future(me(town))
    await asked.wait()
    town.device.on("GET", CREDENTIAL, credential_document(kek, status="revoked"))
    town.edge.on_event(DeviceRevoked(**stamp(TENANT, town.clock), device_id=DEVICE))
    async with asyncio.timeout(20):
        assert code(await me(town)) == "auth.device_signature"
    slow.set()
    assert (await waiting).status == 200, "it came before the event"
    assert code(await me(town)) == "auth.device_signature"


async def test_a_gap_in_the_events_makes_it_ask_again(town: Town, kek: LocalKeyProvider) -> None:
    town.device.on("GET", ME, {})
    assert (await me(town)).status == 200
    town.device.on("GET", CREDENTIAL, credential_document(kek, status="revoked"))
    town.edge.on_gap()
    assert code(await me(town)) == "auth.device_signature"


async def test_a_device_enrolled_again_is_known_by_its_new_key(
    town: Town, kek: LocalKeyProvider
) -> None:
    """Same SN, same id, new key: with or without the event."""
    town.device.on("GET", ME, {})
    old = {**credential_document(kek), "key_id": "k0"}
    town.device.on("GET", CREDENTIAL, old)
    assert code(await me(town)) == "auth.device_signature"
    town.device.on("GET", CREDENTIAL, credential_document(kek))
    assert (await me(town)).status == 200
    event = DeviceEnrolled(**stamp(TENANT, town.clock), device_id=DEVICE, store_id=STORE, sn="s")
    town.edge.on_event(event)
    assert (await me(town)).status == 200
    assert len(town.device.calls("credential")) == 4


async def test_a_restart_of_the_device_service_stops_nobody(town: Town) -> None:
    town.device.on("GET", ME, {})
    town.payment.on("GET", "/api/device/v1/payments/x", {})
    assert (await me(town)).status == 200
    await town.device.stop()
    town.clock.advance(100)
    path = "/api/device/v1/payments/x"
    headers = device_headers("GET", path, at=NOON_S + 100)
    assert (await ask(town.door, "GET", path, headers=headers)).status == 200
    town.clock.advance(400)
    headers = device_headers("GET", path, at=NOON_S + 500)
    assert (await ask(town.door, "GET", path, headers=headers)).status == 503


async def test_a_box_of_another_row_does_not_open(town: Town, kek: LocalKeyProvider) -> None:
    foreign = credential_document(kek)
    foreign["device_id"] = "01900000-0000-7000-8000-0000000000d9"
    town.device.on("GET", CREDENTIAL, foreign)
    assert (await me(town)).status == 503


async def test_strangers_cannot_flood_the_device_service(town: Town) -> None:
    town.edge._devices._strangers._burst = 5
    for n in range(5):
        await me(town, device=f"01900000-0000-7000-8000-00000000{n:04x}")
    got = await me(town, device="01900000-0000-7000-8000-00000000aaaa")
    assert (got.status, code(got)) == (429, "rate.limited")
    assert len(town.device.calls("credential")) == 5


async def test_one_device_cannot_take_everything(town: Town) -> None:
    town.device.on("GET", ME, {})
    town.edge._rates["device"]._burst = 3
    statuses = [(await me(town)).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


# --- console


def sign_in(binding: Neighbour, clock: Any, *, expires_in_s: int = 3600, **changed: Any) -> None:
    session = {
        "session_id": "01900000-0000-7000-8000-0000000000e1", "kind": "user",
        "user_id": "01900000-0000-7000-8000-0000000000f1", "tenant_id": str(TENANT),
        "permissions": ["orders.read", "stores.write"],
        "csrf_token_hash": hashlib.sha256(CSRF.encode()).hexdigest(),
        "expires_at": (clock.now() + timedelta(seconds=expires_in_s)).isoformat(),
        "name": "", "store_ids": [], "step_up_until": None, "acting": None, **changed,
    }  # fmt: skip

    def resolve(seen: Any) -> Any:
        if seen.json() == {"session_hash": hashlib.sha256(COOKIE.encode()).hexdigest()}:
            return session
        return web.json_response({"code": "not_found", "title": ""}, status=404)

    binding.on("POST", "/internal/sessions/resolve", resolve)


def cookie(value: str = COOKIE, **more: str) -> dict[str, str]:
    return {"Cookie": f"theme=dark; __Host-damselfly={value}; x=y", **more}


async def test_a_session_becomes_a_user_token(town: Town) -> None:
    sign_in(town.binding, town.clock, name="李雷")
    town.order.on("GET", ORDERS, {"items": []})
    got = await ask(town.door, "GET", f"{ORDERS}?page=1&q=%E8%9C%BB", headers=cookie())
    assert got.status == 200
    (seen,) = town.order.calls(ORDERS)
    assert seen.target == f"{ORDERS}?page=1&q=%E8%9C%BB"
    caller = town.verifier("order").verify(seen.headers["authorization"].removeprefix("Bearer "))
    assert (caller.kind, caller.tenant_id) == ("user", TENANT)
    assert caller.permissions == {"orders.read", "stores.write"}
    assert (caller.session_id, caller.name) == ("01900000-0000-7000-8000-0000000000e1", "李雷")


async def test_a_session_is_asked_for_every_15_seconds(town: Town) -> None:
    sign_in(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    for advance in (0, 14, 2):
        town.clock.advance(advance)
        assert (await ask(town.door, "GET", ORDERS, headers=cookie())).status == 200
    assert len(town.binding.calls("resolve")) == 2


async def test_an_ended_session_is_out_at_its_event(town: Town) -> None:
    sign_in(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    assert (await ask(town.door, "GET", ORDERS, headers=cookie())).status == 200
    town.binding.on(
        "POST", "/internal/sessions/resolve",
        lambda _s: web.json_response({"code": "not_found", "title": ""}, status=404),
    )  # fmt: skip
    digest = hashlib.sha256(COOKIE.encode()).hexdigest()
    town.edge.on_event(SessionRevoked(**stamp(TENANT, town.clock), session_hash=digest))
    got = await ask(town.door, "GET", ORDERS, headers=cookie())
    assert (got.status, code(got)) == (401, "auth.session")


async def test_a_suspended_merchants_session_says_why_it_ended(town: Town) -> None:
    """And is asked for again each time: once it is lifted, the person signs in as ever."""
    answers = [
        ({"code": "binding.merchant_suspended", "title": "停 Suspended."}, 403),
        ({"code": "not_found", "title": ""}, 404),
    ]
    town.binding.on(
        "POST", "/internal/sessions/resolve",
        lambda _s: web.json_response(answers[0][0], status=answers[0][1]),
    )  # fmt: skip
    town.order.on("GET", ORDERS, {})
    got = await ask(town.door, "GET", ORDERS, headers=cookie())
    assert (got.status, code(got)) == (401, "auth.merchant_suspended")
    answers.pop(0)
    got = await ask(town.door, "GET", ORDERS, headers=cookie())
    assert (got.status, code(got)) == (401, "auth.session")
    assert not town.order.seen


async def test_signing_out_ends_it_here_at_once(town: Town) -> None:
    sign_in(town.binding, town.clock)
    town.binding.on(
        "DELETE", SESSION,
        lambda _s: web.Response(status=204, headers={"Set-Cookie": "__Host-damselfly=; Max-Age=0"}),
    )  # fmt: skip
    headers = cookie(**{"X-CSRF-Token": CSRF})
    got = await ask(town.door, "DELETE", SESSION, headers=headers)
    assert (got.status, got.headers["set-cookie"]) == (204, "__Host-damselfly=; Max-Age=0")
    town.order.on("GET", ORDERS, {})
    await ask(town.door, "GET", ORDERS, headers=cookie())
    assert len(town.binding.calls("resolve")) == 2


@pytest.mark.parametrize(
    "header",
    ["", "__Host-damselfly=", "__Host-damselfly=other", "__Host-damselfly=" + "x" * 300,
     f"__Host-damselfly={COOKIE}; __Host-damselfly={COOKIE}", f"damselfly={COOKIE}"],
)  # fmt: skip
async def test_no_session_no_entry(town: Town, header: str) -> None:
    sign_in(town.binding, town.clock)
    got = await ask(town.door, "GET", ORDERS, headers={"Cookie": header} if header else {})
    assert (got.status, code(got)) == (401, "auth.session")
    assert not town.order.seen


async def test_an_expired_session_is_no_session(town: Town) -> None:
    sign_in(town.binding, town.clock, expires_in_s=5)
    town.order.on("GET", ORDERS, {})
    assert (await ask(town.door, "GET", ORDERS, headers=cookie())).status == 200
    town.clock.advance(6)
    assert code(await ask(town.door, "GET", ORDERS, headers=cookie())) == "auth.session"


@pytest.mark.parametrize("given", [None, "", "wrong", CSRF + "x"])
async def test_a_change_needs_the_csrf_token(town: Town, given: str | None) -> None:
    sign_in(town.binding, town.clock)
    town.binding.on("POST", STORES, {})
    headers = cookie() if given is None else cookie(**{"X-CSRF-Token": given})
    got = await ask(town.door, "POST", STORES, body=b"{}", headers=headers)
    assert (got.status, code(got)) == (403, "auth.csrf")
    assert "请刷新页面" in got.json()["title"]
    assert "please reload the page" in got.json()["title"]
    headers = cookie(**{"X-CSRF-Token": CSRF})
    assert (await ask(town.door, "POST", STORES, body=b"{}", headers=headers)).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_every_method_that_changes_needs_it(town: Town, method: str) -> None:
    """A forged DELETE is as good as a forged POST; only what changes nothing goes without."""
    sign_in(town.binding, town.clock)
    paths = {"PUT": "/api/merchant/v1/apps", "PATCH": f"{STORES}/s1", "DELETE": SESSION}
    path = paths[method]
    town.binding.on(method, path, {})
    body = b"" if method == "DELETE" else b"{}"
    for token in (None, "wrong"):
        headers = cookie() if token is None else cookie(**{"X-CSRF-Token": token})
        got = await ask(town.door, method, path, body=body, headers=headers)
        assert (got.status, code(got)) == (403, "auth.csrf"), method
    assert not [seen for seen in town.binding.seen if seen.method == method]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_changes_nothing(town: Town, site: str) -> None:
    """Not even a sign-in: a stranger's session planted in the browser is an attack, too."""
    sign_in(town.binding, town.clock)
    headers = cookie(**{"X-CSRF-Token": CSRF, "Sec-Fetch-Site": site})
    for path in (STORES, SESSION):
        got = await ask(town.door, "POST", path, body=b"{}", headers=headers)
        assert (got.status, code(got)) == (403, "auth.csrf")


async def test_a_sign_in_hands_the_cookie_out(town: Town) -> None:
    cookie_line = "__Host-damselfly=new; HttpOnly; Secure; SameSite=Strict; Path=/"
    town.binding.on(
        "POST", SESSION,
        lambda _s: web.json_response({"csrf_token": "t"}, headers={"Set-Cookie": cookie_line}),
    )  # fmt: skip
    got = await ask(town.door, "POST", SESSION, body=b"{}")
    assert (got.status, got.headers["set-cookie"]) == (200, cookie_line)


async def test_binding_away_is_not_signed_out(town: Town) -> None:
    await town.binding.stop()
    assert (await ask(town.door, "GET", ORDERS, headers=cookie())).status == 503


async def test_each_bucket_has_a_limit(town: Town) -> None:
    assert set(rate_limits(town.clock)) == {
        "enrol",
        "login",
        "device",
        "first_run",
        "notify",
        "pos",
    }
