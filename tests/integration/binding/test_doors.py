"""Every door of binding against every role and against every foreign id, over HTTP (N23, G7,
§8 #20 and #21). The declared cells are tests/architecture/role_matrix.json."""

import json
import re
from uuid import UUID, uuid4

import pytest

from services.binding.tenancy.permissions import PERMISSIONS
from tests.architecture.role_matrix import FILE, ROLES

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
DOORS = {
    tuple(name.split(" ")[1:]): row
    for name, row in json.loads(FILE.read_text()).items()
    if name.startswith("binding ")
}
USER_DOORS = {door: row for door, row in DOORS.items() if row["audience"] == "user"}
REFUSALS = {"auth.forbidden": "no", "auth.step_up_needed": "step-up"}

WHY = {"reason": "工单 4714：长期欠费"}
BODIES = {
    ("PATCH", "/staff/{user_id}"): {"name": "x", "version": 1},
    ("POST", "/staff/{user_id}/password-link"): {},
    ("PATCH", "/stores/{store_id}"): {"name": "x", "version": 1},
    ("PATCH", "/merchants/{merchant_id}"): {"name": "x", "version": 1},
    ("POST", "/merchants/{merchant_id}/suspend"): WHY,
    ("POST", "/merchants/{merchant_id}/resume"): WHY,
    ("POST", "/merchants/{merchant_id}/owners/{user_id}/password-link"): WHY,
}
"""The least that is valid, so that a foreign id is what is refused, not the body."""
ROW = {"row": "1.1"}
"""A row of the onboarding map is nobody's: whose it is, the app_id in the body says."""


def filled(path, ids):
    return re.sub(r"\{(\w+)\}", lambda match: str(ROW.get(match[1]) or ids[match[1]]), path)


def body_for(method, short, ids):
    if "{row}" not in short:
        return BODIES.get((method, short))
    return {"app_id": ids["app_id"]} | ({"form": {}} if short.endswith("/draft") else {})


class AnyId(dict):
    """A well-formed id of each kind that nobody has."""

    def __missing__(self, name):
        return {"app_id": "2021000000000077", "key_id": "dk_nobody"}.get(name, uuid4())


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_exactly_its_doors(binding, new_merchant, role):
    """S131: 100 % of (route, role), with and without a fresh password."""
    tenant_id, user = await new_merchant()
    told = {}
    for is_stepped_up in (False, True):
        fresh = {} if is_stepped_up else {"step_up_until": None}
        caller = binding.user(tenant_id, user.user_id, ROLES[role], uuid4(), **fresh)
        for method, path in USER_DOORS:
            answer = await caller(method, filled(path, AnyId()), {})
            refusal = answer.json().get("code") if answer.status_code == 403 else None
            told[method, path, is_stepped_up] = REFUSALS.get(refusal, "yes")
    declared = {}
    for door, row in USER_DOORS.items():
        cell = row["roles"][role]
        declared[(*door, False)] = cell
        declared[(*door, True)] = "yes" if cell == "step-up" else cell
    console = "operator" if role.startswith("operator") else "merchant"
    for door in ("POST", "GET", "DELETE"):
        # Whose session it is, these doors see for themselves.
        for path in (f"/api/{'merchant' if console == 'operator' else 'operator'}/v1/session",):
            told.pop((door, path, True), None)
            declared.pop((door, path, True), None)
            told.pop((door, path, False), None)
            declared.pop((door, path, False), None)
    assert told == declared
    assert len(told) > 60


async def test_without_a_token_or_with_the_wrong_kind_no_door_opens(binding):
    device = binding.caller(kind="device", subject=str(uuid4()), tenant_id=uuid4())
    for (method, path), row in DOORS.items():
        target = filled(path, AnyId())
        bare = await binding.client.request(method, target, json={})
        assert bare.status_code == 401, (method, path)
        assert (await device(method, target, {})).status_code == 403, (method, path)
        if row["audience"] == "user":
            assert (await binding.edge(method, target, {})).status_code == 403, (method, path)


@pytest.fixture
def resources(binding, sign_in, app_body, other_keys, new_operator, browser, register):
    """Makes one of everything for the merchant of that caller; ids by path parameter."""

    async def make(tenant_id, caller, login):
        store = await caller("POST", f"{M}/stores", {"name": "一号店"})
        staff = await caller("POST", f"{M}/staff", {
            "username": "till", "name": "till", "role": "cashier",
        })  # fmt: skip
        key = await caller("POST", f"{M}/api-keys", {"name": "pos"})
        app = await caller("PUT", f"{M}/apps", app_body())
        await caller("PATCH", f"{M}/merchant", {"dual_control": True, "version": 1})
        keys = app_body(app_private_key=other_keys.private_b64, version=1)
        change = await caller("PUT", f"{M}/apps", keys)
        assert change.status_code == 202, change.text
        answers = (store, staff, key, app)
        assert all(answer.status_code in {200, 201} for answer in answers)
        helper = f"for-{login}".replace("@", "-")
        await new_operator(helper)
        operator = await browser(helper, "operator")
        await operator.step_up("operator")
        acting = await operator("POST", f"{O}/acting", {
            "merchant_id": str(tenant_id), "reason": "协助查看设备状态", "minutes": 30,
        })  # fmt: skip
        assert acting.status_code == 201, acting.text
        grant = await operator("POST", f"{O}/acting/grants", {
            "merchant_id": str(tenant_id), "permission_set": "setup",
            "reason": "协助建门店", "minutes": 30,
        })  # fmt: skip
        assert grant.status_code == 201, grant.text
        (seen,) = (await caller("GET", f"{M}/merchant")).json()["operators_acting"]
        _, signed_in = await sign_in(login)
        _, passkey = await register(signed_in)
        session_id = await binding.database.fetch(
            "SELECT session_id FROM sessions WHERE tenant_id = $1", tenant_id
        )
        return {
            "store_id": store.json()["store_id"],
            "user_id": staff.json()["user_id"],
            "key_id": key.json()["key_id"],
            "app_id": app.json()["app_id"],
            "session_id": session_id[0]["session_id"],
            "change_id": change.json()["change_id"],
            "merchant_id": uuid4(),
            "acting_id": seen["acting_id"],
            "grant_id": grant.json()["grant_id"],
            "passkey_id": passkey.json()["passkey_id"],
        }

    return make


async def test_a_foreign_id_is_no_id(
    binding, owner, resources, new_merchant, new_operator, sign_in
):
    """G7, INC-6: the other merchant, and the operators, get the 404 of a thing that is not there,
    and nothing of it changes."""
    tenant_id, caller = owner
    ids = await resources(tenant_id, caller, "owner@tea")
    other_id, other = await new_merchant("Coffee house", "owner@coffee")
    everything = frozenset().union(*PERMISSIONS.values())
    operator = await new_operator()
    living = {}
    for console, login in (("merchant", "owner@coffee"), ("operator", "ada@ops")):
        await sign_in(login, console=console)
        (row,) = await binding.database.fetch(
            "SELECT session_id FROM sessions s JOIN users u USING (tenant_id, user_id)"
            " WHERE u.login = $1", login,
        )  # fmt: skip
        living[f"/api/{console}/v1"] = row["session_id"]
    before = await snapshot(binding, tenant_id)
    asked = 0
    for method, path in USER_DOORS:
        if "{" not in path:
            continue
        prefix, short = (
            (M, path.removeprefix(M)) if path.startswith(M) else (O, path.removeprefix(O))
        )
        whose = (other_id, other.user_id) if prefix == M else (operator.tenant_id, operator.user_id)
        stranger = binding.user(*whose, everything, living[prefix])
        answer = await stranger(method, filled(path, ids), body_for(method, short, ids))
        assert answer.status_code == 404, (method, path, answer.text)
        nobody = await stranger(method, filled(path, AnyId()), body_for(method, short, AnyId()))
        assert answer.json()["code"] == nobody.json()["code"], "both look the same"
        asked += 1
    assert asked >= 9
    for path, body in (
        ("/staff", {"username": "x", "name": "x", "role": "cashier",
                    "store_ids": [ids["store_id"]]}),
        ("/api-keys", {"name": "x", "store_id": ids["store_id"]}),
    ):  # fmt: skip
        stranger = binding.user(other_id, other.user_id, everything, uuid4())
        answer = await stranger("POST", M + path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "binding.unknown_stores")
    assert await snapshot(binding, tenant_id) == before


async def test_no_list_shows_a_foreign_row(binding, owner, resources, new_merchant):
    tenant_id, caller = owner
    ids = await resources(tenant_id, caller, "owner@tea")
    other_id, other = await new_merchant("Coffee house", "owner@coffee")
    everything = frozenset().union(*PERMISSIONS.values())
    stranger = binding.user(other_id, other.user_id, everything, uuid4())
    for method, path in USER_DOORS:
        if method == "GET" and path.startswith(M) and "{" not in path:
            text = (await stranger(method, path)).text
            for value in (*ids.values(), tenant_id):
                assert str(value) not in text, path


async def snapshot(binding, tenant_id):
    """All rows of a tenant, as text."""
    tables = await binding.database.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN"
        " ('alembic_version')"
    )
    rows = {}
    for (table,) in tables:
        found = await binding.database.fetch(
            f"SELECT t.*::text AS row FROM {table} t WHERE tenant_id = $1 ORDER BY 1",
            UUID(str(tenant_id)),
        )
        rows[table] = [row["row"] for row in found]
    return rows
