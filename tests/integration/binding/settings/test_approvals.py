"""A second person for changes of keys, where the merchant asks for it (N3, ASVS 2.3.5), and pairs
made here."""

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio

from services.binding.settings import approvals
from services.binding.tenancy import accounts
from services.binding.tenancy.rules import Role
from tests.fixtures.races import ROUNDS, race
from tests.integration.binding.conftest import APP_ID, PASSWORD

pytestmark = pytest.mark.asyncio
APPS = "/api/merchant/v1/apps"
WRITE = ["apps.read", "apps.write", "apps.approve"]


@pytest_asyncio.fixture
async def two(binding, new_merchant, app_body):
    """(the owner, a second owner) of a merchant with dual control and a bound app."""
    tenant_id, user = await new_merchant()
    owner = binding.user(tenant_id, user.user_id, [*WRITE, "merchant.write"])
    colleague = await accounts.create_user(
        binding.deps, tenant_id, role=Role.MERCHANT_OWNER, login="second@tea", password=PASSWORD,
        actor="test",
    )  # fmt: skip
    second = binding.user(tenant_id, colleague.user_id, [*WRITE, "merchant.write"])
    await binding.database.execute("UPDATE users SET may_approve_from = NULL")
    answer = await owner("PUT", APPS, app_body())
    assert answer.status_code in (200, 201), answer.text
    answer = await owner("PATCH", "/api/merchant/v1/merchant", {"dual_control": True, "version": 1})
    assert answer.status_code == 200, answer.text
    return owner, second


@pytest.fixture
def rotated(app_body, other_keys):
    return app_body(app_private_key=other_keys.private_b64, version=1)


async def test_a_change_waits_for_somebody_else(two, rotated, other_keys):
    owner, second = two
    answer = await owner("PUT", APPS, rotated)
    assert answer.status_code == 202
    asked = answer.json()
    assert asked["state"] == "waiting"
    assert asked["summary"]["changes"] == ["app_private_key", "alipay_public_key"]
    before = (await owner("GET", f"{APPS}/{APP_ID}")).json()
    assert before["key"]["app_public_key"] != other_keys.public_b64

    answer = await owner("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "binding.own_change")
    answer = await second("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert answer.status_code == 200, answer.text
    assert answer.json()["key"]["app_public_key"] == other_keys.public_b64
    answer = await second("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "binding.change_decided")
    (shown,) = (await owner("GET", f"{APPS}/changes")).json()["items"]
    assert shown["state"] == "approved"


async def test_a_change_rejected_changes_nothing(two, rotated):
    owner, second = two
    asked = (await owner("PUT", APPS, rotated)).json()
    assert (await second("POST", f"{APPS}/changes/{asked['change_id']}/reject")).status_code == 204
    answer = await second("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert answer.json()["code"] == "binding.change_decided"
    assert (await owner("GET", f"{APPS}/{APP_ID}")).json()["version"] == 1


async def test_a_change_that_could_not_be_bound_never_waits(two, app_body, app_keys):
    owner, _ = two
    mixed = app_body(alipay_public_key=app_keys.public_b64, version=1)
    answer = await owner("PUT", APPS, mixed)
    assert (answer.status_code, answer.json()["code"]) == (422, "binding.own_public_key")
    stale = app_body(version=7, seller_id="2088000000000009", app_private_key=app_keys.private_b64)
    answer = await owner("PUT", APPS, stale)
    assert (answer.status_code, answer.json()["code"]) == (409, "binding.stale_version")
    assert (await owner("GET", f"{APPS}/changes")).json()["items"] == []


async def test_an_approval_of_what_changed_meanwhile_is_refused(two, rotated, app_body):
    owner, second = two
    asked = (await owner("PUT", APPS, rotated)).json()
    off = app_body(app_private_key=..., alipay_public_key=..., enabled=False, version=1)
    first = (await owner("PUT", APPS, off)).json()
    answer = await second("POST", f"{APPS}/changes/{first['change_id']}/approve")
    assert (answer.status_code, answer.json()["enabled"]) == (200, False)
    answer = await second("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "binding.stale_version")


@pytest.mark.parametrize(
    "change",
    [
        {"enabled": False},
        {"seller_id": "2088000000000009"},
        {"service_provider_id": "2088000000000008"},
        {"app_auth_token": "grant"},
        {"aes_key": "AAAAAAAAAAAAAAAAAAAAAA=="},
    ],
)
async def test_what_decides_who_is_paid_needs_both(two, app_body, change):
    """The payee, the commission's account, whether sales run: covered, and with step-up."""
    owner, second = two
    body = app_body(app_private_key=..., alipay_public_key=..., version=1, **change)
    answer = await owner("PUT", APPS, body)
    assert answer.status_code == 202, answer.text
    before = (await owner("GET", f"{APPS}/{APP_ID}")).json()
    assert before["version"] == 1
    answer = await second("POST", f"{APPS}/changes/{answer.json()['change_id']}/approve")
    assert (answer.status_code, answer.json()["version"]) == (200, 2)


async def test_the_same_again_asks_nobody(two, app_body):
    owner, _ = two
    assert (await owner("PUT", APPS, app_body())).status_code == 200


async def test_the_payee_cannot_be_emptied_and_needs_step_up(binding, owner, app_body):
    tenant_id, caller = owner
    assert (await caller("PUT", APPS, app_body())).status_code == 200
    kept = app_body(app_private_key=..., alipay_public_key=..., version=1)
    answer = await caller("PUT", APPS, kept | {"seller_id": ""})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/seller_id")
    left_out = {name: value for name, value in kept.items() if name != "seller_id"}
    answer = await caller("PUT", APPS, left_out | {"enabled": False})
    assert answer.json()["seller_id"] == kept["seller_id"]
    user_id = await binding.database.value("SELECT user_id FROM users")
    plain = binding.user(tenant_id, user_id, WRITE, step_up_until=None)
    for change in ({"seller_id": "2088000000000009"}, {"enabled": True}):
        answer = await plain("PUT", APPS, kept | change | {"version": 2})
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.step_up_needed")


async def test_switching_the_rule_off_needs_both(two):
    owner, second = two
    path = "/api/merchant/v1/merchant"
    answer = await owner("PATCH", path, {"dual_control": False, "version": 2})
    assert (answer.status_code, answer.json()["kind"]) == (202, "merchant")
    assert (await owner("GET", path)).json()["dual_control"] is True
    door = f"{APPS}/changes/{answer.json()['change_id']}/approve"
    assert (await owner("POST", door)).json()["code"] == "binding.own_change"
    assert (await second("POST", door)).json()["state"] == "approved"
    assert (await owner("GET", path)).json()["dual_control"] is False


async def test_a_new_account_cannot_approve_yet(two, rotated, binding, clock):
    owner, second = two
    asked = (await owner("PUT", APPS, rotated)).json()
    door = f"{APPS}/changes/{asked['change_id']}/approve"
    soon = clock.now() + timedelta(hours=1)
    await binding.database.execute(
        "UPDATE users SET may_approve_from = $1 WHERE login = 'second@tea'", soon
    )
    assert (await second("POST", door)).json()["code"] == "binding.not_yet_approver"
    clock.advance(3601)
    assert (await second("POST", door)).status_code == 200


async def test_what_a_new_account_asked_for_waits_as_long(two, rotated, binding, clock):
    """Whoever made or reset an account could ask as it and approve as himself."""
    owner, second = two
    asked = (await owner("PUT", APPS, rotated)).json()
    door = f"{APPS}/changes/{asked['change_id']}/approve"
    soon = clock.now() + timedelta(hours=1)
    await binding.database.execute(
        "UPDATE users SET may_approve_from = $1 WHERE login = 'owner@tea'", soon
    )
    answer = await second("POST", door)
    assert (answer.status_code, answer.json()["code"]) == (403, "binding.not_yet_approver")
    assert (await owner("GET", f"{APPS}/{APP_ID}")).json()["version"] == 1
    clock.advance(3601)
    assert (await second("POST", door)).status_code == 200


async def test_who_may_not_sign_in_may_not_approve(two, rotated, binding):
    owner, second = two
    asked = (await owner("PUT", APPS, rotated)).json()
    await binding.database.execute("UPDATE users SET is_enabled = false WHERE login = 'second@tea'")
    answer = await second("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "binding.not_yet_approver")


@pytest.mark.races
@pytest.mark.parametrize("verdicts", [("approve", "reject"), ("approve", "approve")])
async def test_verdicts_at_once(two, app_body, app_keys, other_keys, verdicts, binding):
    """Many times: one verdict counts, and the record says what was done."""
    owner, second = two
    version, counted = 1, {"approved": 0, "rejected": 0}
    for turn in range(ROUNDS):
        key = (other_keys, app_keys)[counted["approved"] % 2].private_b64
        asked = (await owner("PUT", APPS, app_body(app_private_key=key, version=version))).json()
        door = f"{APPS}/changes/{asked['change_id']}"
        mine = owner if verdicts[1] == "reject" else second

        # Approving takes longer: the other verdict often has to give it a start.
        answers = await race(
            turn,
            second("POST", f"{door}/{verdicts[0]}"),
            mine("POST", f"{door}/{verdicts[1]}"),
            0.005,
        )
        assert sorted(a.status_code // 100 for a in answers) == [2, 4], [a.text for a in answers]
        state = "SELECT state FROM app_changes WHERE change_id = $1"
        state = await binding.database.value(state, asked["change_id"])
        now = await binding.database.value("SELECT version FROM apps WHERE app_id = $1", APP_ID)
        if turn % 10 == 0:  # the list grows with every round
            items = (await owner("GET", f"{APPS}/changes")).json()["items"]
            (shown,) = [one for one in items if one["change_id"] == asked["change_id"]]
            app = (await owner("GET", f"{APPS}/{APP_ID}")).json()
            assert (shown["state"], app["version"]) == (state, now)
        counted[state] += 1
        is_bound = now == version + 1
        assert is_bound == (state == "approved")
        version = now
    assert counted["approved"] > 0


async def test_what_waits_too_long_is_gone(two, rotated, binding, clock):
    owner, second = two
    asked = (await owner("PUT", APPS, rotated)).json()
    clock.advance(8 * 24 * 3600)
    answer = await second("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert answer.json()["code"] == "binding.change_decided"


async def test_a_pair_made_here_is_bound_by_its_id(binding, new_merchant, app_body, alipay_keys):
    """S26, S28: the merchant uploads the public half and brings Alipay's back; the private half
    never left."""
    tenant_id, user = await new_merchant()
    owner = binding.user(tenant_id, user.user_id, WRITE)
    made = (await owner("POST", f"{APPS}/key-pairs")).json()
    body = app_body(app_private_key=..., key_pair_id=made["key_pair_id"])
    answer = await owner("PUT", APPS, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["key"]["app_public_key"] == made["app_public_key"]
    erased = "SELECT private_key_box IS NULL FROM key_pairs"
    assert await binding.database.value(erased), "the binding's own box is the only one left"
    assert (await owner("PUT", APPS, body)).json()["version"] == 1, "a lost answer asked for again"
    other = body | {"app_id": "2021000000000002"}
    assert (await owner("PUT", APPS, other)).status_code == 404
    mixed = app_body(key_pair_id=made["key_pair_id"], version=1)
    assert (await owner("PUT", APPS, mixed)).status_code == 422
    own = app_body(
        app_private_key=..., key_pair_id=made["key_pair_id"],
        alipay_public_key=made["app_public_key"], version=1,
    )  # fmt: skip
    assert (await owner("PUT", APPS, own)).json()["code"] == "binding.own_public_key"


async def test_another_merchants_change_does_not_exist(two, rotated, new_merchant, binding):
    owner, _ = two
    asked = (await owner("PUT", APPS, rotated)).json()
    tenant_id, user = await new_merchant("Bakery", "owner@bakery")
    other = binding.user(tenant_id, user.user_id, WRITE)
    for door in ("approve", "reject"):
        answer = await other("POST", f"{APPS}/changes/{asked['change_id']}/{door}")
        assert answer.status_code == 404
    assert (await other("GET", f"{APPS}/changes")).json()["items"] == []
    assert (await other("GET", f"{APPS}/{APP_ID}")).status_code == 404


async def test_a_change_that_nobody_decided_leaves_an_entry(binding, two, rotated, clock):
    """Time rejects it, once, and says so in the audit log (S132)."""
    owner, _ = two
    asked = (await owner("PUT", APPS, rotated)).json()
    await binding.database.execute(
        "UPDATE app_changes SET expires_at = $1", clock.now() - timedelta(seconds=1)
    )
    for _ in range(2):
        await approvals.forget_changes(binding.deps)
    (entry,) = await binding.database.fetch(
        "SELECT actor, subject, after FROM audit_log WHERE action = 'app.change_expired'"
    )
    assert entry["actor"] == "platform"
    assert asked["change_id"] in entry["after"]
    rows = await binding.database.fetch("SELECT state, content_box FROM app_changes")
    assert [(row["state"], row["content_box"]) for row in rows] == [("rejected", None)]


MORE = """
INSERT INTO app_changes (tenant_id, change_id, kind, app_id, state, content_box, content_aad,
  summary, asked_by, asked_at, expires_at)
SELECT tenant_id, gen_random_uuid(), kind, app_id, $1::text,
  CASE $1::text WHEN 'waiting' THEN content_box END, content_aad, summary, asked_by,
  asked_at + n * interval '1 second', expires_at
FROM app_changes, generate_series(1, $2) AS n WHERE change_id::text = $3
"""


async def test_no_change_waits_unseen(two, rotated, binding):
    """However many were decided after it was asked for; and of those that wait a merchant has so
    many as are shown."""
    owner, second = two
    oldest = (await owner("PUT", APPS, rotated)).json()["change_id"]

    async def shown(by=owner):
        items = (await by("GET", f"{APPS}/changes")).json()["items"]
        return [one["change_id"] for one in items if one["state"] == "waiting"]

    await binding.database.execute(MORE, "rejected", 150, oldest)
    assert await shown() == [oldest]
    await binding.database.execute(MORE, "waiting", 98, oldest)
    answers = await asyncio.gather(*(owner("PUT", APPS, rotated) for _ in range(2)))
    assert sorted(one.status_code for one in answers) == [202, 409]
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {
        "binding.too_many_changes"
    }
    found = await shown(second)
    assert (len(found), oldest in found) == (100, True)
    assert (await second("POST", f"{APPS}/changes/{oldest}/reject")).status_code == 204
    assert (await owner("PUT", APPS, rotated)).status_code == 202
