"""A suspended merchant: nobody of it comes in, what operators hold there ends, both logs tell it,
and payment is told (S131, S132)."""

import asyncio

import pytest
import pytest_asyncio

from services.binding.tenancy.rules import Role
from shared.contracts.events.base import decode
from tests.fixtures.races import race
from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
M, O, PUBLIC = "/api/merchant/v1", "/api/operator/v1", "/api/public/v1"  # noqa: E741
REASON = "工单 5001：商户失联，先停用"


@pytest_asyncio.fixture
async def desk(world, browser):
    """`world`, and .suspend(), .resume(), .link(user_id): what ada answers for."""
    world.enter = browser
    world.path = f"{O}/merchants/{world.merchant_id}"

    async def act(verb, reason=REASON, by=None):
        return await (by or world.ada)("POST", f"{world.path}/{verb}", {"reason": reason})

    world.suspend = lambda **more: act("suspend", **more)
    world.resume = lambda **more: act("resume", **more)
    return world


async def signs_in(binding, login="owner@tea", password=PASSWORD):
    body = {"login": login, "password": password}
    return await binding.edge("POST", f"{M}/session", body)


async def logged(browser, console, action):
    rows = (await browser("GET", f"{console}/audit", action=action)).json()["items"]
    return [(row["actor_name"], row["reason"], row["after"]) for row in rows]


async def said(binding):
    rows = await binding.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    return [decode(row["payload"]) for row in rows]


async def test_nobody_of_it_comes_in_until_it_is_lifted(binding, desk):
    answer = await desk.suspend()
    assert answer.status_code == 200, answer.text
    assert answer.json()["suspended_reason"] == REASON
    ended = await desk.owner("GET", f"{M}/session")
    assert (ended.status_code, ended.json()["code"]) == (403, "binding.merchant_suspended")
    refused = await signs_in(binding)
    assert (refused.status_code, refused.json()["code"]) == (403, "binding.merchant_suspended")
    guessed = await signs_in(binding, password="a wrong one, and long")
    assert guessed.json()["code"] == "auth.bad_credentials", "told to nobody without the password"
    shown = (await desk.ada("GET", desk.path)).json()
    assert shown["suspended_at"]
    assert shown["suspended_reason"] == REASON
    assert (await desk.resume(reason="工单 5002：已联系上")).json()["suspended_at"] is None
    assert (await signs_in(binding)).status_code == 200


async def test_a_refused_owner_is_not_throttled(binding, desk):
    await desk.suspend()
    codes = {(await signs_in(binding)).json()["code"] for _ in range(15)}
    assert codes == {"binding.merchant_suspended"}


async def test_both_logs_tell_it_with_the_reason(desk, browser):
    await desk.suspend()
    await desk.resume(reason="工单 5002：已联系上")
    owner = await browser("owner@tea")
    for console, who in ((M, owner), (O, desk.ada)):
        ((name, reason, facts),) = await logged(who, console, "merchant.suspend")
        assert (name, reason, facts["sessions_ended"]) == ("ada@ops", REASON, 1)
        ((_, reason, facts),) = await logged(who, console, "merchant.resume")
        assert (reason, facts["suspended_for"]) == ("工单 5002：已联系上", REASON)


async def test_payment_is_told_once_each(binding, desk):
    for _ in range(2):
        assert (await desk.suspend()).status_code == 200
    for _ in range(2):
        assert (await desk.resume()).status_code == 200
    told = [event for event in await said(binding) if event.type.startswith("merchant.")]
    assert [event.type for event in told[1:]] == ["merchant.suspended.v1", "merchant.resumed.v1"]
    assert {event.tenant_id for event in told} == {desk.merchant_id}


async def test_it_takes_a_password_a_reason_and_the_power(desk, clock):
    for reason in ("", "x", "协助", "aaaa aaaa aaaa"):
        assert (await desk.suspend(reason=reason)).status_code == 422
    lowest = await desk.suspend(by=desk.bob)
    assert (lowest.status_code, lowest.json()["code"]) == (403, "auth.forbidden")
    clock.advance(301)
    stale = await desk.suspend()
    assert (stale.status_code, stale.json()["code"]) == (403, "auth.step_up_needed")
    assert (await desk.ada("GET", desk.path)).json()["suspended_at"] is None


async def test_what_operators_hold_there_ends_and_looking_goes_on(binding, desk):
    await desk.act()
    await desk.given()
    assert await desk.makes_store("一店")
    before = len(await said(binding))
    await desk.suspend()
    told = [event.type for event in (await said(binding))[before:]]
    assert "session.changed.v1" in told, "edges that remember the grant ask again"
    assert not await desk.makes_store("二店")
    assert (await desk.bob("GET", f"{M}/stores")).status_code == 200
    again = await desk.ask()
    assert (again.status_code, again.json()["code"]) == (403, "binding.merchant_suspended")
    (row,) = (await desk.bob("GET", f"{O}/acting/grants")).json()["items"]
    assert (row["state"], row["end_cause"]) == ("ended", "powers")


async def test_its_links_and_api_keys_count_for_nothing(binding, desk):
    made = await desk.owner("POST", f"{M}/staff", {
        "username": "zhou", "name": "周", "role": "cashier",
    })  # fmt: skip
    token = made.json()["link"]["token"]
    key = (await desk.owner("POST", f"{M}/api-keys", {"name": "ERP"})).json()
    await desk.suspend()
    for path, body in (
        ("password-link", {"token": token}),
        ("password", {"token": token, "password": PASSWORD}),
    ):
        refused = await binding.edge("POST", f"{PUBLIC}/{path}", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "binding.merchant_suspended")
    inner = f"/internal/api-keys/{key['key_id']}"
    assert (await binding.edge("GET", inner)).status_code == 404
    assert "api_key.revoked.v1" not in {e.type for e in await said(binding)}, "it is not revoked"
    await desk.resume()
    assert (await binding.edge("GET", inner)).status_code == 200
    used = await binding.edge("POST", f"{PUBLIC}/password", {"token": token, "password": PASSWORD})
    assert used.status_code == 200


async def test_another_merchant_goes_on(binding, desk, new_merchant):
    await new_merchant("Coffee house", "owner@coffee")
    await desk.suspend()
    assert (await signs_in(binding, "owner@coffee")).status_code == 200


async def test_no_session_slips_through(binding, desk):
    """Whoever signs in at that moment is refused, or signed out."""
    for turn in range(12):
        await race(turn, signs_in(binding), desk.suspend())
        alive = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND tenant_id = $1"
        assert await binding.database.value(alive, desk.merchant_id) == 0
        assert (await desk.resume()).status_code == 200


async def test_grants_and_suspending_do_not_wait_for_each_other(desk):
    """Locks in one order: of what is given at that moment nothing stays open."""
    for _ in range(8):
        grant = (await desk.ask()).json()
        await desk.owner.step_up()
        verdict, done = await asyncio.gather(desk.do("give", "owner", grant), desk.suspend())
        assert done.status_code == 200, done.text
        assert verdict.status_code < 500, verdict.text
        rows = (await desk.bob("GET", f"{O}/acting/grants")).json()["items"]
        assert {row["state"] for row in rows} == {"ended"}
        await desk.resume()
        desk.owner = await desk.enter("owner@tea")


async def test_only_operators_suspend(desk, new_operator, browser):
    await new_operator("eve@ops", Role.OPERATOR_OPS)
    eve = await browser("eve@ops", "operator")
    await eve.step_up("operator")
    assert (await desk.suspend(by=eve)).status_code == 403
    assert (await desk.suspend(by=desk.owner)).status_code == 403
