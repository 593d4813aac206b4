"""A merchant's own record, store names and API keys (parts of S38, S119)."""

from uuid import uuid4

import pytest

from shared.contracts.events.base import decode
from shared.keys.sealed import open_sealed
from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741


async def test_the_merchants_record(owner, binding):
    tenant_id, caller = owner
    shown = (await caller("GET", f"{M}/merchant")).json()
    assert (shown["edition"], shown["dual_control"], shown["version"]) == ("flagship", False, 1)
    change = {
        "edition": "face_pay",
        "dual_control": True,
        "support_contact": "前台 王",
        "version": 1,
    }
    changed = (await caller("PATCH", f"{M}/merchant", change)).json()
    assert {name: changed[name] for name in change if name != "version"} == {
        name: value for name, value in change.items() if name != "version"
    }
    assert changed["version"] == 2
    again = await caller("PATCH", f"{M}/merchant", change)
    assert (again.status_code, again.json()["version"]) == (200, 2), "the same again is no change"
    stale = await caller("PATCH", f"{M}/merchant", {"name": "x", "version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "binding.stale_version")
    one_person = binding.user(tenant_id, uuid4(), {"merchant.write"}, step_up_until=None)
    refused = await one_person("PATCH", f"{M}/merchant", {"dual_control": False, "version": 2})
    assert refused.json()["code"] == "auth.step_up_needed"
    (entry,) = (await caller("GET", f"{M}/audit", action="merchant.change")).json()["items"]
    assert entry["before"] == {"edition": "flagship", "dual_control": False, "support_contact": ""}
    operator = binding.user(uuid4(), uuid4(), {"merchants.read"})
    detail = (await operator("GET", f"{O}/merchants/{tenant_id}")).json()
    assert (detail["stores"], detail["staff"], detail["apps"]) == (0, 1, 0)
    assert (await operator("GET", f"{O}/merchants/{uuid4()}")).status_code == 404


async def test_renaming_a_store_is_told(owner, binding):
    _, caller = owner
    first, second = [
        (await caller("POST", f"{M}/stores", {"name": name})).json() for name in ("一号", "二号")
    ]
    path = f"{M}/stores/{first['store_id']}"
    taken = await caller("PATCH", path, {"name": "二号", "version": 1})
    assert taken.json()["code"] == "binding.store_name_taken"
    assert (await caller("PATCH", path, {"name": "三号", "version": 7})).status_code == 409
    assert (await caller("PATCH", path, {"name": "三号", "version": 1})).json()["name"] == "三号"
    assert (await caller("GET", f"{M}/stores/{second['store_id']}")).json()["name"] == "二号"
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = 'store.renamed.v1'"
    )
    (event,) = (decode(row["payload"]) for row in rows)
    assert (str(event.store_id), event.name) == (first["store_id"], "三号")


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_there_is_no_door_for_wechat_secrets(owner, binding, method):
    """Until the channel exists nobody can leave a secret of it here."""
    _, caller = owner
    body = {"mch_id": "1900000109", "api_v3_key": "k" * 32, "version": 0}
    answer = await caller(method, f"{M}/settings/wechat", body if method == "PUT" else None)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await binding.database.value("SELECT to_regclass('wechat_settings')") is None


async def test_an_api_keys_secret_is_told_once(owner, binding):
    tenant_id, caller = owner
    made = await caller("POST", f"{M}/api-keys", {"name": "收银系统", "store_id": None})
    assert made.status_code == 201
    key_id, secret = made.json()["key_id"], made.json()["secret"]
    assert secret not in (await caller("GET", f"{M}/api-keys")).text
    assert secret not in (await caller("GET", f"{M}/audit")).text
    (row,) = await binding.database.fetch("SELECT * FROM api_keys")
    assert secret not in str(tuple(row.values()))
    sealed = (await binding.edge("GET", f"/internal/api-keys/{key_id}")).json()
    assert (sealed["tenant_id"], sealed["permissions"]) == (str(tenant_id), ["orders.read"])
    provider = binding.deps.key_provider
    assert open_sealed(provider, sealed["secret_box"], sealed["secret_aad"]).decode() == secret
    for asker in (binding.egress, binding.payment):
        assert (await asker("GET", f"/internal/api-keys/{key_id}")).status_code == 403
    for _ in range(2):
        assert (await caller("DELETE", f"{M}/api-keys/{key_id}")).status_code == 204
    assert (await binding.edge("GET", f"/internal/api-keys/{key_id}")).status_code == 404
    (listed,) = (await caller("GET", f"{M}/api-keys")).json()["items"]
    assert listed["revoked_at"]
    assert await binding.database.value("SELECT count(secret_box) FROM api_keys") == 0
    told = "SELECT count(*) FROM outbox WHERE type = 'api_key.revoked.v1'"
    assert await binding.database.value(told) == 1
    assert (await caller("DELETE", f"{M}/api-keys/dk_nobody")).status_code == 404
    foreign = await caller("POST", f"{M}/api-keys", {"name": "x", "store_id": str(uuid4())})
    assert foreign.json()["code"] == "binding.unknown_stores"
    assert PASSWORD not in made.text
