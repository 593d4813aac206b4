"""A second person for changes of keys, where the merchant asks for it (N3, ASVS 2.3.5), and pairs
made here (S26-S28)."""

import pytest
import pytest_asyncio

from tests.integration.binding.conftest import APP_ID

pytestmark = pytest.mark.asyncio
APPS = "/api/merchant/v1/apps"
WRITE = ["apps.read", "apps.write", "apps.approve"]


@pytest_asyncio.fixture
async def two(binding, new_merchant, app_body):
    """(the owner, a second owner) of a merchant with dual control and a bound app."""
    tenant_id, user = await new_merchant()
    owner = binding.user(tenant_id, user.user_id, [*WRITE, "merchant.write"])
    second = binding.user(tenant_id, "00000000-0000-7000-8000-000000000002", WRITE)
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
    assert (await owner("PUT", APPS, off)).status_code == 200
    answer = await second("POST", f"{APPS}/changes/{asked['change_id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "binding.stale_version")


async def test_a_switch_needs_no_second_person(two, app_body):
    owner, _ = two
    off = app_body(app_private_key=..., alipay_public_key=..., enabled=False, version=1)
    answer = await owner("PUT", APPS, off)
    assert (answer.status_code, answer.json()["enabled"]) == (200, False)


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
