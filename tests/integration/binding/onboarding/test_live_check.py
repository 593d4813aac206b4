"""Keys count only after a verified live call: the old ones sell on, a forged key of Alipay's makes
nothing believed, and an AppID shuts nobody out before it is proven (issue 13, §3 and §4)."""

import asyncio

import pytest

from services.binding.onboarding import live_check
from tests.fixtures.races import ROUNDS
from tests.integration.binding.conftest import APP_ID
from tests.integration.open_platform import said

pytestmark = pytest.mark.asyncio
PUT = ("PUT", "/api/merchant/v1/apps")
BAD_KEY = said("config_error", sub_code="isv.invalid-signature")
NOT_ALIPAYS = said("unknown", reason="signature")


async def known(binding, app_id=APP_ID):
    """What the gateway is told of the app: None, or its key versions."""
    answer = await binding.egress("GET", f"/internal/apps/{app_id}")
    return (
        None if answer.status_code == 404 else [v["key_version"] for v in answer.json()["versions"]]
    )


async def told(binding):
    """The key versions in the events that payment hears, in order."""
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = 'app.bound.v1' ORDER BY created_at, event_id"
    )
    return len(rows)


@pytest.mark.parametrize(
    ("answer", "state", "remedy"),
    [
        (BAD_KEY, "failed", "public_key_not_uploaded"),
        (said("config_error", sub_code="isv.invalid-app-id"), "failed", "app_unknown"),
        (NOT_ALIPAYS, "failed", "alipay_key_wrong"),
        (said("unknown", reason="no_answer"), "pending", "platform_silent"),
        (503, "pending", "platform_silent"),
    ],
)
async def test_a_first_binding_counts_when_it_has_been_proven(
    binding, owner, app_body, clock, answer, state, remedy
):
    _, caller = owner
    binding.platform.answers["alipay.trade.query"] = answer
    made = await caller(*PUT, app_body())
    assert made.status_code == 200, made.text
    shown = made.json()
    assert (shown["live_check"]["state"], shown["live_check"]["remedy"]) == (state, remedy)
    assert shown["live_check"]["remedy_zh"]
    assert shown["key"]["verified_at"] is None
    assert await known(binding) is None
    route = shown["notify_path"].rsplit("/", 1)[1]
    assert (await binding.edge("GET", f"/internal/notify-routes/{route}")).status_code == 404
    assert await told(binding) == 0

    binding.platform.answers.clear()
    assert await live_check.check_due(binding.deps, binding.app.state.onboarding.egress) == 0
    clock.advance(3)
    assert await live_check.check_due(binding.deps, binding.app.state.onboarding.egress) == 1
    assert await known(binding) == [1]
    assert await told(binding) == 1
    shown = (await caller("GET", f"/api/merchant/v1/apps/{APP_ID}")).json()
    assert shown["live_check"]["state"] == "verified"
    assert shown["version"] == 1
    actions = await binding.database.fetch(
        "SELECT action FROM audit_log WHERE subject = $1", APP_ID
    )
    assert "app.key_verified" in {row["action"] for row in actions}


async def test_the_old_keys_sell_until_the_new_ones_work(
    binding, owner, app_body, other_keys, clock
):
    _, caller = owner
    await caller(*PUT, app_body())
    binding.platform.answers["alipay.trade.query"] = BAD_KEY
    shown = (await caller(*PUT, app_body(app_private_key=other_keys.private_b64, version=1))).json()
    assert shown["key"]["key_version"] == 2
    assert (shown["in_use"]["key_version"], shown["live_check"]["state"]) == (1, "failed")
    assert await known(binding) == [1]
    clock.advance(2 * 24 * 3600)
    assert await known(binding) == [1], "a version that was not replaced never retires"

    binding.platform.answers.clear()
    probed = await caller("POST", f"/api/merchant/v1/apps/{APP_ID}/probe")
    assert probed.json()["is_ok"]
    assert await known(binding) == [2, 1]
    shown = (await caller("GET", f"/api/merchant/v1/apps/{APP_ID}")).json()
    assert (shown["in_use"], shown["live_check"]["state"]) == (None, "verified")
    assert [one["key_version"] for one in shown["retiring"]] == [1]


async def test_the_check_asks_about_that_version_alone(binding, owner, app_body, other_keys):
    tenant_id, caller = owner
    await caller(*PUT, app_body())
    binding.platform.answers["alipay.trade.query"] = NOT_ALIPAYS
    forged = app_body(app_private_key=..., alipay_public_key=other_keys.public_b64, version=1)
    await caller(*PUT, forged)
    method, body = binding.platform.asked[-1]
    assert (method, body["app_id"], body["key_version"]) == ("/key-check", APP_ID, 2)
    one = binding.caller("gateway-egress", tenant_id=tenant_id)
    path = f"/internal/apps/{APP_ID}/key-versions"
    found = (await one("GET", f"{path}/2")).json()
    assert [v["key_version"] for v in found["versions"]] == [2]
    assert found["versions"][0]["alipay_public_key"] == other_keys.public_b64
    assert (await one("GET", f"{path}/3")).status_code == 404
    edge = binding.caller("gateway-edge", tenant_id=tenant_id)
    assert (await edge("GET", f"{path}/2")).status_code == 403


async def test_a_pending_version_that_was_replaced_never_counts(
    binding, owner, app_body, other_keys, app_keys
):
    """Its answer may still be on the way when the next one is bound."""
    _, caller = owner
    await caller(*PUT, app_body())

    async def bind_another(body):
        if body["key_version"] == 2:
            binding.platform.checked = None
            again = app_body(app_private_key=app_keys.private_b64, version=2)
            assert (await caller(*PUT, again)).status_code == 200

    binding.platform.checked = bind_another
    await caller(*PUT, app_body(app_private_key=other_keys.private_b64, version=1))
    assert await known(binding) == [3, 1]
    rows = await binding.database.fetch(
        "SELECT key_version, verified_at IS NULL AS never, private_key_box IS NULL AS erased"
        " FROM app_keys WHERE key_version = 2"
    )
    assert [(row["never"], row["erased"]) for row in rows] == [(True, True)]


async def test_an_unproven_binding_shuts_nobody_out(binding, owner, new_merchant, app_body):
    """AppID squatting: anybody may claim, only the proof counts."""
    _, squatter = owner
    binding.platform.answers["alipay.trade.query"] = BAD_KEY
    assert (await squatter(*PUT, app_body())).status_code == 200
    binding.platform.answers.clear()
    tenant_id, user = await new_merchant("Coffee house", "owner@coffee")
    true_owner = binding.user(
        tenant_id, user.user_id, ["apps.read", "apps.write", "onboarding.check", "onboarding.write"]
    )
    made = await true_owner(*PUT, app_body())
    assert (made.status_code, made.json()["live_check"]["state"]) == (200, "verified")
    found = (await binding.egress("GET", f"/internal/apps/{APP_ID}")).json()
    assert found["tenant_id"] == str(tenant_id)
    shown = (await squatter("POST", f"/api/merchant/v1/apps/{APP_ID}/probe")).json()
    assert shown["findings"][0]["code"] == "doctor.app_bound_elsewhere"
    found = (await binding.egress("GET", f"/internal/apps/{APP_ID}")).json()
    assert found["tenant_id"] == str(tenant_id)


async def test_an_operator_revives_no_keys_that_were_given_up(
    binding, owner, app_body, other_keys, new_operator, browser
):
    """The worker no longer asks: an operator's look must not be what makes the keys count."""
    tenant_id, caller = owner
    await caller(*PUT, app_body())
    binding.platform.answers["alipay.trade.query"] = BAD_KEY
    await caller(*PUT, app_body(app_private_key=other_keys.private_b64, version=1))
    binding.platform.answers.clear()
    await new_operator()
    operator = await browser("ada@ops", "operator")
    await operator.step_up("operator")
    body = {"merchant_id": str(tenant_id), "reason": "协助查看设备状态", "minutes": 30}
    assert (await operator("POST", "/api/operator/v1/acting", body)).status_code == 201
    await binding.database.execute("UPDATE app_keys SET next_check_at = NULL")
    m = "/api/merchant/v1"
    probe, row = f"{m}/apps/{APP_ID}/probe", f"{m}/onboarding/rows/2.2/check"
    for path, given in ((probe, None), (row, {"app_id": APP_ID})):
        refused = await operator("POST", path, given)
        assert (refused.status_code, refused.json()["code"]) == (403, "binding.not_by_acting")
        assert await known(binding) == [1]
    assert (await caller("POST", probe)).json()["is_ok"]
    assert await known(binding) == [2, 1]
    assert (await operator("POST", probe)).json()["is_ok"], "nothing is pending: a look"


async def test_one_odd_row_does_not_stop_the_others(binding, owner, app_body, clock, monkeypatch):
    _, caller = owner
    egress = binding.app.state.onboarding.egress
    binding.platform.answers["alipay.trade.query"] = 503
    for number in (1, 2):
        await caller(*PUT, app_body(app_id=f"202100000000000{number}"))
    binding.platform.answers.clear()
    await binding.database.execute(
        "UPDATE apps SET notify_route = '' WHERE app_id = '2021000000000001'"
    )
    await binding.database.execute(
        "ALTER TABLE apps ADD CONSTRAINT odd CHECK (notify_route <> '' OR proven_at IS NULL)"
    )
    try:
        clock.advance(3)
        assert await live_check.check_due(binding.deps, egress) == 2
        assert await known(binding, "2021000000000001") is None
        assert await known(binding, "2021000000000002") == [1]
    finally:
        await binding.database.execute("ALTER TABLE apps DROP CONSTRAINT odd")


async def known_later(binding, after_s):
    """What a sale of that moment would be signed with: the newest version that counts."""
    await asyncio.sleep(after_s)
    return (await known(binding, APP_ID))[0]


@pytest.mark.races
async def test_a_check_beside_a_new_binding(binding, owner, app_body, app_keys, other_keys):
    """Many times: whatever comes first, exactly one version is in use and none is lost; and at
    every moment there is one to sign a sale with."""
    _, caller = owner
    egress = binding.app.state.onboarding.egress
    await caller(*PUT, app_body())
    tenant_id = owner[0]
    version = 1
    for turn in range(ROUNDS):
        key = (other_keys, app_keys)[turn % 2].private_b64
        answer, _, *asked = await asyncio.gather(
            caller(*PUT, app_body(app_private_key=key, version=version)),
            live_check.check(binding.deps, egress, tenant_id, APP_ID, actor="test"),
            *(known_later(binding, n * 0.004) for n in range(5)),
        )
        assert answer.status_code == 200, answer.text
        assert all(newest in (version, version + 1) for newest in asked), asked
        version += 1
        open_ended = await binding.database.value(
            "SELECT count(*) FROM app_keys WHERE verified_at IS NOT NULL AND not_after IS NULL"
        )
        assert open_ended == 1
        assert answer.json()["live_check"]["state"] == "verified"
