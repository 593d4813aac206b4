"""Passkeys: made after a step-up, asked for at the sign-in beside the code, a step-up of their own;
what a forger, a colleague and another tenant get with them."""

import asyncio

import pytest

from tests.fixtures.authenticator import Authenticator, b64, raw
from tests.fixtures.races import ROUNDS, race
from tests.integration.binding.conftest import PASSWORD
from tests.integration.binding.sign_in.test_second_factor import code, totp

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
KEYS, FACTOR = f"{M}/passkeys", f"{M}/second-factor"


async def actions(person, of="passkey.*", path=M):
    return (await person("GET", f"{path}/audit", action=of)).json()["items"]


async def test_adding_one(binding, new_merchant, browser, register, present):
    await new_merchant()
    owner = await browser("owner@tea")
    for path in (f"{KEYS}/options", KEYS):
        body = Authenticator().make({"user": {"id": "AA"}, "challenge": "AA"}) | {"name": "x"}
        answer = await owner("POST", path, body if path == KEYS else None)
        assert code(answer) == (403, "auth.step_up_needed")
    empty = (await owner("GET", KEYS)).json()
    assert empty == {"items": [], "limit": 10, "origin": "https://pay.tea.example"}
    await owner.step_up()
    options = (await owner("POST", f"{KEYS}/options")).json()["options"]
    assert options["rp"] == {"id": "pay.tea.example", "name": "Damselfly"}
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert len(raw(options["challenge"])) == 32
    key, made = await register(owner)
    assert made.status_code == 201, made.text
    assert len(set(made.json()["recovery_codes"])) == 10, "the first second factor"
    (shown,) = (await owner("GET", KEYS)).json()["items"]
    assert shown["name"] == "收银台的手机"
    assert (shown["created_at"], shown["last_used_at"]) == ("2026-11-23T04:00:00Z", None)
    person = (await owner("GET", f"{M}/session")).json()["user"]
    assert (person["has_second_factor"], person["has_passkeys"]) == (True, True)
    assert not person["has_authenticator_app"]
    options = (await owner("POST", f"{KEYS}/options")).json()["options"]
    assert [one["id"] for one in options["excludeCredentials"]] == [b64(key.credential_id)]
    second = await register(owner, name="备用")
    assert second[1].json()["recovery_codes"] == [], "the first ones stay"
    assert [(row["action"], row["after"]) for row in await actions(owner)] == [
        ("passkey.add", {"name": "备用"}),
        ("passkey.add", {"name": "收银台的手机"}),
    ]


async def test_the_sign_in_asks_for_it(binding, keyholder, present, asked, clock):
    owner, key, _ = keyholder
    answer = await present(password="not the password")
    assert code(answer) == (401, "auth.bad_credentials")
    assert "passkey" not in answer.json()
    answer = await present()
    assert code(answer) == (403, "auth.code_needed")
    assert answer.json()["methods"] == ["passkey", "recovery_code"]
    options = answer.json()["passkey"]
    assert (options["rpId"], options["userVerification"]) == ("pay.tea.example", "required")
    (allowed,) = options["allowCredentials"]
    assert (allowed["id"], allowed["transports"]) == (
        b64(key.credential_id), ["internal", "hybrid"],
    )  # fmt: skip
    opened = await present(key.sign(options))
    assert opened.status_code == 200, opened.text
    assert opened.json()["step_up_until"] is None
    (shown,) = (await owner("GET", KEYS)).json()["items"]
    assert shown["last_used_at"] == "2026-11-23T04:00:00Z"
    (used,) = await actions(owner, "passkey.use")
    assert used["after"] == {"name": "收银台的手机", "purpose": "sign_in"}


async def test_a_key_that_does_not_count(new_merchant, browser, register, present, asked):
    """Synced passkeys say 0 every time."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    key, _ = await register(owner, Authenticator(count=None))
    for _ in range(3):
        assert (await present(key.sign(await asked()))).status_code == 200


async def test_a_step_up_by_passkey(keyholder, clock):
    """Instead of password and code; the session gets a new cookie; wrong ones are throttled."""
    owner, key, recovery = keyholder
    step_up = f"{M}/session/step-up"
    clock.advance(301)
    assert code(await owner("POST", f"{KEYS}/options")) == (403, "auth.step_up_needed")
    assert code(await owner.step_up()) == (403, "auth.code_needed"), "the password alone is short"
    assert (await owner.step_up(code=recovery[0])).status_code == 200
    clock.advance(301)
    options = (await owner("POST", f"{KEYS}/challenge")).json()["options"]
    before = owner.cookie
    done = await owner("POST", step_up, {"passkey": key.sign(options)})
    assert (done.status_code, done.json()["step_up_until"]) == (200, "2026-11-23T04:15:02Z")
    assert owner.cookie != before
    assert (await owner("POST", f"{KEYS}/options")).status_code == 200
    used = await actions(owner, "passkey.use")
    assert [row["after"]["purpose"] for row in used] == ["step_up"]
    for body in ({}, {"password": PASSWORD, "passkey": key.sign(options)}):
        assert code(await owner("POST", step_up, body)) == (422, "invalid_body")
    for _ in range(10):
        wrong = await owner("POST", step_up, {"passkey": key.sign(options)})
        assert code(wrong) == (403, "auth.passkey_late")
    clock.advance(25)
    options = (await owner("POST", f"{KEYS}/challenge")).json()["options"]
    throttled = await owner("POST", step_up, {"passkey": key.sign(options)})
    assert code(throttled) == (429, "auth.login_braked")


async def test_guessing_recovery_codes_at_the_step_up_is_throttled(keyholder):
    """The right password before each does not make it a first try."""
    owner, _, recovery = keyholder
    for _ in range(10):
        assert code(await owner.step_up(code="0000")) == (403, "auth.wrong_code")
    assert code(await owner.step_up(code=recovery[0])) == (429, "auth.login_braked")


async def test_recovery_codes_and_both_kinds_together(keyholder, present, asked, clock):
    owner, key, recovery = keyholder
    assert (await present(code=recovery[0])).status_code == 200
    assert code(await present(code=recovery[0])) == (403, "auth.wrong_code")
    begun = (await owner("POST", FACTOR)).json()
    done = await owner("POST", f"{FACTOR}/confirm", {"code": totp(begun["secret"], clock)})
    assert done.json()["recovery_codes"] == [], "those of the first second factor stay"
    clock.advance(30)
    assert (await present()).json()["methods"] == ["code", "passkey", "recovery_code"]
    assert (await present(code=totp(begun["secret"], clock))).status_code == 200
    assert (await present(key.sign(await asked()))).status_code == 200
    assert (await owner("DELETE", FACTOR)).status_code == 204
    assert (await present()).json()["methods"] == ["passkey", "recovery_code"]
    assert (await present(code=recovery[1])).status_code == 200
    renewed = (await owner("POST", f"{FACTOR}/recovery-codes")).json()["recovery_codes"]
    (row,) = (await owner("GET", KEYS)).json()["items"]
    assert (await owner("DELETE", f"{KEYS}/{row['passkey_id']}")).status_code == 204
    assert (await owner("DELETE", f"{KEYS}/{row['passkey_id']}")).status_code == 404
    assert (await present()).status_code == 200
    shown = (await owner("GET", FACTOR)).json()
    assert shown["recovery_codes_left"] == 0, "they stand in for nothing now"
    _, made = await _register_again(owner)
    assert set(made["recovery_codes"]).isdisjoint(renewed)
    assert [row["action"] for row in await actions(owner)][:2] == ["passkey.add", "passkey.remove"]


async def test_an_app_that_was_never_confirmed_is_no_second_factor(keyholder, present, clock):
    """Whoever had the session for a moment would else keep codes that no page and no log shows."""
    owner, _, _ = keyholder
    secret = (await owner("POST", FACTOR)).json()["secret"]
    shown = await present()
    assert shown.json()["methods"] == ["passkey", "recovery_code"]
    assert code(await present(code=totp(secret, clock))) == (403, "auth.wrong_code")
    assert code(await owner.step_up(code=totp(secret, clock))) == (403, "auth.wrong_code")
    done = await owner("POST", f"{FACTOR}/confirm", {"code": totp(secret, clock)})
    assert done.status_code == 200, "it may still be confirmed"
    clock.advance(30)
    assert (await present(code=totp(secret, clock))).status_code == 200


async def _register_again(owner):
    key = Authenticator()
    options = (await owner("POST", f"{KEYS}/options")).json()["options"]
    return key, (await owner("POST", KEYS, key.make(options) | {"name": "again"})).json()


async def test_ten_at_the_most(keyholder, register):
    owner, _, _ = keyholder
    for number in range(2, 10):
        assert (await register(owner, name=f"key {number}"))[1].status_code == 201
    options = [(await owner("POST", f"{KEYS}/options")).json()["options"] for _ in range(2)]
    answers = await asyncio.gather(
        *(owner("POST", KEYS, Authenticator().make(one) | {"name": "last"}) for one in options)
    )
    assert sorted(one.status_code for one in answers) == [201, 409]
    assert len((await owner("GET", KEYS)).json()["items"]) == 10
    assert code(await owner("POST", f"{KEYS}/options")) == (409, "binding.passkeys_full")


async def test_a_link_takes_them_away_only_if_it_says_so(keyholder, second_owner, choose, present):
    owner, _, _ = keyholder
    colleague = await second_owner(owner)
    user_id = (await owner("GET", f"{M}/session")).json()["user"]["user_id"]
    path = f"{M}/staff/{user_id}/password-link"
    await choose((await colleague("POST", path, {})).json())
    assert code(await present()) == (403, "auth.code_needed")
    staff = (await colleague("GET", f"{M}/staff")).json()["items"]
    shown = {row["login"]: row["has_passkeys"] for row in staff}
    assert shown == {"owner@tea": True, "second@tea": False}
    await choose((await colleague("POST", path, {"remove_second_factor": True})).json())
    assert (await present()).status_code == 200
    (row,) = await actions(colleague, "second_factor.remove")
    assert (row["actor_name"], row["before"]) == ("老吴", {"passkeys": 1})


@pytest.mark.races
async def test_one_that_is_made_beside_a_reset(binding, new_merchant, sign_in, browser, choose):
    """Whoever sat in the account when its owner reset it leaves no passkey behind, nor an app."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    hired = await owner("POST", f"{M}/staff", {
        "username": "second", "name": "老吴", "role": "merchant_owner",
    })  # fmt: skip
    await choose(hired.json()["link"])
    path = f"{M}/staff/{hired.json()['user_id']}/password-link"
    ended = set()
    for turn in range(ROUNDS):
        if turn % 10 == 9:
            binding.deps.clock.advance(200)
            await owner.step_up()
        link = (await owner("POST", path, {"remove_second_factor": True})).json()
        _, intruder = await sign_in("second@tea")
        options = (await intruder("POST", f"{KEYS}/options")).json()["options"]
        made = intruder("POST", KEYS, Authenticator().make(options) | {"name": "x"})
        answer, _ = await race(turn, made, choose(link))
        ended.add(answer.status_code)
        assert await binding.database.fetch("SELECT * FROM passkeys") == [], turn
        (row,) = await binding.database.fetch(
            "SELECT passkey_count FROM users WHERE login = 'second@tea'"
        )
        assert row["passkey_count"] == 0
        assert code(await intruder("POST", FACTOR)) == (401, "auth.unauthorized")
    assert ended == {201, 401}


async def test_operators_who_must_have_one(
    binding, new_operator, browser, register, present, asked
):
    """A passkey is as good as a code; the last one of either kind stays."""
    await new_operator()
    deps = binding.deps
    object.__setattr__(deps, "operators_need_second_factor", True)
    try:
        operator = await browser("ada@ops", "operator")
        assert (await operator("GET", f"{O}/session")).json()["needs_second_factor"]
        await operator.step_up("operator")
        key, made = await register(operator, console="operator")
        assert made.status_code == 201
        assert (await operator("GET", f"{O}/merchants")).status_code == 200
        last = f"{O}/passkeys/{made.json()['passkey_id']}"
        required = (409, "binding.second_factor_required")
        assert code(await operator("DELETE", last)) == required
        options = await asked("ada@ops", "operator")
        assert (await present(key.sign(options), "ada@ops", "operator")).status_code == 200
        begun = (await operator("POST", f"{O}/second-factor")).json()
        given = {"code": totp(begun["secret"], deps.clock)}
        assert (await operator("POST", f"{O}/second-factor/confirm", given)).status_code == 200
        assert (await operator("DELETE", last)).status_code == 204, "the code is left"
        assert code(await operator("DELETE", f"{O}/second-factor")) == required
    finally:
        object.__setattr__(deps, "operators_need_second_factor", False)


async def test_where_no_browser_offers_them(binding, keyholder, present):
    """Without an https name nothing is made or asked for; recovery codes are the way in."""
    owner, _, recovery = keyholder
    party = binding.deps.relying_party
    object.__setattr__(binding.deps, "relying_party", None)
    try:
        assert (await owner("GET", KEYS)).json()["origin"] is None
        unavailable = (409, "binding.passkeys_unavailable")
        assert code(await owner("POST", f"{KEYS}/options")) == unavailable
        answer = await present()
        assert answer.json()["methods"] == ["recovery_code"]
        assert "passkey" not in answer.json()
        assert code(await present(code="0000")) == (403, "auth.wrong_code")
        assert (await present(code=recovery[0])).status_code == 200
    finally:
        object.__setattr__(binding.deps, "relying_party", party)
