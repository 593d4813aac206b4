"""What operators see of merchants without acting for them, and how they help an owner back in
(S131, S132)."""

from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from services.binding.tenancy.rules import Role
from tests.integration.binding.oversight.test_suspension import logged

pytestmark = pytest.mark.asyncio
M, O, PUBLIC = "/api/merchant/v1", "/api/operator/v1", "/api/public/v1"  # noqa: E741
MERCHANTS = f"{O}/merchants"
REASON = "工单 5003：负责人忘记密码"


@pytest_asyncio.fixture
async def ada(new_operator, browser):
    """An operator of the higher role, stepped up."""
    await new_operator()
    found = await browser("ada@ops", "operator")
    await found.step_up("operator")
    return found


@pytest_asyncio.fixture
async def bob(new_operator, browser):
    """One of the lowest role."""
    await new_operator("bob@ops", Role.OPERATOR_OPS)
    found = await browser("bob@ops", "operator")
    await found.step_up("operator")
    return found


async def listed(operator, **asked):
    answer = await operator("GET", MERCHANTS, **asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- the list


async def test_the_list_says_how_far_each_is_and_where_it_stands(ada, new_merchant, browser):
    await new_merchant("Tea house", "owner@tea")
    (row,) = (await listed(ada))["items"]
    assert row["progress"]["percent"] == 0
    assert row["progress"]["is_ready"] is False
    owner = await browser("owner@tea")
    shown = (await owner("GET", f"{M}/onboarding")).json()
    assert row["progress"]["step"]["row"] == shown["next_row"]
    assert row["progress"]["step"]["title_zh"]
    assert row["progress"]["step"]["title_en"]

    await owner("POST", f"{M}/onboarding/rows/1.1/done", {"note": "企业账号"})
    (row,) = (await listed(ada))["items"]
    again = (await owner("GET", f"{M}/onboarding")).json()
    assert row["progress"]["percent"] == again["percent"] > 0
    assert row["progress"]["step"]["row"] == again["next_row"]


async def test_what_failed_is_where_it_is_stuck(ada, new_merchant, binding):
    merchant_id, _ = await new_merchant()
    await binding.database.execute(
        "INSERT INTO onboarding_rows (tenant_id, app_id, row, state, remedy, evidence, by, at,"
        " attempts) VALUES ($1, '', '4.1', 'failed', 'review_rejected', '{}', 'test', now(), 0)",
        merchant_id,
    )
    (row,) = (await listed(ada))["items"]
    step = row["progress"]["step"]
    assert (step["row"], step["state"]) == ("4.1", "failed")
    assert "审核未通过" in step["remedy_zh"]
    assert step["remedy_en"]
    assert step["at"]


@pytest.mark.parametrize("q", ["雾茶", "CLOUD", "cloud-t", "tea-1"])
async def test_search_finds_by_any_part(ada, new_merchant, q):
    """Name, handle; of any case, in any language."""
    await new_merchant("云雾茶行 Cloud Tea", "owner@cloud-tea-1")
    await new_merchant("Coffee house", "owner@coffee")
    found = await listed(ada, q=q)
    assert [row["handle"] for row in found["items"]] == ["cloud-tea-1"]
    assert found["total"] == 1


async def test_search_takes_an_id_and_no_pattern(ada, new_merchant):
    merchant_id, _ = await new_merchant("100% Tea", "owner@tea")
    await new_merchant("Coffee house", "owner@coffee")
    assert (await listed(ada, q=str(merchant_id)))["total"] == 1
    assert (await listed(ada, q="%"))["total"] == 1
    assert (await listed(ada, q="_"))["total"] == 0
    assert (await listed(ada, merchant_id=[str(merchant_id), str(uuid4())]))["total"] == 1
    many = [str(uuid4()) for _ in range(101)]
    assert (await ada("GET", MERCHANTS, merchant_id=many)).status_code == 422


async def test_two_of_one_name_are_told(ada, new_merchant):
    await new_merchant("Tea house", "owner@tea")
    await new_merchant("TEA HOUSE", "owner@tea2")
    await new_merchant("Coffee house", "owner@coffee")
    found = {row["handle"]: row["namesakes"] for row in (await listed(ada))["items"]}
    assert found == {"tea": 1, "tea2": 1, "coffee": 0}


async def test_suspended_ones_are_told_apart(ada, new_merchant):
    merchant_id, _ = await new_merchant()
    await new_merchant("Coffee house", "owner@coffee")
    await ada("POST", f"{MERCHANTS}/{merchant_id}/suspend", {"reason": REASON})
    assert [row["handle"] for row in (await listed(ada, suspended="yes"))["items"]] == ["tea"]
    assert [row["handle"] for row in (await listed(ada, suspended="no"))["items"]] == ["coffee"]


async def test_making_one_is_in_the_operators_log(ada, browser, choose):
    made = await ada("POST", MERCHANTS, {"name": "茶铺", "login": "owner@tea", "handle": "tea"})
    assert made.status_code == 201, made.text
    ((name, _, facts),) = await logged(ada, O, "merchant.create")
    assert (name, facts) == ("ada@ops", {"name": "茶铺", "handle": "tea", "owner": "owner@tea"})
    await choose(made.json()["link"])
    owner = await browser("owner@tea")
    ((name, _, facts),) = await logged(owner, M, "merchant.create")
    assert (name, facts) == ("ada@ops", {"name": "茶铺", "handle": "tea"})


# --- one merchant


async def test_stores_of_one_merchant_only(ada, bob, new_merchant, browser):
    merchant_id, _ = await new_merchant()
    other_id, _ = await new_merchant("Coffee house", "owner@coffee")
    owner = await browser("owner@tea")
    await owner("POST", f"{M}/stores", {"name": "一店"})
    for operator in (ada, bob):
        found = (await operator("GET", f"{MERCHANTS}/{merchant_id}/stores")).json()
        assert [row["name"] for row in found["items"]] == ["一店"]
        assert (await operator("GET", f"{MERCHANTS}/{other_id}/stores")).json()["total"] == 0
    assert (await ada("GET", f"{MERCHANTS}/{uuid4()}/stores")).status_code == 404
    assert (await owner("GET", f"{MERCHANTS}/{merchant_id}/stores")).status_code == 403


async def test_renaming_is_in_both_logs(ada, bob, new_merchant, browser):
    merchant_id, _ = await new_merchant()
    path = f"{MERCHANTS}/{merchant_id}"
    version = (await ada("GET", path)).json()["version"]
    body = {"name": "新茶铺", "version": version}
    assert (await bob("PATCH", path, body)).status_code == 403
    assert (await ada("PATCH", path, body)).json()["name"] == "新茶铺"
    stale = await ada("PATCH", path, {"name": "别的", "version": version})
    assert (stale.status_code, stale.json()["code"]) == (409, "binding.stale_version")
    owner = await browser("owner@tea")
    assert (await owner("GET", f"{M}/merchant")).json()["name"] == "新茶铺"
    for console, who in ((M, owner), (O, ada)):
        ((name, _, facts),) = await logged(who, console, "merchant.rename")
        assert (name, facts) == ("ada@ops", {"name": "新茶铺"})


async def test_owners_are_for_those_who_may_help_them(ada, bob, new_merchant):
    """The lowest role sees no person (ADR 0019)."""
    merchant_id, user = await new_merchant()
    path = f"{MERCHANTS}/{merchant_id}/owners"
    (owner,) = (await ada("GET", path)).json()["items"]
    assert (owner["user_id"], owner["login"]) == (str(user.user_id), "owner@tea")
    assert (owner["has_password"], owner["link_until"]) == (True, None)
    refused = await bob("GET", path)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.forbidden")


# --- helping an owner back in


@pytest_asyncio.fixture
async def locked_out(ada, new_merchant):
    """.path of an owner's link, .merchant_id, the .user."""
    merchant_id, user = await new_merchant()
    path = f"{MERCHANTS}/{merchant_id}/owners/{user.user_id}/password-link"
    return merchant_id, user, path


async def test_an_owner_is_helped_back_in(ada, locked_out, choose, browser, binding):
    merchant_id, _user, path = locked_out
    before = await browser("owner@tea")
    made = await ada("POST", path, {"reason": REASON})
    assert made.status_code == 201, made.text
    assert (await before("GET", f"{M}/session")).status_code == 200, "a link shuts nobody out"
    (owner,) = (await ada("GET", f"{MERCHANTS}/{merchant_id}/owners")).json()["items"]
    assert owner["link_until"] == made.json()["expires_at"]
    await choose(made.json(), "another battery horse")
    assert (await before("GET", f"{M}/session")).status_code == 404
    owner = await browser("owner@tea", password="another battery horse")
    for console, who in ((M, owner), (O, ada)):
        (told,) = await logged(who, console, "password.link")
        assert (told[0], told[1], told[2]["is_reset"]) == ("ada@ops", REASON, True)
    assert "token" not in str(await logged(ada, O, "password.link"))
    used = await binding.edge("POST", f"{PUBLIC}/password-link", {"token": made.json()["token"]})
    assert used.json()["code"] == "binding.link_wrong"


async def test_for_a_day_no_money_key_or_power_is_touched(
    ada, locked_out, choose, browser, clock, new_operator
):
    """Whoever made the link could have used it: the shop goes on, the till is not theirs."""
    merchant_id, _, path = locked_out
    made = await ada("POST", path, {"reason": REASON})
    await choose(made.json())
    owner = await browser("owner@tea")
    await owner.step_up()
    shown = (await owner("GET", f"{M}/session")).json()
    assert shown["limited_until"] is not None
    held = set(shown["permissions"])
    assert not held & {
        "payments.refund", "apps.write", "apps.approve", "merchant.write",
        "staff.write", "api_keys.write", "acting.consent", "campaigns.write",
    }  # fmt: skip
    assert {"orders.read", "stores.write", "devices.write", "acting.end", "account.own"} <= held
    # What ADR 0019 rests on: no operator makes an owner who agrees to what that operator asks.
    body = {"merchant_id": str(merchant_id), "permission_set": "setup", "reason": REASON}
    grant = (await ada("POST", f"{O}/acting/grants", body | {"minutes": 30})).json()
    consent = await owner("POST", f"{M}/acting/grants/{grant['grant_id']}/give")
    assert (consent.status_code, consent.json()["code"]) == (403, "auth.forbidden")
    person = {"username": "x", "name": "x", "role": "merchant_owner"}
    assert (await owner("POST", f"{M}/staff", person)).status_code == 403
    clock.advance(24 * 3600)
    owner = await browser("owner@tea")
    after = (await owner("GET", f"{M}/session")).json()
    assert after["limited_until"] is None
    assert {"payments.refund", "apps.write", "acting.consent"} <= set(after["permissions"])


async def test_a_first_password_limits_nobody(ada, browser, choose):
    """The first link was lost: the owner never had a password, so nothing was ever theirs."""
    made = (await ada("POST", MERCHANTS, {"name": "茶铺", "login": "owner@tea"})).json()
    path = f"{MERCHANTS}/{made['merchant_id']}/owners/{made['owner']['user_id']}/password-link"
    again = await ada("POST", path, {"reason": "工单 5004：链接丢了"})
    await choose(again.json())
    owner = await browser("owner@tea")
    shown = (await owner("GET", f"{M}/session")).json()
    assert shown["limited_until"] is None
    assert "payments.refund" in shown["permissions"]


async def test_a_second_owner_without_a_password_is_no_way_round(ada, locked_out, choose, browser):
    """That account never had one, but the shop is behind it."""
    merchant_id, _, _ = locked_out
    owner = await browser("owner@tea")
    await owner.step_up()
    body = {"username": "second", "name": "second", "role": "merchant_owner"}
    user_id = (await owner("POST", f"{M}/staff", body)).json()["user_id"]
    path = f"{MERCHANTS}/{merchant_id}/owners/{user_id}/password-link"
    await choose((await ada("POST", path, {"reason": REASON})).json())
    shown = (await (await browser("second@tea"))("GET", f"{M}/session")).json()
    assert shown["limited_until"] is not None
    assert not {"payments.refund", "apps.write", "api_keys.write"} & set(shown["permissions"])


async def test_a_colleagues_reset_limits_nobody(new_merchant, browser, second_owner, choose):
    _, user = await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    colleague = await second_owner(owner)
    made = await colleague("POST", f"{M}/staff/{user.user_id}/password-link", {})
    await choose(made.json())
    again = await browser("owner@tea")
    assert (await again("GET", f"{M}/session")).json()["limited_until"] is None


async def test_who_is_helped_how_and_by_whom(ada, bob, locked_out, new_merchant, binding, clock):
    merchant_id, user, path = locked_out
    other_id, _ = await new_merchant("Coffee house", "owner@coffee")
    assert (await bob("POST", path, {"reason": REASON})).status_code == 403
    assert (await ada("POST", path, {"reason": "x"})).status_code == 422
    elsewhere = path.replace(str(merchant_id), str(other_id))
    assert (await ada("POST", elsewhere, {"reason": REASON})).status_code == 404
    cashier = await binding.database.value(
        "UPDATE users SET role = 'cashier' WHERE user_id = $1 RETURNING user_id", user.user_id
    )
    assert cashier == UUID(str(user.user_id))
    assert (await ada("POST", path, {"reason": REASON})).status_code == 404, "owners only"
    clock.advance(301)
    stale = await ada("POST", path, {"reason": REASON})
    assert stale.json()["code"] == "auth.step_up_needed"
    assert await binding.database.value("SELECT count(*) FROM password_links") == 0


async def test_the_second_factor_goes_only_when_it_is_said(
    ada, new_merchant, browser, register, choose
):
    merchant_id, user = await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    assert (await register(owner))[1].status_code == 201
    path = f"{MERCHANTS}/{merchant_id}/owners/{user.user_id}/password-link"
    made = await ada("POST", path, {"reason": REASON, "remove_second_factor": True})
    await choose(made.json())
    again = await browser("owner@tea")
    assert (await again("GET", f"{M}/session")).json()["user"]["has_second_factor"] is False
