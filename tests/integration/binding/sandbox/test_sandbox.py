"""A merchant's rehearsal: an application of the sandbox to bind, and how its next payment ends."""

from uuid import UUID, uuid4

import pytest

from services.binding.tenancy.permissions import PERMISSIONS
from services.binding.tenancy.rules import Role
from tests.integration.binding.conftest import APP_ID

pytestmark = pytest.mark.asyncio
APPS, OUTCOME = "/api/merchant/v1/sandbox/apps", "/api/merchant/v1/sandbox/outcome"
MADE = {"app_id": "2021000000000077", "seller_id": "2088000000000077", "alipay_public_key": "MIIB"}


@pytest.fixture
def rehearsing(binding):
    binding.platform.answers["apps"] = MADE
    binding.platform.answers["outcome"] = {}
    return binding.platform


async def log(binding, tenant_id, action):
    where = f"tenant_id = '{tenant_id}' AND action = '{action}'"
    query = f"SELECT subject, after FROM audit_log WHERE {where} ORDER BY seq"
    return [(row["subject"], row["after"]) for row in await binding.database.fetch(query)]


async def test_an_app_for_a_key_that_was_pasted(binding, owner, rehearsing, app_keys):
    tenant_id, caller = owner
    pem = app_keys.public_b64[:40] + "\n" + app_keys.public_b64[40:]
    answer = await caller("POST", APPS, {"public_key": pem})
    assert (answer.status_code, answer.json()) == (201, MADE)
    assert rehearsing.asked == [("/sandbox/apps", {"public_key": app_keys.public_b64})]
    ((subject, _),) = await log(binding, tenant_id, "sandbox.app")
    assert subject == MADE["app_id"]
    assert (await caller("GET", "/api/merchant/v1/apps")).json()["items"] == []


async def test_an_app_for_the_pair_that_was_made_here(owner, rehearsing):
    _, caller = owner
    pair = (await caller("POST", "/api/merchant/v1/apps/key-pairs")).json()
    answer = await caller("POST", APPS, {"key_pair_id": pair["key_pair_id"]})
    assert answer.status_code == 201, answer.text
    assert rehearsing.asked == [("/sandbox/apps", {"public_key": pair["app_public_key"]})]
    answer = await caller("POST", APPS, {"key_pair_id": str(uuid4())})
    assert answer.status_code == 404


@pytest.mark.parametrize("given", ["neither", "both", "a private key", "no key"])
async def test_what_is_no_public_key_is_said_at_its_field(owner, rehearsing, app_keys, given):
    _, caller = owner
    body = {
        "neither": {},
        "both": {"public_key": app_keys.public_b64, "key_pair_id": str(uuid4())},
        "a private key": {"public_key": app_keys.private_b64},
        "no key": {"public_key": "hello"},
    }[given]
    answer = await caller("POST", APPS, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/public_key"
    assert not rehearsing.asked


async def test_an_outcome_of_an_app_of_ones_own(binding, owner, rehearsing, app_body):
    tenant_id, caller = owner
    refuse = {"app_id": APP_ID, "outcome": "refused"}
    assert (await caller("POST", OUTCOME, refuse)).status_code == 404
    assert not rehearsing.asked
    assert (await caller("PUT", "/api/merchant/v1/apps", app_body())).status_code == 200
    rehearsing.asked.clear()
    assert (await caller("POST", OUTCOME, refuse)).status_code == 204
    assert rehearsing.asked == [("/sandbox/outcome", refuse)]
    ((subject, _),) = await log(binding, tenant_id, "sandbox.outcome")
    assert subject == APP_ID
    stranger = binding.user(uuid4(), uuid4(), PERMISSIONS[Role.MERCHANT_OWNER], uuid4())
    assert (await stranger("POST", OUTCOME, refuse)).status_code == 404
    one = refuse | {"auth_code": "284000000000000001"}
    assert (await caller("POST", OUTCOME, one)).status_code == 204
    assert rehearsing.asked.pop() == ("/sandbox/outcome", one)
    answer = await caller("POST", OUTCOME, refuse | {"outcome": "rich"})
    assert answer.status_code == 422
    assert len(rehearsing.asked) == 1


async def test_with_the_real_alipay_there_is_nothing(binding, owner, app_keys, app_body):
    """The egress says so, and nothing is written down."""
    tenant_id, caller = owner
    answer = await caller("POST", APPS, {"public_key": app_keys.public_b64})
    assert (answer.status_code, answer.json()["code"]) == (404, "sandbox.absent")
    assert (await caller("PUT", "/api/merchant/v1/apps", app_body())).status_code == 200
    answer = await caller("POST", OUTCOME, {"app_id": APP_ID, "outcome": "paid"})
    assert (answer.status_code, answer.json()["code"]) == (404, "sandbox.absent")
    assert await log(binding, tenant_id, "sandbox.app") == []
    assert await log(binding, tenant_id, "sandbox.outcome") == []


@pytest.mark.parametrize("role", [Role.MERCHANT_FINANCE, Role.CASHIER])
async def test_for_those_who_may_bind(binding, owner, rehearsing, app_keys, role):
    tenant_id, _ = owner
    caller = binding.user(UUID(str(tenant_id)), uuid4(), PERMISSIONS[role], uuid4())
    answer = await caller("POST", APPS, {"public_key": app_keys.public_b64})
    assert answer.status_code == 403
    answer = await caller("POST", OUTCOME, {"app_id": APP_ID, "outcome": "paid"})
    assert answer.status_code == 403
    assert not rehearsing.asked
