"""A password is chosen by its owner only: with a one-time link, which says nothing until it is
used, serves once, and leaves the account unable to approve for a day."""

import asyncio

import pytest
import pytest_asyncio

from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
USE, SHOW = "/api/public/v1/password", "/api/public/v1/password-link"
NEW = "another horse battery"


def code(answer):
    return answer.status_code, answer.json()["code"]


def person(username="till", role="cashier"):
    return {"username": username, "name": "收银员小周", "role": role}


@pytest_asyncio.fixture
async def hired(new_merchant, browser):
    """(the owner's browser, what hiring a cashier answered)."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    return owner, (await owner("POST", f"{M}/staff", person())).json()


async def test_a_new_account_has_no_password_until_its_owner_chose_one(
    binding, hired, sign_in, browser
):
    owner, made = hired
    for guess in ("", PASSWORD, made["link"]["token"]):
        assert (await sign_in("till@tea", guess))[0].status_code == 401
    token = made["link"]["token"]
    shown = await binding.edge("POST", SHOW, {"token": token})
    assert shown.json() == {"login": "till@tea", "name": "收银员小周", "console": "merchant"}
    assert (await sign_in("till@tea", PASSWORD))[0].status_code == 401, "to look is not to use"
    used = await binding.edge("POST", USE, {"token": token, "password": PASSWORD})
    assert used.status_code == 200
    assert used.headers["x-set-browser-cookie"].startswith("__Host-damselfly-browser=")
    await browser("till@tea")
    for path, body in ((USE, {"token": token, "password": NEW}), (SHOW, {"token": token})):
        assert code(await binding.edge("POST", path, body)) == (403, "binding.link_wrong")
    await browser("till@tea")
    stored = str(await binding.database.fetch("SELECT * FROM password_links"))
    assert token not in stored
    log = (await owner("GET", f"{M}/audit", subject=made["user_id"])).json()["items"]
    assert [row["action"] for row in log if row["action"] != "session.refused"] == [
        "password.set", "password.link", "user.create",
    ]  # fmt: skip


async def test_a_forgotten_password(binding, hired, browser, sign_in, choose):
    """The link of a colleague ends the sessions when it is used, not when it is made."""
    owner, made = hired
    await choose(made["link"])
    till = await browser("till@tea")
    path = f"{M}/staff/{made['user_id']}/password-link"
    first = (await owner("POST", path, {})).json()
    second = (await owner("POST", path, {})).json()
    assert (await till("GET", f"{M}/session")).status_code == 200
    spent = await binding.edge("POST", SHOW, {"token": first["token"]})
    assert code(spent) == (403, "binding.link_wrong"), "a newer link burns the older"
    await choose(second, NEW)
    assert (await till("GET", f"{M}/session")).status_code == 404
    assert (await sign_in("till@tea", PASSWORD))[0].status_code == 401
    await browser("till@tea", password=NEW)


@pytest.mark.parametrize("way", ["a link", "a change"])
async def test_a_new_password_ends_the_links_that_the_account_made(
    binding, new_merchant, browser, choose, way
):
    """Whoever had a session and the password could else come back as a colleague for a day."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    second = (await owner("POST", f"{M}/staff", person("second", "merchant_owner"))).json()
    await choose(second["link"])
    thief = await browser("second@tea")
    await thief.step_up()
    made = (await thief("POST", f"{M}/staff", person())).json()["link"]
    kept = (await owner("POST", f"{M}/staff", person("other"))).json()["link"]
    assert (await binding.edge("POST", SHOW, {"token": made["token"]})).status_code == 200
    if way == "a link":
        path = f"{M}/staff/{second['user_id']}/password-link"
        await choose((await owner("POST", path, {})).json(), NEW)
    else:
        body = {"current_password": PASSWORD, "new_password": NEW}
        assert (await thief("POST", f"{M}/password", body)).status_code == 204
    assert code(await binding.edge("POST", SHOW, {"token": made["token"]})) == (
        403, "binding.link_wrong",
    )  # fmt: skip
    assert (await binding.edge("POST", SHOW, {"token": kept["token"]})).status_code == 200


async def test_who_cannot_make_one(hired, browser, choose, new_operator, binding):
    owner, made = hired
    await choose(made["link"])
    own = (await owner("GET", f"{M}/session")).json()["user"]["user_id"]
    refused = await owner("POST", f"{M}/staff/{own}/password-link", {})
    assert code(refused) == (403, "binding.own_rights"), "a stolen session must not get around it"
    till = await browser("till@tea")
    await till.step_up()
    path = f"{M}/staff/{own}/password-link"
    assert code(await till("POST", path, {})) == (403, "auth.forbidden")
    await new_operator()
    operator = await browser("ada@ops", "operator")
    await operator.step_up("operator")
    theirs = f"{O}/staff/{made['user_id']}/password-link"
    assert (await operator("POST", theirs, {})).status_code == 404
    idle = await browser("owner@tea")
    assert code(await idle("POST", f"{M}/staff/{made['user_id']}/password-link", {})) == (
        403, "auth.step_up_needed",
    )  # fmt: skip


async def test_a_link_ends_after_a_day_and_with_its_person(binding, hired, clock):
    owner, made = hired
    body = {"token": made["link"]["token"], "password": PASSWORD}
    await owner("PATCH", f"{M}/staff/{made['user_id']}", {"is_enabled": False, "version": 1})
    assert code(await binding.edge("POST", USE, body)) == (403, "binding.link_wrong")
    assert (
        await owner("POST", f"{M}/staff/{made['user_id']}/password-link", {})
    ).status_code == 404
    await owner("PATCH", f"{M}/staff/{made['user_id']}", {"is_enabled": True, "version": 2})
    assert code(await binding.edge("POST", USE, body)) == (403, "binding.link_wrong"), "burned"
    made = (await owner("POST", f"{M}/staff/{made['user_id']}/password-link", {})).json()
    clock.advance(24 * 3600)
    assert code(await binding.edge("POST", USE, body | {"token": made["token"]})) == (
        403, "binding.link_wrong",
    )  # fmt: skip


async def test_of_several_at_once_one_chooses(binding, hired):
    _, made = hired
    bodies = [
        {"token": made["link"]["token"], "password": f"{PASSWORD} {number}"} for number in range(8)
    ]
    answers = await asyncio.gather(*(binding.edge("POST", USE, body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password1234", "too common"), ("Tea house 2026!", "a name of yours"),
        ("till@tea till@tea", "the login"), ("Till 2026 12345", "the login"),
        ("short", "12 to 128"),
    ],
)  # fmt: skip
async def test_a_link_takes_no_weak_password(binding, hired, password, why):
    _, made = hired
    body = {"token": made["link"]["token"], "password": password}
    refused = await binding.edge("POST", USE, body)
    assert code(refused) == (422, "binding.weak_password")
    assert refused.json()["errors"][0]["pointer"] == "/password"
    assert why in " ".join(fault["message"] for fault in refused.json()["errors"])
    assert (await binding.edge("POST", USE, body | {"password": PASSWORD})).status_code == 200


@pytest.mark.parametrize("token", ["", "x" * 15, "x" * 129, "a b" * 20, 7, None, "ü" * 40])
async def test_what_is_no_token(binding, token):
    answer = await binding.edge("POST", SHOW, {"token": token})
    assert code(answer) == (422, "invalid_body")


async def test_new_lifted_and_reset_accounts_approve_nothing_for_a_day(
    binding, hired, browser, choose, clock
):
    """S131: `users.may_approve_from` is what approvals asks for."""
    owner, made = hired
    since = "SELECT may_approve_from FROM users WHERE login = 'till@tea'"

    async def hours():
        found = await binding.database.value(since)
        return (found - clock.now()).total_seconds() / 3600

    assert await hours() == 24
    clock.advance(3600)
    await choose(made["link"])
    assert await hours() == 24, "whoever made the link could have used it"
    path = f"{M}/staff/{made['user_id']}"
    clock.advance(3600)
    owner = await browser("owner@tea")
    await owner.step_up()
    assert (await owner("PATCH", path, {"name": "周", "version": 1})).status_code == 200
    assert await hours() == 23, "a name is no power"
    lifted = await owner("PATCH", path, {"role": "merchant_owner", "version": 2})
    assert lifted.status_code == 200
    assert await hours() == 24
    clock.advance(3600)
    await owner.step_up()
    await owner("PATCH", path, {"is_enabled": False, "version": 3})
    await owner("PATCH", path, {"is_enabled": True, "version": 4})
    assert await hours() == 24, "an account that slept is like a new one"
    clock.advance(3600)
    lifted = await browser("till@tea")
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await lifted("POST", f"{M}/password", body)).status_code == 204
    assert await hours() == 23, "one's own change with the old password is no reset"
