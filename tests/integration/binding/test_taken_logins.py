"""Whether a login is taken anywhere is told, since logins are unique among all; not for long."""

import pytest

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
FREE = 10


def code(answer):
    return answer.status_code, answer.json()["code"]


def person(login):
    return {"login": login, "name": "小周", "role": "cashier"}


async def test_trying_logins_out_is_braked_for_that_merchant(new_merchant, browser, clock):
    await new_merchant()
    await new_merchant("Coffee house", "owner@coffee")
    owner, other = await browser("owner@tea"), await browser("owner@coffee")
    for each in (owner, other):
        await each.step_up()
    path = f"{M}/staff"
    for number in range(FREE):
        assert code(await owner("POST", path, person("owner@coffee"))) == (
            409, "binding.login_taken",
        )  # fmt: skip
        if number < FREE - 1:
            made = await owner("POST", path, person(f"till-{number}@tea"))
            assert made.status_code == 201, "and an account in between forgives nothing"
    for login in ("owner@coffee", "nobody@coffee"):
        refused = await owner("POST", path, person(login))
        assert code(refused) == (429, "auth.login_braked")
        assert 0 < int(refused.headers["retry-after"]) <= 30
    assert (await other("POST", path, person("till@coffee"))).status_code == 201
    clock.advance(31)
    assert (await owner("POST", path, person("till@tea"))).status_code == 201
    assert code(await owner("POST", path, person("owner@coffee")))[0] == 409
    assert code(await owner("POST", path, person("owner@coffee")))[0] == 429, "and longer"


async def test_operators_are_braked_too(new_merchant, new_operator, browser):
    await new_merchant()
    await new_operator()
    operator = await browser("ada@ops", "operator")
    body = {"name": "Bakery", "login": "owner@tea"}
    for _ in range(FREE):
        assert code(await operator("POST", f"{O}/merchants", body)) == (409, "binding.login_taken")
    assert code(await operator("POST", f"{O}/merchants", body)) == (429, "auth.login_braked")
