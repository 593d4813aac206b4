"""What somebody leaves behind who is disabled or loses a power: keys, links, requests, sessions."""

import pytest
import pytest_asyncio

from shared.events.base import decode
from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"


@pytest_asyncio.fixture
async def pair(new_merchant, browser, choose):
    """(the owner's browser, the second owner's browser, the second owner's id)."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    body = {"login": "second@tea", "name": "老吴", "role": "merchant_owner"}
    made = (await owner("POST", f"{M}/staff", body)).json()
    await choose(made["link"])
    second = await browser("second@tea")
    await second.step_up()
    return owner, second, made["user_id"]


async def key(browser, name="pos"):
    return (await browser("POST", f"{M}/api-keys", {"name": name})).json()["key_id"]


async def ended(binding):
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = 'api_key.revoked.v1' ORDER BY seq"
    )
    return [decode(row["payload"]).key_id for row in rows]


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
    body = {"login": "till@tea", "name": "x", "role": "cashier"}
    cashier = (await owner("POST", f"{M}/staff", body)).json()["user_id"]
    for heir in (cashier, user_id, "00000000-0000-0000-0000-000000000001"):
        change = {"is_enabled": False, "version": 1, "hand_keys_to": heir}
        refused = await owner("PATCH", f"{M}/staff/{user_id}", change)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")
        assert refused.json()["errors"][0]["pointer"] == "/hand_keys_to"
    assert (await second("GET", f"{M}/session")).status_code == 200, "nothing was changed"
    assert (await binding.edge("GET", f"/internal/api-keys/{theirs}")).status_code == 200


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
