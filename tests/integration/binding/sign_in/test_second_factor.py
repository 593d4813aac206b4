"""Codes of an authenticator app: set up, asked for at the sign-in and the step-up, once each;
recovery codes; what an operator must have."""

import asyncio
import base64
import hashlib
import hmac
import struct

import pytest
import pytest_asyncio

from tests.fixtures.races import ROUNDS
from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741
FACTOR = f"{M}/second-factor"


def totp(secret, clock, steps=0):
    """RFC 6238 written down again: six digits, SHA-1, 30 s."""
    counter = int(clock.now().timestamp()) // 30 + steps
    key = base64.b32decode(secret)
    digest = hmac.digest(key, struct.pack(">Q", counter), hashlib.sha1)
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def code(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def enter(binding):
    async def sign_in(given=None, login="owner@tea", password=PASSWORD, console="merchant"):
        body = {"login": login, "password": password} | ({"code": given} if given else {})
        return await binding.edge("POST", f"/api/{console}/v1/session", body)

    return sign_in


@pytest_asyncio.fixture
async def guarded(new_merchant, browser, clock):
    """(the owner's browser, the secret, the recovery codes) of an account with a second factor."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    begun = (await owner("POST", FACTOR)).json()
    done = await owner("POST", f"{FACTOR}/confirm", {"code": totp(begun["secret"], clock)})
    clock.advance(30)
    return owner, begun["secret"], done.json()["recovery_codes"]


async def test_setting_it_up(binding, new_merchant, browser, enter, clock):
    """It needs the step-up and counts once a code was confirmed; the secret is sealed."""
    await new_merchant()
    owner = await browser("owner@tea")
    assert code(await owner("POST", FACTOR)) == (403, "auth.step_up_needed")
    await owner.step_up()
    begun = (await owner("POST", FACTOR)).json()
    assert begun["uri"].startswith("otpauth://totp/Damselfly:owner%40tea?secret=")
    size = len(begun["qr_rows"])
    assert size >= 21
    assert {len(row) for row in begun["qr_rows"]} == {size}
    assert (await enter()).status_code == 200, "begun is not set"
    wrong = await owner("POST", f"{FACTOR}/confirm", {"code": "000000"})
    assert code(wrong) == (403, "auth.wrong_code")
    first = await owner("POST", f"{FACTOR}/confirm", {"code": totp(begun["secret"], clock)})
    codes = first.json()["recovery_codes"]
    assert (len(codes), len(set(codes))) == (10, 10)
    shown = (await owner("GET", FACTOR)).json()
    assert (shown["since"], shown["recovery_codes_left"]) == ("2026-11-23T04:00:00Z", 10)
    assert code(await owner("POST", FACTOR)) == (409, "binding.second_factor_set")
    assert (await owner("GET", f"{M}/session")).json()["user"]["has_second_factor"]
    rows = str(await binding.database.fetch("SELECT * FROM users")) + str(
        await binding.database.fetch("SELECT * FROM recovery_codes")
    )
    for secret in (begun["secret"], *codes, *(text.replace("-", "") for text in codes)):
        assert secret not in rows
    log = (await owner("GET", f"{M}/audit", action="second_factor.*")).json()["items"]
    assert [row["action"] for row in log] == ["second_factor.set"]


async def test_the_sign_in_asks_for_it(guarded, enter, clock):
    _, secret, _ = guarded
    assert code(await enter(password="wrong")) == (401, "auth.bad_credentials"), "password first"
    assert code(await enter()) == (403, "auth.code_needed")
    assert code(await enter("123")) == (403, "auth.wrong_code")
    assert code(await enter(totp(secret, clock, -3))) == (403, "auth.wrong_code")
    assert (await enter(totp(secret, clock))).status_code == 200
    assert code(await enter(totp(secret, clock))) == (403, "auth.wrong_code"), "once"
    clock.advance(30)
    assert (await enter(f" {totp(secret, clock, 1)} ")).status_code == 200, "a fast phone"
    assert code(await enter(totp(secret, clock))) == (403, "auth.wrong_code"), "an older step"


@pytest.mark.races
async def test_codes_at_once_serve_once(guarded, enter, clock):
    """Of two sign-ins with one code one gets in, many times over, and so with recovery codes."""
    owner, secret, recovery = guarded
    for _ in range(min(ROUNDS, 50)):  # strangers' failures with one login: a hundred are free
        clock.advance(30)
        given = totp(secret, clock)
        answers = await asyncio.gather(enter(given), enter(given))
        assert sorted(answer.status_code for answer in answers) == [200, 403]
    for _ in range(ROUNDS // 10):
        for given in recovery:
            answers = await asyncio.gather(enter(given), enter(given))
            assert sorted(answer.status_code for answer in answers) == [200, 403]
        assert (await owner("GET", FACTOR)).json()["recovery_codes_left"] == 0
        clock.advance(30)
        assert (await owner.step_up(code=totp(secret, clock))).status_code == 200
        recovery = (await owner("POST", f"{FACTOR}/recovery-codes")).json()["recovery_codes"]


async def test_guessing_codes_is_throttled(guarded, enter, clock):
    """The right password alone tries ten codes, not a million; to be asked for it costs nothing."""
    _, secret, _ = guarded
    for _ in range(15):
        assert code(await enter()) == (403, "auth.code_needed")
    for _ in range(10):
        assert code(await enter("000000")) == (403, "auth.wrong_code")
    assert code(await enter(totp(secret, clock))) == (429, "auth.login_braked")
    clock.advance(30)
    assert (await enter(totp(secret, clock))).status_code == 200


async def test_a_recovery_code_serves_once_in_any_spelling(guarded, enter):
    owner, _, recovery = guarded
    spelled = recovery[0].upper().replace("-", " ")
    assert (await enter(spelled)).status_code == 200
    assert code(await enter(recovery[0])) == (403, "auth.wrong_code")
    assert (await owner("GET", FACTOR)).json()["recovery_codes_left"] == 9
    log = (await owner("GET", f"{M}/audit", action="second_factor.recovery_code")).json()
    assert [row["after"] for row in log["items"]] == [{"left": 9}]


async def test_the_step_up_asks_for_it(guarded, clock):
    owner, secret, _ = guarded
    assert code(await owner.step_up()) == (403, "auth.code_needed")
    assert code(await owner.step_up(code="000000")) == (403, "auth.wrong_code")
    assert (await owner.step_up(code=totp(secret, clock))).status_code == 200


async def test_new_recovery_codes_and_removal_need_the_step_up(guarded, enter, clock):
    owner, secret, recovery = guarded
    clock.advance(300)
    for method, path in (("POST", f"{FACTOR}/recovery-codes"), ("DELETE", FACTOR)):
        assert code(await owner(method, path)) == (403, "auth.step_up_needed")
    await owner.step_up(code=totp(secret, clock))
    fresh = (await owner("POST", f"{FACTOR}/recovery-codes")).json()["recovery_codes"]
    assert not set(fresh) & set(recovery)
    assert code(await enter(recovery[1])) == (403, "auth.wrong_code")
    assert (await enter(fresh[1])).status_code == 200
    assert (await owner("DELETE", FACTOR)).status_code == 204
    assert (await enter()).status_code == 200
    log = (await owner("GET", f"{M}/audit", action="second_factor.remove")).json()
    assert log["total"] == 1


async def test_a_link_does_not_get_around_it_unless_it_says_so(
    guarded, second_owner, choose, enter, clock
):
    """Whoever forgot the password still shows the code; who lost the phone is helped by a
    colleague, and the log names them."""
    owner, secret, _ = guarded
    await owner.step_up(code=totp(secret, clock))
    colleague = await second_owner(owner)
    user_id = (await owner("GET", f"{M}/session")).json()["user"]["user_id"]
    path = f"{M}/staff/{user_id}/password-link"
    await choose((await colleague("POST", path, {})).json())
    assert code(await enter()) == (403, "auth.code_needed")
    await choose((await colleague("POST", path, {"remove_second_factor": True})).json())
    assert (await enter()).status_code == 200
    log = (await colleague("GET", f"{M}/audit", action="second_factor.remove")).json()["items"]
    assert [row["actor_name"] for row in log] == ["老吴"]


async def test_operators_may_have_to_set_one_up_first(
    binding, new_operator, new_merchant, browser, enter, clock
):
    """With the setting an operator does nothing else before; merchants go on as they are."""
    await new_operator()
    await new_merchant()
    deps = binding.deps
    object.__setattr__(deps, "operators_need_second_factor", True)
    try:
        operator = await browser("ada@ops", "operator")
        shown = (await operator("GET", f"{O}/session")).json()
        assert (shown["needs_second_factor"], shown["permissions"]) == (True, ["account.own"])
        await operator.step_up("operator")
        for method, path in (("GET", "/merchants"), ("GET", "/staff"), ("POST", "/acting")):
            assert code(await operator(method, O + path, {})) == (403, "auth.forbidden")
        begun = (await operator("POST", f"{O}/second-factor")).json()
        given = {"code": totp(begun["secret"], clock)}
        assert (await operator("POST", f"{O}/second-factor/confirm", given)).status_code == 200
        assert (await operator("GET", f"{O}/merchants")).status_code == 200
        owner = await browser("owner@tea")
        assert not (await owner("GET", f"{M}/session")).json()["needs_second_factor"]
        assert (await owner("GET", f"{M}/stores")).status_code == 200
    finally:
        object.__setattr__(deps, "operators_need_second_factor", False)
