"""A passkey that is not theirs, not for us, not for now, or not for this opens nothing."""

import asyncio
from dataclasses import replace

import cbor2
import pytest

from services.binding import sweeper
from tests.fixtures.authenticator import Authenticator, b64
from tests.fixtures.races import ROUNDS
from tests.integration.binding.sign_in.test_passkeys import actions
from tests.integration.binding.sign_in.test_second_factor import code

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"
KEYS = f"{M}/passkeys"


@pytest.mark.races
async def test_a_challenge_serves_once(keyholder, present, asked, clock):
    """Answered rightly or wrongly, it is gone; of two answers at once one gets in, many times over;
    after five minutes it counts no longer."""
    _, key, _ = keyholder
    options = await asked()
    assert (await present(key.sign(options))).status_code == 200
    assert code(await present(key.sign(options))) == (403, "auth.passkey_late")
    options = await asked()
    assert code(await present(key.sign(options, signature="AAAA"))) == (403, "auth.wrong_passkey")
    assert code(await present(key.sign(options))) == (403, "auth.passkey_late")
    for _ in range(ROUNDS):
        options = await asked()
        proofs = [key.sign(options), key.sign(options)]
        answers = await asyncio.gather(*(present(proof) for proof in proofs))
        assert sorted(answer.status_code for answer in answers) == [200, 403]
    options = await asked()
    clock.advance(299)
    assert (await present(key.sign(options))).status_code == 200
    options = await asked()
    clock.advance(300)
    assert code(await present(key.sign(options))) == (403, "auth.passkey_late")


@pytest.mark.parametrize(
    "forged",
    [
        {"origin": "https://pay.tea.example.evil"},
        {"origin": "http://pay.tea.example"},
        {"origin": "https://pay.tea.example:8443"},
        {"rp_id": "tea.example"},
        {"verifies": False},
        {"frame": True},
    ],
    ids=str,
)
async def test_what_was_not_signed_for_us_here_by_its_person(keyholder, present, asked, forged):
    _, key, _ = keyholder
    wrong = replace(key, **forged)
    assert code(await present(wrong.sign(await asked()))) == (403, "auth.wrong_passkey")
    key.count = wrong.count
    assert (await present(key.sign(await asked()))).status_code == 200, "the key itself is good"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "webauthn.create"},
        {"signature": b64(b"x" * 70)},
        {"authenticator_data": "AAAA"},
        {"user_handle": b64(bytes(16))},
        {"credential_id": "AAAAA"},
        {"client_data": "AAAA"},
        {"client_data": b64(b'{"challenge": 1}')},
        {"client_data": b64(b"[" * 1500)},
    ],
    ids=str,
)
async def test_what_is_malformed(keyholder, present, asked, change):
    """A refusal, whatever it is, and never a fault of ours."""
    _, key, _ = keyholder
    options = await asked()
    answer = await present(key.sign(options, **change))
    assert answer.status_code == 403, answer.text
    assert answer.json()["code"] in ("auth.wrong_passkey", "auth.passkey_late")


async def test_a_key_registered_for_another_place_or_unverified(new_merchant, browser, register):
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    for forged in (
        {"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"verifies": False},
        {"frame": True},
    ):  # fmt: skip
        _, answer = await register(owner, Authenticator(**forged))
        assert code(answer) == (403, "auth.wrong_passkey"), forged
    options = (await owner("POST", f"{KEYS}/options")).json()["options"]
    key = Authenticator()
    body = key.make(options, credential_id=b64(b"another id, not the signed")) | {"name": "x"}
    assert code(await owner("POST", KEYS, body)) == (403, "auth.wrong_passkey")
    late = await owner("POST", KEYS, key.make(options) | {"name": "x"})
    assert code(late) == (403, "auth.passkey_late"), "spent by the wrong answer"
    assert (await owner("GET", KEYS)).json()["items"] == []


def _rsa(bits, exponent=65537):
    """A COSE key; its modulus has the size, and need not be anybody's."""
    modulus = ((1 << bits) - 1).to_bytes(bits // 8, "big")
    return {1: 3, 3: -257, -1: modulus, -2: exponent.to_bytes(3, "big")}


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (_rsa(2048), 201),
        (_rsa(4096), 201),
        (_rsa(1024), 403),
        (_rsa(88_000), 403),
        (_rsa(2048, 3), 403),
        ({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}, 403),
        ({1: 3, 3: -65535}, 403),
        ([], 403),
    ],
    ids=["rsa", "rsa 4096", "short", "long", "exponent", "off the curve", "sha 1", "no key"],
)
async def test_what_is_no_key_of_today(new_merchant, browser, key, status):
    """Too short protects nothing, too long costs seconds at each use, other bytes are refused."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    options = (await owner("POST", f"{KEYS}/options")).json()["options"]
    made = Authenticator().make(options, public_key=cbor2.dumps(key))
    assert (await owner("POST", KEYS, made | {"name": "x"})).status_code == status


async def test_a_count_that_goes_back(keyholder, present, asked):
    """Two authenticators with one key: the one behind is refused, and the log says so."""
    owner, key, _ = keyholder
    copy = replace(key)
    for _ in range(3):
        assert (await present(key.sign(await asked()))).status_code == 200
    assert code(await present(copy.sign(await asked()))) == (403, "auth.passkey_copied")
    silent = replace(key, count=None)
    assert code(await present(silent.sign(await asked()))) == (403, "auth.passkey_copied")
    found = await actions(owner, "passkey.copied")
    assert [(row["after"]["count"], row["after"]["count_before"]) for row in found] == [
        ("0", "4"), ("2", "4"),
    ]  # fmt: skip


async def test_another_persons_key_and_another_tenants(
    binding, keyholder, browser, choose, register, present, asked, new_merchant
):
    """Neither opens this account, and neither can be added to another one."""
    owner, key, _ = keyholder
    hired = (await owner("POST", f"{M}/staff", {
        "username": "till", "name": "小周", "role": "cashier",
    })).json()  # fmt: skip
    await choose(hired["link"])
    await new_merchant("Noodles", "owner@noodles")
    for login in ("till@tea", "owner@noodles"):
        stranger = await browser(login)
        await stranger.step_up()
        theirs, made = await register(stranger)
        assert made.status_code == 201
        assert code(await present(theirs.sign(await asked()))) == (403, "auth.wrong_passkey")
        mine = replace(theirs, credential_id=key.credential_id)
        assert code(await present(mine.sign(await asked()))) == (403, "auth.wrong_passkey")
        answer = (await register(stranger, replace(key)))[1]
        assert code(answer) == (409, "binding.passkey_known")
        options = await asked(login)
        assert code(await present(key.sign(options))) == (403, "auth.passkey_late"), (
            "not asked of it"
        )
        (row,) = (await owner("GET", KEYS)).json()["items"]
        gone = await stranger("DELETE", f"{KEYS}/{row['passkey_id']}")
        assert code(gone) == (404, "not_found")
    key.count = 50
    assert (await present(key.sign(await asked()))).status_code == 200


async def test_a_challenge_is_for_one_purpose_and_session(
    keyholder, browser, present, asked, clock
):
    owner, key, _ = keyholder
    step_up = f"{M}/session/step-up"
    ask = f"{KEYS}/challenge"
    other = owner.__class__(owner.binding, owner.inward, "")
    opened = await present(key.sign(await asked()))
    other.cookie = opened.headers["set-cookie"].partition(";")[0].partition("=")[2]
    wanted = (await owner("POST", ask)).json()["options"]
    late = (403, "auth.passkey_late")
    assert code(await other("POST", step_up, {"passkey": key.sign(wanted)})) == late
    assert code(await present(key.sign(wanted))) == late
    assert code(await owner("POST", step_up, {"passkey": key.sign(await asked())})) == late
    make = (await owner("POST", f"{KEYS}/options")).json()["options"]
    assert code(await present(key.sign(make))) == late
    done = await owner("POST", step_up, {"passkey": key.sign(wanted)})
    assert done.status_code == 200, "wrong places spend nothing"
    wanted = (await owner("POST", ask)).json()["options"]
    body = Authenticator().make(wanted | {"user": {"id": key.user_handle}}) | {"name": "x"}
    assert code(await owner("POST", KEYS, body)) == late
    assert code(await owner("POST", step_up, {"passkey": key.sign(make)})) == late
    assert (await owner("POST", step_up, {"passkey": key.sign(wanted)})).status_code == 200


async def test_wrong_ones_at_the_sign_in_are_throttled_and_shown(keyholder, present, asked, clock):
    owner, key, _ = keyholder
    options = await asked()
    for _ in range(10):
        assert code(await present(key.sign(options, signature="AAAA"))) in {
            (403, "auth.wrong_passkey"), (403, "auth.passkey_late"),
        }  # fmt: skip
    assert code(await present()) == (429, "auth.login_braked")
    shown = (await owner("GET", f"{M}/sign-ins")).json()["items"]
    assert [row["tries"] for row in shown if row["outcome"] == "refused"] == [11]
    log = await actions(owner, "session.refused")
    assert [row["after"]["tries_this_hour"] for row in log] == [10, 1]


async def test_eight_challenges_wait_for_an_answer(keyholder, present, asked, clock):
    """Of one purpose: nobody fills the table, and windows that are open at once all work."""
    _, key, _ = keyholder
    options = []
    for _ in range(9):
        options.append(await asked())
        clock.advance(1)
    assert code(await present(key.sign(options[0]))) == (403, "auth.passkey_late")
    for one in options[1:]:
        assert (await present(key.sign(one))).status_code == 200


async def test_challenges_are_forgotten(binding, keyholder, present, asked, clock):
    """Old ones are swept; what is stored opens nothing: the digest of a challenge, a public key."""
    options = await asked()
    rows = str(await binding.database.fetch("SELECT * FROM passkey_challenges"))
    assert options["challenge"] not in rows
    clock.advance(301)
    await sweeper.sweep(binding.deps)
    assert await binding.database.fetch("SELECT * FROM passkey_challenges") == []
