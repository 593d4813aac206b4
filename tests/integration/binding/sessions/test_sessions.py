"""Signing in and out: no enumeration, a throttle on guessing, sessions that end (S131)."""

from datetime import datetime

import pytest

from services.binding import sweeper
from services.binding.tenancy import accounts
from services.binding.tenancy.rules import Role, sha256_hex
from shared.contracts.events.base import decode
from shared.contracts.events.binding import SessionRevoked
from tests.integration.binding.conftest import PASSWORD, cookie_of

pytestmark = pytest.mark.asyncio
SESSION = "/api/merchant/v1/session"
WRONG = "not the password"


async def resolve(binding, cookie):
    body = {"session_hash": sha256_hex(cookie)}
    return await binding.edge("POST", "/internal/sessions/resolve", body)


async def test_signing_in_and_out(binding, new_merchant, sign_in, clock):
    tenant_id, user = await new_merchant()
    answer, caller = await sign_in("owner@tea")
    assert answer.status_code == 200
    found = answer.json()
    assert found["user"] == {
        "user_id": str(user.user_id),
        "login": "owner@tea",
        "name": "owner@tea",
        "role": "merchant_owner",
        "store_ids": [],
        "has_second_factor": False,
        "has_authenticator_app": False,
        "has_passkeys": False,
    }
    assert found["merchant"]["merchant_id"] == str(tenant_id)
    assert {"apps.write", "stores.write", "payments.refund"} <= set(found["permissions"])
    assert "merchants.read" not in found["permissions"]
    header = answer.headers["set-cookie"]
    assert header.startswith("__Host-damselfly=")
    for rule in ("Path=/", "Secure", "HttpOnly", "SameSite=Strict"):
        assert rule in header
    assert "Domain" not in header
    assert answer.headers["cache-control"] == "no-store"

    resolved = (await resolve(binding, cookie_of(answer))).json()
    assert resolved["kind"] == "user"
    assert (resolved["tenant_id"], resolved["name"]) == (str(tenant_id), "owner@tea")
    assert resolved["csrf_token_hash"] == sha256_hex(found["csrf_token"])
    assert resolved["permissions"] == found["permissions"]
    assert resolved["expires_at"] == "2026-11-23T16:00:00Z"

    for name, told in (("李雷", "李雷"), ("", "owner@tea")):
        await binding.database.execute("UPDATE users SET name = $1", name)
        assert (await resolve(binding, cookie_of(answer))).json()["name"] == told
    await binding.database.execute("UPDATE users SET name = login")

    shown = await caller("GET", SESSION)
    assert shown.status_code == 200
    assert "csrf_token" not in shown.json()
    assert shown.json()["user"] == found["user"]

    out = await caller("DELETE", SESSION)
    assert out.status_code == 204
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await caller("DELETE", SESSION)).status_code == 204
    assert (await caller("GET", SESSION)).status_code == 401
    assert (await resolve(binding, cookie_of(answer))).status_code == 404
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = 'session.revoked.v1'"
    )
    (event,) = (decode(row["payload"]) for row in rows)
    assert isinstance(event, SessionRevoked)
    assert event.session_hash == sha256_hex(cookie_of(answer))


async def test_only_digests_are_stored(binding, new_merchant, sign_in):
    await new_merchant()
    answer, _ = await sign_in("owner@tea")
    (row,) = await binding.database.fetch("SELECT * FROM sessions")
    (user,) = await binding.database.fetch("SELECT * FROM users")
    stored = " ".join(str(value) for value in (*row.values(), *user.values()))
    for secret in (cookie_of(answer), answer.json()["csrf_token"], PASSWORD):
        assert secret not in stored
    assert user["password_hash"].startswith("$argon2id$")


async def test_every_wrong_login_gets_one_answer(binding, new_merchant, sign_in):
    """No enumeration: unknown, wrong password, the other console and disabled look the same."""
    await new_merchant()
    await new_merchant("Closed house", "closed@shut")
    await binding.database.execute("UPDATE users SET is_enabled = false WHERE login LIKE 'closed%'")
    answers = [
        await sign_in("nobody@tea", WRONG),
        await sign_in("owner@tea", WRONG),
        await sign_in("owner@tea", PASSWORD, console="operator"),
        await sign_in("closed@shut", PASSWORD),
    ]
    documents = []
    for answer, _ in answers:
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        document = answer.json()
        document.pop("request_id")
        document.pop("instance")
        documents.append(document)
    assert all(document == documents[0] for document in documents)
    assert documents[0]["code"] == "auth.bad_credentials"


async def test_unknown_logins_cost_as_much_work(binding, new_merchant, sign_in, monkeypatch):
    """The password check runs once, whoever is asked for."""
    await new_merchant()
    checked = []
    passwords = binding.deps.passwords
    genuine = passwords._hasher.verify
    monkeypatch.setattr(
        passwords._hasher,
        "verify",
        lambda given, hashed: checked.append(1) or genuine(given, hashed),
    )
    for login in ("nobody@tea", "owner@tea", "x" * 64):
        checked.clear()
        await sign_in(login, WRONG)
        assert len(checked) == 1


async def test_a_session_ends_by_itself(binding, new_merchant, sign_in, clock):
    await new_merchant()
    answer, _ = await sign_in("owner@tea")
    cookie = cookie_of(answer)
    for _ in range(11):
        clock.advance(3600)
        assert (await resolve(binding, cookie)).status_code == 200
    clock.advance(3600)
    assert (await resolve(binding, cookie)).status_code == 404


async def test_an_idle_session_ends(binding, new_merchant, sign_in, clock):
    await new_merchant()
    answer, _ = await sign_in("owner@tea")
    clock.advance(2 * 3600)
    assert (await resolve(binding, cookie_of(answer))).status_code == 404


async def test_a_disabled_person_is_out_at_once(binding, new_merchant, sign_in):
    await new_merchant()
    answer, _ = await sign_in("owner@tea")
    await binding.database.execute("UPDATE users SET is_enabled = false")
    assert (await resolve(binding, cookie_of(answer))).status_code == 404


async def test_what_is_over_is_forgotten(binding, new_merchant, sign_in, clock):
    await new_merchant()
    await sign_in("owner@tea")
    await sign_in("nobody@tea", WRONG)
    await sweeper.sweep(binding.deps)
    assert await binding.database.value("SELECT count(*) FROM sessions") == 1
    clock.advance((12 + 24) * 3600 + 1)
    await sweeper.sweep(binding.deps)
    assert await binding.database.value("SELECT count(*) FROM sessions") == 0
    assert await binding.database.value("SELECT count(*) FROM login_tries") == 0


@pytest.mark.parametrize(
    ("role", "holds", "lacks"),
    [
        (Role.MERCHANT_FINANCE, "payments.refund", "apps.read"),
        (Role.CASHIER, "orders.read", "payments.refund"),
        (Role.AUDITOR, "apps.read", "apps.write"),
    ],
)
async def test_staff_hold_what_their_role_says(binding, new_merchant, sign_in, role, holds, lacks):
    tenant_id, _ = await new_merchant()
    await accounts.create_user(
        binding.deps, tenant_id, role=role, login="staff@tea", password=PASSWORD, actor="test"
    )
    answer, caller = await sign_in("staff@tea")
    assert holds in answer.json()["permissions"]
    assert lacks not in answer.json()["permissions"]
    assert (await caller("GET", SESSION)).status_code == 200
    wrong_console = await caller("GET", "/api/operator/v1/session")
    assert (wrong_console.status_code, wrong_console.json()["code"]) == (403, "auth.forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {"login": "owner@tea"},
        {"login": "owner@tea", "password": 123456789012},
        {"login": "x" * 65, "password": WRONG},
        {"login": "owner@tea", "password": "x" * 257},
        {"login": "owner@tea", "password": WRONG, "remember": True},
    ],
)
async def test_strict_bodies(binding, body):
    answer = await binding.edge("POST", SESSION, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")


async def test_no_number_of_sign_ins_hides_one_that_goes_on(binding, new_merchant, browser, clock):
    """The account page shows fifty: somebody else's session must not be pushed out of it."""
    await new_merchant()
    first = await browser("owner@tea")
    stranger_at = clock.now()
    for _ in range(51):
        clock.advance(1)
        later = await browser("owner@tea")
        assert (await later("DELETE", SESSION)).status_code in (200, 204)
    items = (await first("GET", "/api/merchant/v1/sign-ins")).json()["items"]
    assert len(items) == 50
    times = [datetime.fromisoformat(one["at"]) for one in items]
    assert times == sorted(times, reverse=True)
    assert times[-1] == stranger_at
