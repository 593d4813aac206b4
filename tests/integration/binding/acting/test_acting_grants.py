"""More than look and help for an acting operator: asked for, given by somebody else, over at its
time or at a word; money and keys never (S131, S132)."""

import json
from uuid import uuid4

import asyncpg
import pytest

from services.binding.acting import grants as acting_grants
from services.binding.tenancy.rules import Role
from tests.architecture.test_acting import NEVER
from tests.integration.binding.conftest import PASSWORD, WHY
from tests.integration.binding.test_doors import AnyId, filled

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
GRANTS = "/acting/grants"
DAY = 24 * 3600


async def test_who_may_not_look_at_people_reads_no_login(world, app_body):
    """Who bound an app and who finished a step is told to the merchant's own people alone."""
    assert (await world.owner("PUT", f"{M}/apps", app_body())).status_code == 200
    done = f"{M}/onboarding/rows/1.1/done"
    assert (await world.owner("POST", done, {"note": "已认证"})).status_code == 200
    await world.act()

    async def signed(who):
        (app,) = (await who("GET", f"{M}/apps")).json()["items"]
        found = (await who("GET", f"{M}/onboarding")).json()["steps"]
        return app["updated_by"], [
            row["by"] for step in found for row in step["rows"] if row["row"] == "1.1"
        ]

    assert await signed(world.owner) == ("owner@tea", ["owner@tea"])
    assert await signed(world.bob) == ("", [None])


@pytest.mark.parametrize("by", ["owner", "ada"])
async def test_it_is_asked_for_given_and_used(world, by, binding):
    await world.act()
    assert not await world.makes_store("门店甲")
    asked = await world.ask()
    assert asked.status_code == 201, asked.text
    grant = asked.json()
    assert (grant["state"], grant["reason"], grant["minutes"]) == ("asked", WHY, 30)
    assert grant["permissions"] == ["onboarding.write", "stores.write"]
    assert not await world.makes_store("门店甲"), "asking is not being given"
    seen = await world.shown(grant)
    assert (seen["operator_name"], seen["state"]) == ("bob@ops", "asked")
    (waiting,) = (await world.ada("GET", f"{O}{GRANTS}")).json()["items"]
    assert (waiting["merchant_name"], waiting["is_own"]) == ("Tea house", False)
    changed = "SELECT count(*) FROM outbox WHERE type = 'session.changed.v1'"
    before = await binding.database.value(changed)
    given = await world.do("give", by, grant)
    assert given.status_code == 200, given.text
    assert await binding.database.value(changed) == before + 1, "the edge asks for the session anew"
    assert given.json()["decided_for"] == ("merchant" if by == "owner" else "operator")
    assert await world.makes_store("门店甲"), "the running session can, at its next request"
    session = (await world.bob("GET", f"{M}/session")).json()
    assert {"onboarding.write", "stores.write"} < set(session["permissions"])


async def test_both_logs_tell_it_with_name_and_reason(world):
    await world.act()
    grant = await world.given()
    assert await world.makes_store("门店甲")
    await world.do("withdraw", "owner", grant)
    log = (await world.owner("GET", f"{M}/audit", page_size=100)).json()["items"]
    told = [
        (row["action"], row["actor_name"], row["reason"])
        for row in reversed(log)
        if row["action"].startswith("acting.grant") or row["action"] == "store.create"
    ]
    assert told == [
        ("acting.grant_ask", "bob@ops", WHY),
        ("acting.grant_give", "owner@tea", WHY),
        ("store.create", "bob@ops", WHY),
        ("acting.grant_withdraw", "owner@tea", WHY),
    ]
    entry = next(row for row in log if row["action"] == "acting.grant_give")
    assert entry["subject"] == grant["grant_id"]
    assert entry["after"]["operator"] == "bob@ops"
    assert entry["after"]["until"].startswith(grant["until"][:19])
    own = (await world.ada("GET", f"{O}/audit", action="acting.grant*")).json()["items"]
    assert [row["action"] for row in reversed(own)] == [name for name, _, _ in told if "." in name
        and name.startswith("acting")]  # fmt: skip
    verdict = (await world.owner("POST", f"{M}/audit/verify")).json()
    assert verdict["is_intact"]


async def test_who_may_give(world, new_operator, browser, clock, binding):
    """Neither the asker, nor an operator of the lowest role, nor an account that is new or newly
    reset; and only with the password just entered."""
    grant = (await world.ask(by=world.ada)).json()
    own = await world.do("give", "ada", grant)
    assert (own.status_code, own.json()["code"]) == (403, "binding.own_change")
    assert (await world.do("refuse", "ada", grant)).json()["code"] == "binding.own_change"
    lowest = await world.do("give", "bob", grant)
    assert (lowest.status_code, lowest.json()["code"]) == (403, "auth.forbidden")
    await new_operator("cleo@ops")
    cleo = await browser("cleo@ops", "operator")
    stale = await world.do("give", cleo, grant)
    assert stale.json()["code"] == "auth.step_up_needed"
    await cleo.step_up("operator")
    new = await world.do("give", cleo, grant)
    assert (new.status_code, new.json()["code"]) == (403, "binding.not_yet_approver")
    assert (await world.shown(grant))["state"] == "asked"
    clock.advance(301)
    assert (await world.do("give", "owner", grant)).json()["code"] == "auth.step_up_needed"
    with pytest.raises(asyncpg.CheckViolationError):
        await binding.database.execute(
            "UPDATE acting_grants SET decided_by = operator_id, decided_at = asked_at,"
            " until = asked_at, state = 'given'"
        )


async def test_a_new_asker_is_not_given_more_by_an_operator(world, new_operator, browser):
    """Whoever made the account could ask as that person and agree as himself. An owner may agree:
    that is the merchant's word, whoever asks."""
    await new_operator("dan@ops", Role.OPERATOR_OPS)
    dan = await browser("dan@ops", "operator")
    grant = (await world.ask(by=dan)).json()
    refused = await world.do("give", "ada", grant)
    assert (refused.status_code, refused.json()["code"]) == (403, "binding.not_yet_approver")
    assert (await world.do("give", "owner", grant)).status_code == 200


async def test_an_operator_cannot_agree_in_the_merchants_name(world, binding):
    """Not while acting, and not with a token that claims the permission."""
    await world.act()
    grant = await world.given()
    await world.do("withdraw", "bob", grant)
    again = (await world.ask()).json()
    for verdict in ("give", "refuse", "withdraw"):
        answer = await world.bob("POST", f"{M}{GRANTS}/{again['grant_id']}/{verdict}")
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
    forged = binding.user(world.merchant_id, world.ada_id, {"acting.consent"}, uuid4())
    answer = await forged("POST", f"{M}{GRANTS}/{again['grant_id']}/give")
    assert (answer.status_code, answer.json()["code"]) == (403, "binding.not_yet_approver")


@pytest.mark.parametrize("verdict", ["give", "refuse", "withdraw"])
async def test_another_merchant_has_no_part_in_it(world, verdict, new_merchant, browser):
    grant = (await world.ask()).json()
    other_id, _ = await new_merchant("Coffee house", "owner@coffee")
    stranger = await browser("owner@coffee")
    await stranger.step_up()
    assert (await stranger("GET", f"{M}{GRANTS}")).json()["items"] == []
    path = f"{M}{GRANTS}/{grant['grant_id']}/{verdict}"
    assert (await stranger("POST", path)).status_code == 404
    wrong = f"{O}{GRANTS}/{other_id}/{grant['grant_id']}/{verdict}"
    assert (await world.ada("POST", wrong)).status_code == 404
    assert (await world.shown(grant))["state"] == "asked"


async def test_it_is_for_one_merchant_and_one_operator(world, new_merchant):
    await world.given()
    other_id, _ = await new_merchant("Coffee house", "owner@coffee")
    body = {"merchant_id": str(other_id), "reason": WHY, "minutes": 60}
    assert (await world.bob("POST", f"{O}/acting", body)).status_code == 201
    assert not await world.makes_store("门店甲"), "given for the tea house only"
    body |= {"merchant_id": str(world.merchant_id)}
    assert (await world.ada("POST", f"{O}/acting", body)).status_code == 201
    answer = await world.ada("POST", f"{M}/stores", {"name": "门店乙"})
    assert answer.status_code == 403, "given to bob only"


async def test_money_keys_and_people_stay_shut_with_every_grant(world):
    """Every door of binding's that is on the list, at the running session of an operator who holds
    all that can be given. The other services' doors ask for permissions that are not in it."""
    await world.act()
    await world.given()
    assert await world.makes_store("门店甲")
    held = set((await world.bob("GET", f"{M}/session")).json()["permissions"])
    assert not held & {"payments.refund", "devices.write", "campaigns.write", "apps.write"}
    doors = [door.split(" ") for door in NEVER]
    for method, path in doors:
        if any(part in path for part in ("/payments/", "/devices/", "/campaign/")):
            continue
        answer = await world.bob(method, filled(path, AnyId()), {})
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden"), path


async def test_it_ends_at_its_time(world, clock, binding):
    await world.act()
    grant = await world.given(minutes=20)
    clock.advance(20 * 60 - 1)
    assert await world.makes_store("门店甲")
    clock.advance(1)
    assert not await world.makes_store("门店乙")
    assert (await world.bob("GET", f"{M}/stores")).status_code == 200, "look and help go on"
    held = (await world.bob("GET", f"{M}/session")).json()["permissions"]
    assert not {"stores.write", "onboarding.write"} & set(held)
    seen = await world.shown(grant)
    assert (seen["state"], seen["end_cause"]) == ("ended", "time"), "noted or not"
    assert await acting_grants.end_overdue(binding.deps) == 1
    assert await acting_grants.end_overdue(binding.deps) == 0
    entries = (await world.owner("GET", f"{M}/audit", action="acting.grant_end")).json()["items"]
    assert [(row["subject"], row["reason"]) for row in entries] == [(grant["grant_id"], WHY)]
    assert (await world.ask()).status_code == 201


async def test_nobody_answers_and_it_is_over(world, clock, binding, browser):
    grant = (await world.ask()).json()
    clock.advance(DAY)
    world.owner = await browser("owner@tea")
    await world.owner.step_up()
    late = await world.do("give", "owner", grant)
    assert (late.status_code, late.json()["code"]) == (409, "binding.grant_decided")
    bob = await browser("bob@ops", "operator")
    assert (await world.ask(by=bob)).status_code == 201, "one may ask anew, noted or not"
    assert (await world.shown(grant))["end_cause"] == "time"


async def test_a_merchant_withdraws_it_and_the_operator_is_out(world):
    """At the very next request, and twice is once."""
    await world.act()
    grant = await world.given()
    assert await world.makes_store("门店甲")
    for _ in range(2):
        assert (await world.do("withdraw", "owner", grant)).status_code == 204
    assert (await world.bob("GET", f"{M}/stores")).status_code == 403
    assert (await world.bob("GET", f"{O}/session")).json()["acting"] is None
    log = (await world.owner("GET", f"{M}/audit", action="acting.*")).json()["items"]
    assert [row["action"] for row in log[:2]] == ["acting.end", "acting.grant_withdraw"]
    await world.act()
    assert not await world.makes_store("门店乙"), "back to look and help"


async def test_an_operator_returns_it_and_goes_on_looking(world):
    await world.act()
    grant = await world.given()
    assert (await world.do("withdraw", "bob", grant)).status_code == 204
    assert not await world.makes_store("门店甲")
    assert (await world.bob("GET", f"{M}/stores")).status_code == 200
    assert (await world.shown(grant))["end_cause"] == "returned"


async def test_operators_of_another_platform_have_no_part_in_it(world, binding):
    grant = await world.given()
    stranger = binding.user(uuid4(), uuid4(), {"acting.use", "acting.grant"}, uuid4())
    assert (await stranger("GET", f"{O}{GRANTS}")).json()["items"] == []
    assert (await world.do("withdraw", stranger, grant)).status_code == 404
    assert (await world.shown(grant))["state"] == "given"


async def test_operators_end_what_is_not_theirs_only_with_the_power(world, new_operator, browser):
    await new_operator("dan@ops", Role.OPERATOR_OPS)
    dan = await browser("dan@ops", "operator")
    grant = await world.given()
    assert (await world.do("withdraw", dan, grant)).status_code == 403
    assert (await world.shown(grant))["state"] == "given"
    assert (await world.do("withdraw", "ada", grant)).status_code == 204
    assert (await world.shown(grant))["end_cause"] == "withdrawn"


@pytest.mark.parametrize("how", ["disabled", "moved", "reset"])
@pytest.mark.parametrize("state", ["asked", "given"])
async def test_it_ends_with_the_operators_powers(world, how, state, choose, browser):
    grant = (await world.ask()).json() if state == "asked" else await world.given()
    if state == "given":
        await world.act()
    path = f"{O}/staff/{world.bob_id}"
    if how == "reset":
        link = (await world.ada("POST", f"{path}/password-link", {})).json()
        assert (await world.shown(grant))["state"] == state, "a link alone ends nothing"
        await choose(link, "correct horse staples")
    else:
        change = {"is_enabled": False} if how == "disabled" else {"role": "operator_admin"}
        answer = await world.ada("PATCH", path, change | {"version": 1})
        assert answer.status_code == 200, answer.text
    seen = await world.shown(grant)
    assert (seen["state"], seen["end_cause"]) == ("ended", "powers")
    late = await world.do("give", "owner", grant)
    assert (late.status_code, late.json()["code"]) == (409, "binding.grant_decided")
    if how != "disabled":
        word = "correct horse staples" if how == "reset" else PASSWORD
        world.bob = await browser("bob@ops", "operator", word)
        await world.bob.step_up("operator", word)
        await world.act()
        assert not await world.makes_store("门店甲")


async def test_one_at_a_time_and_only_what_makes_sense(world):
    assert (await world.ask()).status_code == 201
    again = await world.ask()
    assert (again.status_code, again.json()["code"]) == (409, "binding.grant_open")
    assert (await world.ask(by=world.ada, merchant_id=str(uuid4()))).status_code == 404
    for wrong in (
        {"minutes": 0}, {"minutes": 481}, {"reason": "x"}, {"reason": "协助"}, {"reason": ""},
        {"permission_set": "payments"}, {"permission_set": ""}, {"store_ids": []},
    ):  # fmt: skip
        assert (await world.ask(by=world.ada, **wrong)).status_code == 422, wrong
    assert (await world.ask(by=world.ada, minutes=480)).status_code == 201


async def test_refusals_say_nothing_of_others(world):
    """The list of an operator who cannot give shows what waits, and of what is over only his."""
    grant = (await world.ask(by=world.ada)).json()
    (seen,) = (await world.bob("GET", f"{O}{GRANTS}")).json()["items"]
    assert not seen["is_own"]
    await world.do("refuse", "owner", grant)
    assert (await world.bob("GET", f"{O}{GRANTS}")).json()["items"] == []
    (own,) = (await world.ada("GET", f"{O}{GRANTS}")).json()["items"]
    assert (own["state"], own["decided_name"]) == ("refused", "owner@tea")
    other = (await world.ada("GET", f"{O}{GRANTS}", merchant_id=str(uuid4()))).json()
    assert other["items"] == []
    assert json.dumps(own).count("owner@tea") == 1
