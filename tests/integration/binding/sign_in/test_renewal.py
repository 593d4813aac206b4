"""A session's cookie changes with the step-up, a new password and a new sign-in; the former one
goes on for a moment, with no more than it could do (session fixation, ASVS 7.2.4)."""

import pytest

from services.binding.tenancy.rules import sha256_hex
from shared.contracts.events.base import decode
from tests.integration.binding.conftest import PASSWORD, Browser, cookie_of

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"
NEW = "another horse battery"


def code(answer):
    return answer.status_code, answer.json()["code"]


def former(browser):
    """The same browser with the cookie that it has now, whatever it is given later."""
    return Browser(browser.binding, browser.inward, browser.cookie)


async def told(binding, kind):
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = $1 ORDER BY seq", kind
    )
    return [decode(row["payload"]).session_hash for row in rows]


async def test_the_step_up_renews_the_cookie(binding, new_merchant, browser, clock):
    await new_merchant()
    owner = await browser("owner@tea")
    planted = former(owner)
    await owner.step_up()
    assert owner.cookie != planted.cookie
    assert await told(binding, "session.changed.v1") == [sha256_hex(planted.cookie)]
    assert (await owner("POST", f"{M}/stores", {"name": "一号"})).status_code == 201
    assert (await planted("GET", f"{M}/stores")).status_code == 200, "requests were under way"
    person = {"username": "till", "name": "x", "role": "cashier"}
    assert code(await planted("POST", f"{M}/staff", person)) == (403, "auth.step_up_needed")
    clock.advance(29)
    assert (await planted("GET", f"{M}/stores")).status_code == 200
    clock.advance(1)
    assert (await planted("GET", f"{M}/stores")).status_code == 404
    assert (await owner("POST", f"{M}/staff", person)).status_code == 201
    stored = str(await binding.database.fetch("SELECT * FROM sessions"))
    assert owner.cookie not in stored


async def test_the_edge_is_told_when_the_former_cookie_ends(binding, new_merchant, browser, clock):
    await new_merchant()
    owner = await browser("owner@tea")
    planted = former(owner)
    await owner.step_up()
    answer = await binding.edge(
        "POST", "/internal/sessions/resolve", {"session_hash": sha256_hex(planted.cookie)}
    )
    assert answer.json()["expires_at"] == "2026-11-23T04:00:30Z"


async def test_a_new_password_renews_it_and_ends_the_others(binding, new_merchant, browser, clock):
    await new_merchant()
    here, there = await browser("owner@tea"), await browser("owner@tea")
    planted = former(here)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await here("POST", f"{M}/password", body)).status_code == 204
    assert here.cookie != planted.cookie
    assert (await here("GET", f"{M}/session")).status_code == 200
    assert (await there("GET", f"{M}/session")).status_code == 404
    clock.advance(30)
    assert (await planted("GET", f"{M}/session")).status_code == 404
    known = "SELECT count(*) FROM known_browsers"
    assert await binding.database.value(known) == 0, "whoever knew the old one is a stranger again"


async def test_a_new_sign_in_ends_the_session_that_the_browser_had(binding, new_merchant, browser):
    await new_merchant()
    owner, other = await browser("owner@tea"), await browser("owner@tea")
    sent = {"X-Session-Cookie-Hash": sha256_hex(owner.cookie)}
    body = {"login": "owner@tea", "password": PASSWORD}
    answer = await binding.edge("POST", f"{M}/session", body, sent=sent)
    assert cookie_of(answer) != owner.cookie
    assert (await owner("GET", f"{M}/session")).status_code == 404
    assert (await other("GET", f"{M}/session")).status_code == 200
    assert await told(binding, "session.revoked.v1") == [sha256_hex(owner.cookie)]
    wrong = sent | {"X-Session-Cookie-Hash": sha256_hex(other.cookie)}
    await binding.edge("POST", f"{M}/session", body | {"password": "wrong"}, sent=wrong)
    assert (await other("GET", f"{M}/session")).status_code == 200, "a refused try ends nothing"


async def test_signing_out_ends_both_cookies(binding, new_merchant, browser):
    await new_merchant()
    owner = await browser("owner@tea")
    planted = former(owner)
    await owner.step_up()
    assert (await owner("DELETE", f"{M}/session")).status_code == 204
    for one in (owner, planted):
        assert (await one("GET", f"{M}/session")).status_code == 404
    assert set(await told(binding, "session.revoked.v1")) == {
        sha256_hex(planted.cookie), sha256_hex(owner.cookie),
    }  # fmt: skip


async def test_each_of_it_is_in_the_audit_log(binding, new_merchant, browser):
    await new_merchant()
    owner, second = await browser("owner@tea"), await browser("owner@tea")
    await owner.step_up(password="wrong")
    await owner.step_up()
    body = {"current_password": PASSWORD, "new_password": NEW}
    await owner("POST", f"{M}/password", body)
    third = await browser("owner@tea", password=NEW)
    rows = (await third("GET", f"{M}/sessions")).json()["items"]
    other = next(row["session_id"] for row in rows if not row["is_current"])
    await third("DELETE", f"{M}/sessions/{other}")
    await third("DELETE", f"{M}/session")
    fourth = await browser("owner@tea", password=NEW)
    log = (await fourth("GET", f"{M}/audit")).json()["items"]
    assert [row["action"] for row in reversed(log)][2:] == [
        "session.open", "session.open", "session.step_up_refused", "session.step_up",
        "password.change", "session.open", "session.end", "session.close", "session.open",
    ]  # fmt: skip
    refused = next(row for row in log if row["action"] == "session.step_up_refused")
    assert refused["actor"] == f"user:{refused['subject']}", "whose session it is, is known"
    assert refused["actor_name"] == "owner@tea"
    assert (await second("GET", f"{M}/session")).status_code == 404
