"""Acting for a merchant: a reason, a time box, less than an owner may, and a trace (S131, S132)."""

import asyncio
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
REASON = "工单 4711：协助绑定"
LOOK = {
    "orders.read", "payments.read", "stores.read", "devices.read", "apps.read", "campaigns.read",
    "staff.read", "api_keys.read", "audit.read",
}  # fmt: skip
HELP = {"onboarding.check"}


@pytest_asyncio.fixture
async def acting(new_merchant, new_operator, browser):
    """(merchant's id, the operator's browser, the grant as answered), already acting."""
    merchant_id, _ = await new_merchant()
    await new_operator("bob@ops")
    operator = await browser("bob@ops", "operator")
    body = {"merchant_id": str(merchant_id), "reason": REASON, "minutes": 30}
    refused = await operator("POST", f"{O}/acting", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.step_up_needed")
    await operator.step_up("operator")
    answer = await operator("POST", f"{O}/acting", body)
    assert answer.status_code == 201, answer.text
    return merchant_id, operator, answer.json()


async def test_it_waits_for_a_slow_commit(new_merchant, new_operator, browser, binding):
    """Every act of an organisation waits for the one before it, in its audit chain."""
    merchant_id, _ = await new_merchant()
    await new_operator("bob@ops")
    operator = await browser("bob@ops", "operator")
    await operator.step_up("operator")
    body = {"merchant_id": str(merchant_id), "reason": REASON, "minutes": 30}
    async with binding.database._connected() as slow, slow.transaction():
        await slow.execute("SELECT 1 FROM audit_heads FOR UPDATE")
        begun = asyncio.create_task(operator("POST", f"{O}/acting", body))
        await asyncio.sleep(3)
        assert not begun.done(), (await begun).text
    assert (await begun).status_code == 201


async def test_both_consoles_show_it_and_the_merchant_sees_it(acting, browser):
    merchant_id, operator, made = acting
    for console in (M, O):
        shown = (await operator("GET", f"{console}/session")).json()
        assert shown["acting"] == made["acting"]
        assert shown["acting"]["reason"] == REASON
        assert shown["acting"]["merchant_id"] == str(merchant_id)
        assert (shown["merchant"] is None) == (console == O)
    assert set((await operator("GET", f"{M}/session")).json()["permissions"]) == LOOK | HELP
    owner = await browser("owner@tea")
    (seen,) = (await owner("GET", f"{M}/merchant")).json()["operators_acting"]
    assert (seen["operator_name"], seen["reason"]) == ("bob@ops", REASON)
    assert (await owner("GET", f"{M}/session")).json()["acting"] is None


async def test_what_is_done_names_operator_and_reason(acting, browser):
    merchant_id, operator, _ = acting
    refused = await operator("POST", f"{M}/stores", {"name": "代建门店"})
    assert refused.status_code == 403, "acting looks and helps, it changes nothing"
    owner = await browser("owner@tea")
    entries = (await owner("GET", f"{M}/audit")).json()["items"]
    assert [(row["action"], row["actor_name"], row["reason"]) for row in entries[1:2]] == [
        ("acting.start", "bob@ops", REASON),
    ]  # fmt: skip
    own = (await operator("GET", f"{O}/audit", action="acting.*")).json()["items"]
    assert own[0]["after"]["merchant_id"] == str(merchant_id)
    assert own[0]["after"]["merchant"] == "Tea house", "an id tells a reader nothing"


async def test_it_is_less_than_an_owner(acting):
    """No people, no API keys, no second approval, not one's own account by another's name."""
    _, operator, _ = acting
    person = {"username": "x", "name": "x", "role": "merchant_owner"}
    for method, path, body in (
        ("POST", "/staff", person), ("POST", "/api-keys", {"name": "x"}),
        ("PATCH", f"/staff/{uuid4()}", {"version": 1}), ("DELETE", "/sessions", None),
        ("POST", "/password", {"current_password": PASSWORD, "new_password": PASSWORD}),
    ):  # fmt: skip
        answer = await operator(method, M + path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden"), path
    assert (await operator.step_up("merchant")).status_code == 200
    assert (await operator("GET", f"{M}/staff")).status_code == 200


@pytest.mark.parametrize("how", ["time", "stop", "sign-out", "owner-less"])
async def test_it_ends(acting, clock, how, binding):
    _, operator, _ = acting
    if how == "time":
        clock.advance(30 * 60)
    elif how == "stop":
        assert (await operator("DELETE", f"{O}/acting")).status_code == 204
        assert (await operator("DELETE", f"{O}/acting")).status_code == 204
    elif how == "sign-out":
        assert (await operator("DELETE", f"{M}/session")).status_code == 204
        assert (await operator("GET", f"{O}/session")).status_code == 404
        assert await binding.database.value("SELECT count(ended_at) FROM acting") == 1
        told = "SELECT reason FROM audit_log WHERE action = 'acting.stop'"
        assert await binding.database.value(told) == REASON
        return
    else:
        await binding.database.execute(
            "UPDATE users SET is_enabled = false WHERE login = 'bob@ops'"
        )
        assert (await operator("GET", f"{M}/stores")).status_code == 404
        return
    assert (await operator("GET", f"{M}/stores")).status_code == 403
    assert (await operator("GET", f"{O}/session")).json()["acting"] is None


async def test_one_merchant_at_a_time_and_only_real_ones(acting, new_merchant):
    _, operator, _ = acting
    other, _ = await new_merchant("Coffee house", "owner@coffee")
    body = {"merchant_id": str(other), "reason": REASON, "minutes": 5}
    again = await operator("POST", f"{O}/acting", body)
    assert (again.status_code, again.json()["code"]) == (409, "binding.already_acting")
    await operator("DELETE", f"{O}/acting")
    nobody = await operator("POST", f"{O}/acting", body | {"merchant_id": str(uuid4())})
    assert nobody.status_code == 404
    for wrong in (
        {"reason": ""},
        {"minutes": 61},
        {"minutes": 0},
        {"reason": " x"},
        {"reason": "x"},
        {"reason": "协助"},
        {"reason": "aaaa aaaa aaaa"},
    ):
        assert (await operator("POST", f"{O}/acting", body | wrong)).status_code == 422


async def test_a_grant_is_nothing_to_another_session(binding, acting, browser):
    """A token that names a grant of somebody else's session opens nothing."""
    merchant_id, _, _ = acting
    (grant,) = await binding.database.fetch("SELECT * FROM acting")
    thief = binding.user(
        merchant_id, grant["operator_id"], LOOK | HELP, uuid4(), acting_id=grant["acting_id"]
    )
    assert (await thief("GET", f"{M}/session")).status_code == 401
    assert (await thief("POST", f"{M}/session/step-up", {"password": PASSWORD})).status_code == 401


async def test_an_owner_sends_the_operator_away(acting, browser, new_merchant):
    """Visible, and over at a word of the merchant's; nobody else's to end."""
    _, operator, _ = acting
    owner = await browser("owner@tea")
    (seen,) = (await owner("GET", f"{M}/merchant")).json()["operators_acting"]
    path = f"{M}/acting/{seen['acting_id']}"
    await new_merchant("Coffee house", "owner@coffee")
    assert (await (await browser("owner@coffee"))("DELETE", path)).status_code == 404
    assert (await operator("DELETE", path)).status_code == 403
    assert (await operator("GET", f"{M}/stores")).status_code == 200
    for _ in range(2):
        assert (await owner("DELETE", path)).status_code == 204
    assert (await operator("GET", f"{M}/stores")).status_code == 403
    assert (await owner("GET", f"{M}/merchant")).json()["operators_acting"] == []
    (ended,) = (await owner("GET", f"{M}/audit", action="acting.end")).json()["items"]
    assert ended["subject"] == seen["acting_id"]


@pytest.mark.parametrize("how", ["stop", "sign-out", "sent-away"])
async def test_both_logs_say_at_which_merchant_it_ended_and_why(acting, browser, how):
    """The operators' own log is of many merchants."""
    merchant_id, operator, made = acting
    owner, colleague = await browser("owner@tea"), await browser("bob@ops", "operator")
    if how == "stop":
        await operator("DELETE", f"{O}/acting")
    elif how == "sign-out":
        await operator("DELETE", f"{M}/session")
    else:
        (seen,) = (await owner("GET", f"{M}/merchant")).json()["operators_acting"]
        await owner("DELETE", f"{M}/acting/{seen['acting_id']}")
    action = "acting.end" if how == "sent-away" else "acting.stop"
    for reader, console in ((colleague, O), (owner, M)):
        (entry,) = (await reader("GET", f"{console}/audit", action=action)).json()["items"]
        assert entry["before"] == {
            "merchant_id": str(merchant_id), "merchant": "Tea house",
            "until": made["acting"]["until"],
        }, console  # fmt: skip
        assert entry["reason"] == REASON, console
