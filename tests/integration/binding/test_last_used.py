"""What comes back of a key: when it was made, when it was last used (the binding record), and who
changed the record last (S132)."""

import asyncio
import importlib
from datetime import datetime, timedelta

import asyncpg
import pytest

from services.binding.tenancy.accounts import create_user
from services.binding.tenancy.rules import Role
from tests.integration.binding.conftest import APP_ID, PASSWORD

M = "/api/merchant/v1"
USES, API_USES = "/internal/app-key-uses", "/internal/api-key-uses"
pytestmark = pytest.mark.asyncio


def use(tenant_id, at, version=1, app_id=APP_ID):
    return {"tenant_id": str(tenant_id), "app_id": app_id, "key_version": version,
            "used_at": at.isoformat()}  # fmt: skip


async def shown(caller):
    (app,) = (await caller("GET", f"{M}/apps")).json()["items"]
    return app


def instant(text):
    return datetime.fromisoformat(text) if text else None


async def test_the_record_says_when_each_version_was_last_used(
    binding, owner, app_body, clock, other_keys
):
    """Created and last used come back, of the key in use and of one that retires."""
    tenant_id, caller = owner
    made_at = clock.now()
    await caller("PUT", f"{M}/apps", app_body())
    key = (await shown(caller))["key"]
    assert (instant(key["created_at"]), key["last_used_at"]) == (made_at, None)

    clock.advance(90)
    used_at = clock.now()
    told = await binding.egress("POST", USES, {"items": [use(tenant_id, used_at)]})
    assert told.status_code == 204, told.text
    assert instant((await shown(caller))["key"]["last_used_at"]) == used_at

    clock.advance(60)
    change = app_body(app_private_key=other_keys.private_b64, version=1)
    assert (await caller("PUT", f"{M}/apps", change)).status_code == 200
    app = await shown(caller)
    assert app["key"]["last_used_at"] is None, "a new version has not signed yet"
    (old,) = app["retiring"]
    assert (instant(old["created_at"]), instant(old["last_used_at"])) == (made_at, used_at)
    assert "PRIVATE" not in str(app), "facts only"


async def test_a_last_use_only_moves_forward(binding, owner, app_body, clock):
    """Reports of two egresses in any order; a clock ahead of ours does not hide what comes."""
    tenant_id, caller = owner
    await caller("PUT", f"{M}/apps", app_body())
    clock.advance(600)
    now = clock.now()
    for at in (now, now - timedelta(minutes=5)):
        await binding.egress("POST", USES, {"items": [use(tenant_id, at)]})
    assert instant((await shown(caller))["key"]["last_used_at"]) == now
    ahead = use(tenant_id, now + timedelta(days=1))
    await binding.egress("POST", USES, {"items": [ahead]})
    assert instant((await shown(caller))["key"]["last_used_at"]) == now
    clock.advance(60)
    later = [use(tenant_id, clock.now() - timedelta(seconds=second)) for second in range(40)]
    answers = await asyncio.gather(
        *(binding.egress("POST", USES, {"items": [item, use(tenant_id, now)]}) for item in later)
    )
    assert {answer.status_code for answer in answers} == {204}
    app = await shown(caller)
    assert instant(app["key"]["last_used_at"]) == clock.now()
    assert app["version"] == 1, "a use is no change of the record"
    changes = "SELECT count(*) FROM audit_log WHERE action IN ('app.bind', 'app.change')"
    assert await binding.database.value(changes) == 1
    assert await binding.database.value("SELECT count(*) FROM outbox WHERE type LIKE 'app.%'") == 1


async def test_uses_are_the_gateways_word_only(binding, owner, app_body, new_merchant, clock):
    """Each report through its own door, by its own process, and for the tenant that it names."""
    tenant_id, caller = owner
    other_id, _ = await new_merchant("Other", "owner@other")
    await caller("PUT", f"{M}/apps", app_body())
    key_id = (await caller("POST", f"{M}/api-keys", {"name": "pos"})).json()["key_id"]
    clock.advance(60)
    app_uses = {"items": [use(tenant_id, clock.now())]}
    key_use = {"tenant_id": str(tenant_id), "key_id": key_id, "used_at": clock.now().isoformat()}
    key_uses = {"items": [key_use]}
    for asker in (binding.edge, binding.payment, caller):
        assert (await asker("POST", USES, app_uses)).status_code == 403
    for asker in (binding.egress, binding.payment, caller):
        assert (await asker("POST", API_USES, key_uses)).status_code == 403
    foreign = [use(other_id, clock.now()), use(tenant_id, clock.now(), version=7),
               use(tenant_id, clock.now(), app_id="2021000000000009")]  # fmt: skip
    assert (await binding.egress("POST", USES, {"items": foreign})).status_code == 204
    stranger = {"items": [{**key_use, "tenant_id": str(other_id)}]}
    assert (await binding.edge("POST", API_USES, stranger)).status_code == 204
    assert (await shown(caller))["key"]["last_used_at"] is None
    (key,) = (await caller("GET", f"{M}/api-keys")).json()["items"]
    assert key["last_used_at"] is None
    assert (await binding.edge("POST", API_USES, key_uses)).status_code == 204
    (key,) = (await caller("GET", f"{M}/api-keys")).json()["items"]
    assert instant(key["last_used_at"]) == clock.now()


@pytest.mark.parametrize(
    "items",
    [
        [{"app_id": APP_ID}], [{}] * 101, "x",
        [{"tenant_id": "x", "app_id": APP_ID, "key_version": 1, "used_at": "2026-01-01T00:00:00Z"}],
        [{"tenant_id": "01900000-0000-7000-8000-000000000001", "app_id": APP_ID, "key_version": 1,
          "used_at": "2026-01-01T00:00:00"}],
    ],
)  # fmt: skip
async def test_a_report_that_does_not_read_changes_nothing(binding, items):
    assert (await binding.egress("POST", USES, {"items": items})).status_code == 422


async def test_the_record_names_who_changed_it_last(
    binding, owner, app_body, browser, new_operator, clock
):
    """S132: a login of the merchant's, or the operator who acted for it, by name."""
    tenant_id, caller = owner
    await caller("PUT", f"{M}/apps", app_body())
    assert (await shown(caller))["updated_by"] == "owner@tea"
    second = await create_user(
        binding.deps, tenant_id, role=Role.MERCHANT_OWNER, login="second@tea", password=PASSWORD,
        actor="test",
    )  # fmt: skip
    clock.advance(60)
    hers = binding.user(tenant_id, second.user_id, ["apps.write", "apps.read"])
    assert (await hers("PUT", f"{M}/apps", app_body(enabled=False, version=1))).status_code == 200
    app = await shown(caller)
    assert (app["updated_by"], instant(app["updated_at"])) == ("second@tea", clock.now())
    # The same content again is no change, whoever sends it.
    assert (await caller("PUT", f"{M}/apps", app_body(enabled=False, version=2))).status_code == 200
    assert (await shown(caller))["updated_by"] == "second@tea"

    await new_operator("ada@ops")
    ada = await browser("ada@ops", "operator")
    await ada.step_up("operator")
    grant = {"merchant_id": str(tenant_id), "reason": "电话求助", "minutes": 10}
    assert (await ada("POST", "/api/operator/v1/acting", grant)).status_code == 201
    clock.advance(1)
    asked = await ada("PUT", f"{M}/apps", app_body(version=2))
    assert asked.status_code == 403, "keys and payees are never changed by acting alone"
    assert (await shown(caller))["updated_by"] == "second@tea"


async def test_a_record_from_before_is_named_by_the_audit_log(binding, owner, app_body):
    """The upgrade itself, on a database at work: as their owner, under forced row security."""
    _, caller = owner
    await caller("PUT", f"{M}/apps", app_body())
    await binding.database.execute("UPDATE apps SET updated_by = ''")
    folder = "services.binding.migrations.versions"
    upgrade = importlib.import_module(f"{folder}.2026_11_26_1940_last_used")
    connection = await asyncpg.connect(binding.database.owner_url)
    try:
        await connection.execute(upgrade.ADOPT)
    finally:
        await connection.close()
    assert (await shown(caller))["updated_by"] == "owner@tea"
