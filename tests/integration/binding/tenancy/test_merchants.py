"""Merchants and stores: who may make them, what is told, and that tenants never meet (G7)."""

import asyncio
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from services.binding.tenancy import accounts
from services.binding.tenancy.rules import Role
from shared.contracts.events.base import decode
from tests.integration.binding.conftest import APP_ID, PASSWORD

pytestmark = pytest.mark.asyncio
MERCHANTS = "/api/operator/v1/merchants"
STORES = "/api/merchant/v1/stores"
OPERATOR = {"merchants.read", "merchants.write"}


def body(**changes):
    return {"name": "Tea house", "login": "owner@tea"} | changes


@pytest_asyncio.fixture
async def operator(binding, new_operator):
    ada = await new_operator()
    return binding.user(ada.tenant_id, ada.user_id, OPERATOR)


async def test_an_operator_makes_a_merchant(binding, operator, sign_in, choose):
    answer = await operator("POST", MERCHANTS, body())
    assert answer.status_code == 201
    made = answer.json()
    assert made["owner"]["login"] == "owner@tea"
    assert (await sign_in("owner@tea"))[0].status_code == 401, "nobody knows a password yet"
    await choose(made["link"])
    listed = (await operator("GET", MERCHANTS)).json()
    assert (listed["total"], listed["items"][0]["merchant_id"]) == (1, made["merchant_id"])
    signed_in, owner = await sign_in("owner@tea")
    assert signed_in.json()["merchant"]["merchant_id"] == made["merchant_id"]
    assert (await owner("GET", "/api/merchant/v1/merchant")).json()["name"] == "Tea house"
    rows = await binding.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    event, chosen = (decode(row["payload"]) for row in rows)
    assert (event.type, event.name) == ("merchant.created.v1", "Tea house")
    assert chosen.type == "password.renewed.v1"
    assert str(event.tenant_id) == made["merchant_id"]


async def test_a_login_is_one_persons_in_the_whole_platform(binding, operator):
    answers = await asyncio.gather(
        *(operator("POST", MERCHANTS, body(login=login)) for login in ("owner@tea", "OWNER@TEA"))
    )
    assert sorted(a.status_code for a in answers) == [201, 409]
    refused = next(a for a in answers if a.status_code == 409)
    assert refused.json()["code"] == "binding.login_taken"
    assert await binding.database.value("SELECT count(*) FROM merchants") == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "somebody else's choice"}, "invalid_body"),
        ({"name": ""}, "invalid_body"),
        ({"name": " x"}, "invalid_body"),
        ({"name": "a\u0000b"}, "invalid_body"),
        ({"name": "x" * 65}, "invalid_body"),
        ({"login": "ab"}, "invalid_body"),
        ({"tenant_id": str(uuid4())}, "invalid_body"),
    ],
)
async def test_what_a_merchant_cannot_be(operator, change, code):
    answer = await operator("POST", MERCHANTS, body(**change))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_only_operators_see_the_merchants(binding, owner):
    _, caller = owner
    for method, given in (("GET", None), ("POST", body(login="new@tea"))):
        answer = await caller(method, MERCHANTS, given)
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
    ops = binding.user(uuid4(), uuid4(), {"merchants.read"})
    assert (await ops("GET", MERCHANTS)).status_code == 200
    assert (await ops("POST", MERCHANTS, body(login="new@tea"))).status_code == 403
    assert (await ops("GET", "/api/merchant/v1/merchant")).status_code == 404
    stray = await binding.user(uuid4(), uuid4(), {"stores.write"})("POST", STORES, {"name": "x"})
    assert stray.status_code == 404


async def test_operators_share_one_organisation(binding):
    first, second = [
        await accounts.create_user(
            binding.deps, None, role=role, login=login, password=PASSWORD, actor="test"
        )
        for role, login in ((Role.OPERATOR_ADMIN, "ada@ops"), (Role.OPERATOR_OPS, "bob@ops"))
    ]
    assert first.tenant_id == second.tenant_id


async def test_stores(binding, owner):
    tenant_id, caller = owner
    made = await caller("POST", STORES, {"name": "Main street"})
    assert made.status_code == 201
    again = await caller("POST", STORES, {"name": "Main street"})
    assert (again.status_code, again.json()["code"]) == (409, "binding.store_name_taken")
    listed = (await caller("GET", STORES)).json()
    assert (listed["total"], listed["items"]) == (1, [made.json()])
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = 'store.created.v1'"
    )
    (event,) = (decode(row["payload"]) for row in rows)
    assert event.tenant_id == tenant_id
    assert (str(event.store_id), event.name) == (made.json()["store_id"], "Main street")


async def test_tenants_never_meet(binding, owner, new_merchant, sign_in, app_body):
    """G7: the other merchant has the same store name, sees only its own, and finds no app."""
    _, caller = owner
    await caller("POST", STORES, {"name": "Main street"})
    await caller("PUT", "/api/merchant/v1/apps", app_body())
    other_id, _ = await new_merchant("Coffee house", "owner@coffee")
    _, other = await sign_in("owner@coffee")
    assert (await other("GET", STORES)).json()["total"] == 0
    assert (await other("GET", "/api/merchant/v1/apps")).json() == {"items": []}
    assert (await other("GET", "/api/merchant/v1/merchant")).json()["name"] == "Coffee house"
    assert (await other("POST", STORES, {"name": "Main street"})).status_code == 201
    async with binding.deps.db.pg(other_id) as pg:
        for table in ("apps", "app_keys", "sessions", "users", "data_keys", "audit_log"):
            owners = await pg.fetch(f"SELECT DISTINCT tenant_id FROM {table}")
            assert {row["tenant_id"] for row in owners} <= {other_id}
        assert await pg.fetchval("SELECT count(*) FROM apps WHERE app_id = $1", APP_ID) == 0


async def test_a_session_of_one_merchant_is_nothing_to_another(
    binding, new_merchant, sign_in, owner
):
    other_id, _ = await new_merchant("Coffee house", "owner@coffee")
    await sign_in("owner@tea")
    session_id = await binding.database.value("SELECT session_id FROM sessions")
    thief = binding.user(other_id, uuid4(), set(), UUID(str(session_id)))
    assert (await thief("GET", "/api/merchant/v1/session")).status_code == 401
    assert (await thief("DELETE", "/api/merchant/v1/session")).status_code == 204
    assert await binding.database.value("SELECT count(revoked_at) FROM sessions") == 0


async def test_reading_is_not_writing(binding, owner, app_body):
    tenant_id, _ = owner
    auditor = binding.user(tenant_id, uuid4(), {"stores.read", "apps.read"})
    assert (await auditor("GET", STORES)).status_code == 200
    assert (await auditor("POST", STORES, {"name": "x"})).status_code == 403
    assert (await auditor("PUT", "/api/merchant/v1/apps", app_body())).status_code == 403
