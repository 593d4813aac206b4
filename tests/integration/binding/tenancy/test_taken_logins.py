"""A merchant learns nothing about the people of another: a login is its own name and its own
merchant's handle, and no door tells more."""

import asyncio
import importlib
import itertools

import pytest

from services.binding.tenancy import logins
from shared.db import engine_of
from tests.fixtures.races import ROUNDS

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
MANY = 30


def code(answer):
    return answer.status_code, answer.json()["code"]


def person(username="zhou"):
    return {"username": username, "name": "小周", "role": "cashier"}


@pytest.fixture
def owner_of(new_merchant, browser):
    """owner_of("tea") -> the browser of the owner of a merchant of that handle, stepped up."""

    async def enter(handle):
        await new_merchant(f"The {handle} house", f"owner@{handle}")
        owner = await browser(f"owner@{handle}")
        await owner.step_up()
        return owner

    return enter


async def test_the_same_name_at_two_merchants_is_two_logins(binding, owner_of, browser, choose):
    tea, coffee = await owner_of("tea"), await owner_of("coffee")
    first = await tea("POST", f"{M}/staff", person())
    other = await coffee("POST", f"{M}/staff", person())
    assert (first.status_code, other.status_code) == (201, 201)
    assert [made.json()["login"] for made in (first, other)] == ["zhou@tea", "zhou@coffee"]
    assert first.json().keys() == other.json().keys()
    for made in (first, other):
        await choose(made.json()["link"])
    assert (await (await browser("zhou@tea"))("GET", f"{M}/session")).status_code == 200
    for owner, login in ((tea, "zhou@tea"), (coffee, "zhou@coffee")):
        assert code(await owner("POST", f"{M}/staff", person("Ｚhou"))) == (
            409, "binding.login_taken",
        ), "of one's own people it is said"  # fmt: skip
        people = [row["login"] for row in (await owner("GET", f"{M}/staff")).json()["items"]]
        assert login in people
        (_, made) = (await owner("GET", f"{M}/audit", action="user.create")).json()["items"][::-1]
        assert made["after"]["login"] == login


async def test_no_answer_and_no_rate_depends_on_other_merchants(binding, owner_of):
    """As many tries as one likes, on names that the other merchant has and on names it has not."""
    tea, coffee = await owner_of("tea"), await owner_of("coffee")
    for number in range(MANY):
        await coffee("POST", f"{M}/staff", person(f"there-{number}"))
    for number in range(MANY):
        for username in (f"there-{number}", f"nowhere-{number}"):
            made = await tea("POST", f"{M}/staff", person(username))
            assert (made.status_code, made.json()["login"]) == (201, f"{username}@tea")
    for _ in range(MANY):
        taken = await tea("POST", f"{M}/staff", person("there-0"))
        assert code(taken) == (409, "binding.login_taken"), "and is never braked"


@pytest.mark.parametrize(
    "username",
    ["zhou@coffee", "zhou@", "@coffee", "zhou＠coffee", "zhou﹫coffee", "zhou@coffee@tea", "", " z",
     "z\u200b", "z\n", "x" * 41],
)  # fmt: skip
async def test_what_a_username_cannot_be(owner_of, username):
    tea = await owner_of("tea")
    answer = await tea("POST", f"{M}/staff", person(username))
    assert code(answer) == (422, "invalid_body")
    assert [note["pointer"] for note in answer.json()["errors"]] == ["/username"]
    whole = await tea(
        "POST", f"{M}/staff", {"login": "zhou@coffee", "name": "x", "role": "cashier"}
    )
    assert code(whole) == (422, "invalid_body")


@pytest.mark.parametrize("username", ["x", "小周", "Zhou Li", "x" * 40])
async def test_what_a_username_can_be(owner_of, browser, choose, username):
    tea = await owner_of("tea")
    made = (await tea("POST", f"{M}/staff", person(username))).json()
    assert made["login"] == f"{username}@tea"
    told = await choose(made["link"])
    assert told["login"] == made["login"]
    await browser(f" {username.upper()}@ＴEA ")


async def test_nobody_else_gets_a_login_that_ends_with_a_merchants_handle(
    binding, owner_of, new_operator, browser
):
    """Else a merchant could be told "taken" about somebody who is not its own."""
    await owner_of("tea")
    await new_operator()
    operator = await browser("ada@ops", "operator")
    await operator.step_up("operator")
    for login in ("zhou@tea", "zhou＠ＴEA", "a@b@tea"):
        merchant = {"name": "Bakery", "login": login}
        assert code(await operator("POST", f"{O}/merchants", merchant)) == (
            422, "binding.foreign_handle",
        )  # fmt: skip
        colleague = {"login": login, "name": "x", "role": "operator_ops"}
        refused = await operator("POST", f"{O}/staff", colleague)
        assert code(refused) == (422, "binding.foreign_handle")
        assert refused.json()["errors"][0]["pointer"] == "/login"
    for handle in ("tea", "ops"):
        made = {"name": "Bakery", "login": "baker", "handle": handle}
        assert code(await operator("POST", f"{O}/merchants", made)) == (
            409, "binding.handle_taken",
        ), "a merchant has it, or a login ends with it"  # fmt: skip
    own = {"name": "Bakery", "login": "baker@bread", "handle": "bread"}
    assert (await operator("POST", f"{O}/merchants", own)).status_code == 201


async def test_a_handle_is_chosen_or_made(binding, new_operator, browser, choose):
    await new_operator()
    operator = await browser("ada@ops", "operator")
    body = {"name": "Tea house", "login": "owner"}
    given = (await operator("POST", f"{O}/merchants", body | {"handle": "tea-house-2"})).json()
    made = (await operator("POST", f"{O}/merchants", body | {"login": "baker"})).json()
    assert given["handle"] == "tea-house-2"
    assert set(made["handle"]) <= set("bcdfghjkmnpqrstvwxz23456789")
    assert len(made["handle"]) == 6
    listed = (await operator("GET", f"{O}/merchants")).json()["items"]
    assert {row["handle"] for row in listed} == {"tea-house-2", made["handle"]}
    await choose(given["link"])
    owner = await browser("owner")
    assert (await owner("GET", f"{M}/merchant")).json()["handle"] == "tea-house-2"
    assert (await owner("GET", f"{M}/session")).json()["merchant"]["handle"] == "tea-house-2"
    await owner.step_up()
    staff = (await owner("POST", f"{M}/staff", person())).json()
    assert staff["login"] == "zhou@tea-house-2"
    changed = {"handle": "other", "version": 1}
    assert code(await owner("PATCH", f"{M}/merchant", changed)) == (422, "invalid_body")


@pytest.mark.parametrize(
    "handle",
    ["ab", "x" * 21, "Tea", "tea house", "tea@x", "茶", "-tea", "tea-", "t--a", "tea.cn", ""],
)
async def test_what_a_handle_cannot_be(new_operator, browser, handle):
    await new_operator()
    operator = await browser("ada@ops", "operator")
    body = {"name": "Tea house", "login": "owner", "handle": handle}
    answer = await operator("POST", f"{O}/merchants", body)
    assert code(answer) == (422, "invalid_body")
    assert [note["pointer"] for note in answer.json()["errors"]] == ["/handle"]


async def test_an_operator_is_told_as_often_as_he_asks(new_merchant, new_operator, browser):
    """Whoever runs the platform may know its logins: no throttle stands before that answer."""
    await new_merchant("Tea house", "owner")
    await new_operator()
    operator = await browser("ada@ops", "operator")
    for _ in range(MANY):
        answer = await operator("POST", f"{O}/merchants", {"name": "Bakery", "login": "OWNER"})
        assert code(answer) == (409, "binding.login_taken")


@pytest.mark.races
async def test_a_handle_and_a_login_under_it_made_at_once(binding, new_operator, browser):
    await new_operator()
    operator = await browser("ada@ops", "operator")
    await operator.step_up("operator")
    for number in range(ROUNDS):
        merchant = {"name": "Tea", "login": f"owner-{number}", "handle": f"tea-{number}"}
        colleague = {"login": f"x@tea-{number}", "name": "x", "role": "operator_ops"}
        answers = await asyncio.gather(
            operator("POST", f"{O}/merchants", merchant), operator("POST", f"{O}/staff", colleague)
        )
        assert sorted(answer.status_code for answer in answers)[0] == 201
        assert sorted(answer.status_code for answer in answers)[1] in {409, 422}
    strangers = """SELECT count(*) FROM users u JOIN merchants m
        ON u.login_handle = m.handle AND u.tenant_id <> m.tenant_id"""
    assert await binding.database.value(strangers) == 0


async def test_merchants_from_before_get_handles_and_their_people_keep_their_logins(
    binding, new_merchant, browser, monkeypatch
):
    """The upgrade itself, on a database at work: as their owner, under forced row security."""
    for name, login in (("Tea", "owner"), ("Coffee", "Ｏwner＠Ｃoffee"), ("Bread", "owner@bread")):
        await new_merchant(name, login)
    await binding.database.execute("UPDATE merchants SET handle = ''")
    await binding.database.execute("UPDATE users SET login_handle = ''")
    drawn = itertools.chain(["coffee", "bread", "new1", "new1"], (f"n{i}" for i in range(9)))
    monkeypatch.setattr(logins, "new_handle", lambda: next(drawn))
    folder = "services.binding.migrations.versions"
    upgrade = importlib.import_module(f"{folder}.2026_11_28_1900_handles")
    engine = engine_of(binding.database.owner_url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade._fill)
    finally:
        await engine.dispose()
    given = await binding.database.fetch("SELECT handle FROM merchants ORDER BY handle")
    assert [row["handle"] for row in given] == ["n0", "n1", "new1"], "none that a login ends with"
    kept = await binding.database.fetch(
        "SELECT login, login_handle FROM users ORDER BY login_handle"
    )
    assert [tuple(row) for row in kept] == [
        ("owner", ""), ("owner@bread", "bread"), ("Ｏwner＠Ｃoffee", "coffee"),
    ]  # fmt: skip
    for login in ("owner", "owner@coffee", "owner@bread"):
        await browser(login)


LOGIN_DOORS = {
    "POST /api/merchant/v1/session": "one answer for the same work: test_sign_in_alike",
    "POST /api/operator/v1/session": "the same",
    "POST /api/merchant/v1/staff": "speaks of the merchant's own people: above",
    "POST /api/operator/v1/staff": "an operator may know all logins",
    "POST /api/operator/v1/merchants": "an operator may know all logins",
    "POST /api/operator/v1/first-run": "asks for the setup code first: test_first_run",
}
"""Every door that takes a login or a part of one, and why it tells a merchant nothing."""


async def test_no_other_door_takes_a_login(binding):
    spec = binding.app.openapi()
    found = set()
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            names = {one["name"] for one in operation.get("parameters", [])}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"].get("$ref", "").rpartition("/")[2]
                names |= set(spec["components"]["schemas"].get(schema, {}).get("properties", {}))
            if names & {"login", "username", "handle"}:
                found.add(f"{method.upper()} {path}")
    assert found == set(LOGIN_DOORS)


async def test_the_ids_of_another_merchants_people_tell_nothing(binding, owner_of):
    """Reset, rename, handing keys over, the audit log: as if there were nobody of that id."""
    tea, coffee = await owner_of("tea"), await owner_of("coffee")
    theirs = (await coffee("POST", f"{M}/staff", person())).json()["user_id"]
    mine = (await tea("POST", f"{M}/staff", person("mine"))).json()["user_id"]
    nobody = "00000000-0000-7000-8000-000000000001"

    async def asked(user_id):
        gone = {"is_enabled": False, "version": 1, "hand_keys_to": user_id}
        answers = [
            await tea("POST", f"{M}/staff/{user_id}/password-link", {}),
            await tea("PATCH", f"{M}/staff/{user_id}", {"name": "x", "version": 1}),
            await tea("PATCH", f"{M}/staff/{mine}", gone),
            await tea("GET", f"{M}/audit", actor=f"user:{user_id}"),
            await tea("GET", f"{M}/audit", subject=user_id),
        ]
        return [
            (answer.status_code, answer.json() | {"request_id": "", "instance": ""})
            for answer in answers
        ]

    told = await asked(theirs)
    assert told == await asked(nobody)
    assert [status for status, _ in told] == [404, 404, 422, 200, 200]
