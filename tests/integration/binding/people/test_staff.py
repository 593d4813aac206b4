"""Accounts and sessions: step-up, the last owner, powers that change, scope, passwords (S131)."""

import asyncio
from uuid import uuid4

import pytest
import pytest_asyncio

from shared.contracts.events.base import decode
from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
NEW_PASSWORD = "another horse battery"


def person(username="till", role="cashier", **more):
    return {"username": username, "name": "收银员", "role": role, **more}


def colleague(login, role):
    return {"login": login, "name": "运营", "role": role}


def code(answer):
    return answer.status_code, answer.json()["code"]


@pytest_asyncio.fixture
async def events(binding):
    async def read(kind):
        rows = await binding.database.fetch(
            "SELECT payload FROM outbox WHERE type = $1 ORDER BY seq", kind
        )
        return [decode(row["payload"]) for row in rows]

    return read


async def test_step_up_lasts_five_minutes_and_tells_the_caches(
    binding, new_merchant, browser, clock, events
):
    """ASVS 7.5.3: a wrong password is no 401, and the right one counts for its window only."""
    await new_merchant()
    owner = await browser("owner@tea")
    assert code(await owner("POST", f"{M}/staff", person())) == (403, "auth.step_up_needed")
    assert code(await owner.step_up(password="wrong")) == (403, "auth.wrong_password")
    until = (await owner.step_up()).json()["step_up_until"]
    assert (await owner("GET", f"{M}/session")).json()["step_up_until"] == until
    (told,) = await events("session.changed.v1")
    assert len(told.session_hash) == 64
    assert (await owner("POST", f"{M}/staff", person())).status_code == 201
    clock.advance(300)
    assert code(await owner("POST", f"{M}/staff", person("two"))) == (
        403,
        "auth.step_up_needed",
    )


async def test_guessing_at_the_step_up_is_throttled_apart_from_the_login(
    binding, new_merchant, browser
):
    await new_merchant()
    owner = await browser("owner@tea")
    for _ in range(10):
        assert (await owner.step_up(password="wrong")).status_code == 403
    assert code(await owner.step_up()) == (429, "auth.login_braked")
    await browser("owner@tea")  # whoever holds the session cannot lock its owner out


async def test_staff_of_a_merchant(binding, new_merchant, browser, choose, clock):
    """S131: created, listed, changed under their version, disabled, and gone from the door."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    clock.advance(1)  # lists are in the order of creation
    made = (await owner("POST", f"{M}/staff", person())).json()
    assert (made["role"], made["is_enabled"], made["is_self"]) == ("cashier", True, False)
    await choose(made["link"])
    listed = (await owner("GET", f"{M}/staff")).json()
    assert [row["login"] for row in listed["items"]] == ["owner@tea", "till@tea"]
    till = await browser("till@tea")
    path = f"{M}/staff/{made['user_id']}"
    stale = await owner("PATCH", path, {"name": "王", "version": 9})
    assert code(stale) == (409, "binding.stale_version")
    assert stale.json()["current_version"] == 1
    renamed = await owner("PATCH", path, {"name": "王", "version": 1})
    assert (renamed.json()["name"], renamed.json()["version"]) == ("王", 2)
    assert (await till("GET", f"{M}/session")).status_code == 200, "a name is no power"
    lifted = await owner("PATCH", path, {"role": "merchant_finance", "version": 2})
    assert lifted.json()["role"] == "merchant_finance"
    assert (await till("GET", f"{M}/session")).status_code == 404, "powers change: sign in anew"
    await owner("PATCH", path, {"is_enabled": False, "version": 3})
    answer = await binding.edge("POST", f"{M}/session", {"login": "till@tea", "password": PASSWORD})
    assert code(answer) == (401, "auth.bad_credentials")
    log = await owner("GET", f"{M}/audit", action="user.change")
    changes = [(row["before"]["role"], row["after"]["role"]) for row in log.json()["items"]]
    assert changes == [
        ("merchant_finance", "merchant_finance"), ("cashier", "merchant_finance"),
        ("cashier", "cashier"),
    ]  # fmt: skip
    assert {row["actor_name"] for row in log.json()["items"]} == {"owner@tea"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"role": "operator_admin"}, "invalid_body"),
        ({"role": "nobody"}, "invalid_body"),
        ({"store_ids": [str(uuid4())]}, "binding.unknown_stores"),
        ({"password": "a good long password"}, "invalid_body"),
        ({"tenant_id": str(uuid4())}, "invalid_body"),
    ],
)
async def test_what_an_account_cannot_be(owner, change, expected):
    _, caller = owner
    answer = await caller("POST", f"{M}/staff", person() | change)
    assert code(answer) == (422, expected)


async def test_the_last_owner_stays_and_nobody_lifts_himself(
    binding, new_merchant, browser, choose
):
    _, first = await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    own = f"{M}/staff/{first.user_id}"
    for change in ({"is_enabled": False}, {"role": "cashier"}):
        assert code(await owner("PATCH", own, change | {"version": 1})) == (
            409, "binding.last_owner",
        )  # fmt: skip
    made = await owner("POST", f"{M}/staff", person("second", "merchant_owner"))
    await choose(made.json()["link"])
    for change in ({"is_enabled": False}, {"role": "cashier"}):
        assert code(await owner("PATCH", own, change | {"version": 1})) == (
            403, "binding.own_rights",
        )  # fmt: skip
    second = await browser("second@tea")
    await second.step_up()
    other = f"{M}/staff/{made.json()['user_id']}"
    gone = {"is_enabled": False, "version": 1}
    answers = await asyncio.gather(owner("PATCH", other, gone), second("PATCH", own, gone))
    assert sorted(answer.status_code for answer in answers)[0] == 200
    left = "SELECT count(*) FROM users WHERE is_enabled AND role = 'merchant_owner'"
    assert await binding.database.value(left) == 1, "they disable each other at once: one stays"


async def test_operators_have_staff_of_their_own(
    new_merchant, new_operator, browser, choose, clock
):
    await new_merchant()
    await new_operator()
    admin = await browser("ada@ops", "operator")
    await admin.step_up("operator")
    clock.advance(1)
    made = await admin("POST", f"{O}/staff", colleague("bob@ops", "operator_ops"))
    assert made.status_code == 201
    await choose(made.json()["link"])
    assert code(await admin("POST", f"{O}/staff", colleague("x@ops", "cashier"))) == (
        422, "invalid_body",
    )  # fmt: skip
    roles = (await admin("GET", f"{O}/roles")).json()["items"]
    assert [row["role"] for row in roles] == ["operator_admin", "operator_ops"]
    bob = await browser("bob@ops", "operator")
    await bob.step_up("operator")
    assert code(await bob("POST", f"{O}/staff", colleague("y@ops", "operator_admin"))) == (
        403, "auth.forbidden",
    )  # fmt: skip
    logins = [row["login"] for row in (await bob("GET", f"{O}/staff")).json()["items"]]
    assert logins == ["ada@ops", "bob@ops"]


async def test_sessions_can_be_seen_and_ended(binding, new_merchant, browser, clock):
    await new_merchant()
    first, second = await browser("owner@tea"), await browser("owner@tea")
    clock.advance(1)
    third = await browser("owner@tea")
    rows = (await third("GET", f"{M}/sessions")).json()["items"]
    assert [row["is_current"] for row in rows] == [True, False, False]
    mine = (await first("GET", f"{M}/sessions")).json()["items"]
    own_id = next(row["session_id"] for row in mine if row["is_current"])
    assert (await third("DELETE", f"{M}/sessions/{own_id}")).status_code == 204
    assert (await first("GET", f"{M}/session")).status_code == 404
    assert (await second("GET", f"{M}/session")).status_code == 200
    assert (await third("DELETE", f"{M}/sessions")).status_code == 204
    assert (await second("GET", f"{M}/session")).status_code == 404
    assert (await third("GET", f"{M}/sessions")).json()["total"] == 1
    assert (await third("DELETE", f"{M}/sessions/{uuid4()}")).status_code == 404


async def test_a_new_password_ends_the_other_sessions(binding, new_merchant, browser):
    await new_merchant()
    here, there = await browser("owner@tea"), await browser("owner@tea")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    wrong = await here("POST", f"{M}/password", body | {"current_password": "wrong"})
    assert code(wrong) == (403, "auth.wrong_password")
    weak = await here("POST", f"{M}/password", body | {"new_password": "short"})
    assert code(weak) == (422, "binding.weak_password")
    assert weak.json()["errors"][0]["pointer"] == "/new_password"
    assert (await here("POST", f"{M}/password", body)).status_code == 204
    assert (await here("GET", f"{M}/session")).status_code == 200
    assert (await there("GET", f"{M}/session")).status_code == 404
    await browser("owner@tea", password=NEW_PASSWORD)


async def test_a_cashier_of_one_store_sees_that_store(binding, new_merchant, browser, choose):
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    stores = [
        (await owner("POST", f"{M}/stores", {"name": name})).json()["store_id"] for name in "甲乙"
    ]
    bound = person(store_ids=[stores[1], stores[1]])
    assert code(await owner("POST", f"{M}/staff", bound | {"role": "auditor"})) == (
        422, "binding.unknown_stores",
    )  # fmt: skip
    made = (await owner("POST", f"{M}/staff", bound)).json()
    assert made["store_ids"] == [stores[1]]
    await choose(made["link"])
    till = await browser("till@tea")
    listed = (await till("GET", f"{M}/stores")).json()
    assert (listed["total"], listed["items"][0]["store_id"]) == (1, stores[1])
    assert (await till("GET", f"{M}/stores/{stores[0]}")).status_code == 404
    assert (await till("GET", f"{M}/stores/{stores[1]}")).status_code == 200
    lifted = await owner(
        "PATCH", f"{M}/staff/{made['user_id']}", {"role": "merchant_finance", "version": 1}
    )
    assert lifted.json()["store_ids"] == [], "another role is not bound to stores"
