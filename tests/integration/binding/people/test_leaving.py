"""What somebody leaves behind who is disabled or loses a power: keys, links, requests, sessions."""

import asyncio

import pytest
import pytest_asyncio

from services.binding.people import api_keys
from services.binding.sweeper import sweeping
from shared.contracts.events.base import decode
from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
OTHER_PASSWORD = "nine grey geese walk home"
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741


@pytest_asyncio.fixture
async def pair(new_merchant, browser, choose):
    """(the owner's browser, the second owner's browser, the second owner's id)."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    body = {"username": "second", "name": "老吴", "role": "merchant_owner"}
    made = (await owner("POST", f"{M}/staff", body)).json()
    await choose(made["link"])
    second = await browser("second@tea")
    await second.step_up()
    return owner, second, made["user_id"]


async def key(browser, name="pos"):
    return (await browser("POST", f"{M}/api-keys", {"name": name})).json()["key_id"]


async def told(binding, kind):
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = $1 ORDER BY seq", kind
    )
    return [decode(row["payload"]) for row in rows]


async def ended(binding):
    return [event.key_id for event in await told(binding, "api_key.revoked.v1")]


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"role": "cashier"}])
async def test_the_keys_of_a_person_end_with_the_power_to_have_them(binding, pair, change):
    owner, second, user_id = pair
    mine, theirs = await key(owner), await key(second)
    done = await owner("PATCH", f"{M}/staff/{user_id}", change | {"version": 1})
    assert done.status_code == 200
    assert (await binding.edge("GET", f"/internal/api-keys/{theirs}")).status_code == 404
    assert (await binding.edge("GET", f"/internal/api-keys/{mine}")).status_code == 200
    assert await ended(binding) == [theirs], "the caches of the edge hear of it"
    boxes = "SELECT count(secret_box) FROM api_keys WHERE key_id = $1"
    assert await binding.database.value(boxes, theirs) == 0
    log = (await owner("GET", f"{M}/audit", action="api_key.revoke")).json()["items"]
    assert [(row["subject"], row["actor_name"]) for row in log] == [(theirs, "owner@tea")]


async def test_they_can_be_handed_over_in_the_same_act(binding, pair, browser):
    owner, second, user_id = pair
    theirs = await key(second)
    heir = (await owner("GET", f"{M}/session")).json()["user"]["user_id"]
    body = {"is_enabled": False, "version": 1, "hand_keys_to": heir}
    assert (await owner("PATCH", f"{M}/staff/{user_id}", body)).status_code == 200
    assert (await binding.edge("GET", f"/internal/api-keys/{theirs}")).status_code == 200
    assert await ended(binding) == []
    (row,) = (await owner("GET", f"{M}/api-keys")).json()["items"]
    assert row["created_by"] == heir
    (said,) = (await owner("GET", f"{M}/audit", action="api_key.hand_over")).json()["items"]
    assert (said["before"]["created_by"], said["after"]["created_by"]) == (user_id, heir)


async def test_nobody_takes_them_over_who_cannot_have_keys(binding, pair, choose):
    owner, second, user_id = pair
    theirs = await key(second)
    body = {"username": "till", "name": "x", "role": "cashier"}
    cashier = (await owner("POST", f"{M}/staff", body)).json()["user_id"]
    for heir in (cashier, user_id, "00000000-0000-0000-0000-000000000001"):
        change = {"is_enabled": False, "version": 1, "hand_keys_to": heir}
        refused = await owner("PATCH", f"{M}/staff/{user_id}", change)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")
        assert refused.json()["errors"][0]["pointer"] == "/hand_keys_to"
    assert (await second("GET", f"{M}/session")).status_code == 200, "nothing was changed"
    assert (await binding.edge("GET", f"/internal/api-keys/{theirs}")).status_code == 200


@pytest.mark.parametrize("was", ["is_enabled = false", "role = 'cashier'"])
async def test_keys_left_behind_before_the_update_end(binding, pair, was):
    """Whoever was disabled when keys still went on: the worker's round ends them, once."""
    owner, second, _ = pair
    mine, theirs = await key(owner), await key(second)
    await binding.database.execute(f"UPDATE users SET {was} WHERE login = 'second@tea'")
    door = f"/internal/api-keys/{theirs}"
    assert (await binding.edge("GET", door)).status_code == 200
    rounds = asyncio.create_task(sweeping(binding.worker_deps)())
    async with asyncio.timeout(10):
        while (await binding.edge("GET", door)).status_code == 200:
            await asyncio.sleep(0.02)
    rounds.cancel()
    await asyncio.gather(rounds, return_exceptions=True)
    await api_keys.revoke_orphaned(binding.worker_deps)
    assert (await binding.edge("GET", f"/internal/api-keys/{mine}")).status_code == 200
    assert await ended(binding) == [theirs]
    log = (await owner("GET", f"{M}/audit", action="api_key.revoke")).json()["items"]
    assert [(row["subject"], row["actor"]) for row in log] == [(theirs, "platform")]


async def test_sessions_links_and_requests_end_too(binding, pair, app_body, other_keys, sign_in):
    owner, second, user_id = pair
    link = (await owner("POST", f"{M}/staff/{user_id}/password-link", {})).json()
    await second("PUT", f"{M}/apps", app_body())
    await second("PATCH", f"{M}/merchant", {"dual_control": True, "version": 1})
    asked = await second(
        "PUT", f"{M}/apps", app_body(app_private_key=other_keys.private_b64, version=1)
    )
    assert asked.status_code == 202
    await owner("PATCH", f"{M}/staff/{user_id}", {"is_enabled": False, "version": 1})
    assert (await second("GET", f"{M}/session")).status_code == 404
    assert (await sign_in("second@tea", PASSWORD))[0].status_code == 401
    body = {"token": link["token"], "password": PASSWORD}
    assert (await binding.edge("POST", "/api/public/v1/password", body)).status_code == 403
    (row,) = await binding.database.fetch("SELECT state, content_box FROM app_changes")
    assert (row["state"], row["content_box"]) == ("rejected", None)


async def test_a_request_that_ends_so_is_told_by_its_kind(binding, pair):
    owner, second, user_id = pair
    await second("PATCH", f"{M}/merchant", {"dual_control": True, "version": 1})
    asked = await second("PATCH", f"{M}/merchant", {"dual_control": False, "version": 2})
    assert asked.status_code == 202
    await owner("PATCH", f"{M}/staff/{user_id}", {"is_enabled": False, "version": 1})
    log = (await owner("GET", f"{M}/audit", action="merchant.change_rejected")).json()["items"]
    tenant_id = await binding.database.value("SELECT tenant_id FROM merchants")
    assert [row["subject"] for row in log] == [str(tenant_id)]


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"role": "auditor"}])
async def test_the_links_that_a_person_made_for_others_end_too(binding, pair, change):
    """Whoever is shut out must not come back as somebody whose password and second factor they
    could reset."""
    owner, second, user_id = pair
    body = {"username": "third", "name": "老李", "role": "merchant_owner"}
    third = (await owner("POST", f"{M}/staff", body)).json()
    path = f"{M}/staff/{third['user_id']}/password-link"
    theirs = (await second("POST", path, {"remove_second_factor": True})).json()
    mine = (await owner("POST", f"{M}/staff", body | {"username": "fourth"})).json()["link"]
    done = await owner("PATCH", f"{M}/staff/{user_id}", change | {"version": 1})
    assert done.status_code == 200, done.text
    use = "/api/public/v1/password"
    refused = await binding.edge("POST", use, {"token": theirs["token"], "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (403, "binding.link_wrong")
    kept = await binding.edge("POST", use, {"token": mine["token"], "password": PASSWORD})
    assert kept.status_code == 200, "another's links go on"


async def test_the_links_of_an_operator_for_merchants_end_too(binding, new_operator, browser):
    await new_operator()
    await new_operator("bob@ops")
    ada, bob = await browser("ada@ops", "operator"), await browser("bob@ops", "operator")
    for each in (ada, bob):
        await each.step_up("operator")
    body = {"name": "Bakery", "login": "owner@bakery"}
    made = await bob("POST", f"{O}/merchants", body)
    assert made.status_code == 201, made.text
    bobs = (await bob("GET", f"{O}/session")).json()["user"]["user_id"]
    done = await ada("PATCH", f"{O}/staff/{bobs}", {"is_enabled": False, "version": 1})
    assert done.status_code == 200, done.text
    token = made.json()["link"]["token"]
    shown = await binding.edge("POST", "/api/public/v1/password-link", {"token": token})
    assert (shown.status_code, shown.json()["code"]) == (403, "binding.link_wrong")


@pytest.mark.parametrize("way", ["a link", "a change"])
async def test_a_new_password_ends_what_was_begun_under_the_former(
    binding, pair, app_body, other_keys, choose, way
):
    """Whoever knew it may have asked: nobody approves that later, when the account counts as
    settled again, and no code of theirs enrols a device."""
    owner, second, user_id = pair
    await second("PUT", f"{M}/apps", app_body())
    await second("PATCH", f"{M}/merchant", {"dual_control": True, "version": 1})
    change = app_body(app_private_key=other_keys.private_b64, version=1)
    asked = [(await by("PUT", f"{M}/apps", change)).json()["change_id"] for by in (second, owner)]
    before = len(await told(binding, "password.renewed.v1"))
    if way == "a link":
        await choose(
            (await owner("POST", f"{M}/staff/{user_id}/password-link", {})).json(), OTHER_PASSWORD
        )
    else:
        body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
        assert (await second("POST", f"{M}/password", body)).status_code == 204
    rows = {
        row["change_id"]: (row["state"], row["summary"]["changes"])
        for row in (await owner("GET", f"{M}/apps/changes")).json()["items"]
    }
    changes = ["app_private_key", "alipay_public_key"]
    assert rows == {asked[0]: ("rejected", changes), asked[1]: ("waiting", changes)}
    boxes = "SELECT change_id::text FROM app_changes WHERE content_box IS NOT NULL"
    kept = [row["change_id"] for row in await binding.database.fetch(boxes)]
    assert kept == [asked[1]], "its content is erased"
    log = (await owner("GET", f"{M}/audit", action="app.change_rejected")).json()["items"]
    assert [(row["actor"], row["after"]["change_id"]) for row in log] == [
        (f"user:{user_id}", asked[0])
    ]
    (event,) = (await told(binding, "password.renewed.v1"))[before:]
    assert str(event.user_id) == user_id


LEAVING = [{"is_enabled": False}, {"role": "auditor"}]


@pytest.mark.parametrize("change", LEAVING)
async def test_other_services_hear_who_left_a_role(binding, pair, change):
    """Device: the enrolment codes of that person end."""
    owner, _, user_id = pair
    renamed = await owner("PATCH", f"{M}/staff/{user_id}", {"name": "老吴头", "version": 1})
    assert renamed.status_code == 200
    assert await told(binding, "role.left.v1") == []
    done = await owner("PATCH", f"{M}/staff/{user_id}", change | {"version": 2})
    assert done.status_code == 200
    (event,) = await told(binding, "role.left.v1")
    mine = (await owner("GET", f"{M}/session")).json()["merchant"]["merchant_id"]
    assert (str(event.user_id), str(event.tenant_id)) == (user_id, mine)


async def test_what_an_operator_asked_for_at_a_merchant_is_withdrawn(
    binding, pair, new_operator, browser
):
    """Such a request is the merchant's row; the operator is of another tenant."""
    owner, second, _ = pair
    await new_operator()
    bob = await new_operator("bob@ops")
    ada = await browser("ada@ops", "operator")
    await ada.step_up("operator")
    await second("PATCH", f"{M}/merchant", {"dual_control": True, "version": 1})
    await second("PATCH", f"{M}/merchant", {"dual_control": False, "version": 2})
    await binding.database.execute("UPDATE app_changes SET asked_by = $1", bob.user_id)
    gone = {"is_enabled": False, "version": 1}
    assert (await ada("PATCH", f"{O}/staff/{bob.user_id}", gone)).status_code == 200
    (row,) = await binding.database.fetch("SELECT state, content_box FROM app_changes")
    assert (row["state"], row["content_box"]) == ("rejected", None)
    log = (await owner("GET", f"{M}/audit", action="merchant.change_rejected")).json()["items"]
    assert [row["after"]["asked_by"] for row in log] == [str(bob.user_id)]
