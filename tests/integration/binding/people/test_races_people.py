"""A power that ends beside its use, many times each: signing in, renewing a session, making a key
or a link while somebody takes the account away (ASVS 7.4, 15.4.2)."""

from uuid import uuid4

import pytest
import pytest_asyncio

from services.binding.tenancy.permissions import PERMISSIONS
from services.binding.tenancy.rules import Role, sha256_hex
from shared.contracts.events.base import decode
from tests.fixtures.races import ROUNDS, race, together
from tests.integration.binding.conftest import PASSWORD, cookie_of

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
M = "/api/merchant/v1"
LINK_WRONG = (403, "binding.link_wrong")
OWNER = {"username": "second", "name": "老吴", "role": "merchant_owner"}


@pytest_asyncio.fixture
async def team(binding, new_merchant, choose):
    """(the owner's caller, the second owner's id, the second owner's caller); both have just
    entered their passwords, and will have for the whole test."""
    tenant_id, user = await new_merchant()
    granted = PERMISSIONS[Role.MERCHANT_OWNER]
    owner = binding.user(tenant_id, user.user_id, granted, uuid4())
    made = (await owner("POST", f"{M}/staff", OWNER)).json()
    await choose(made["link"])
    return owner, made["user_id"], binding.user(tenant_id, made["user_id"], granted, uuid4())


@pytest.fixture
def enter(binding):
    async def sign_in(password=PASSWORD):
        body = {"login": "second@tea", "password": password}
        return await binding.edge("POST", f"{M}/session", body)

    return sign_in


@pytest.fixture
def resolves(binding):
    """Whether a cookie opens anything: the status that the edge is told."""

    async def ask(cookie):
        body = {"session_hash": sha256_hex(cookie)}
        return (await binding.edge("POST", "/internal/sessions/resolve", body)).status_code

    return ask


@pytest.fixture
def disable(binding, team):
    """The owner disables the second owner; `enable` puts it back for the next round."""
    owner, user_id, _ = team

    async def off():
        body = {"is_enabled": False, "version": 1}
        done = await owner("PATCH", f"{M}/staff/{user_id}", body)
        assert done.status_code == 200, done.text

    return off


@pytest.fixture
def enable(binding):
    async def on():
        await binding.database.execute("UPDATE users SET is_enabled = true, version = 1")

    return on


async def told(binding, kind):
    rows = await binding.database.fetch(
        "SELECT payload FROM outbox WHERE type = $1 ORDER BY seq", kind
    )
    return [decode(row["payload"]) for row in rows]


async def test_signing_in_beside_being_disabled(enter, disable, enable, resolves, clock):
    """No session survives, also not for the day on which the account is enabled again."""
    ended = set()
    for turn in range(ROUNDS):
        answer, _ = await race(turn, enter(), disable())
        await enable()
        ended.add(answer.status_code)
        if answer.status_code == 200:
            assert await resolves(cookie_of(answer)) == 404, turn
        clock.advance(900)  # what was refused is forgiven
    assert ended == {200, 401}


async def test_signing_in_beside_a_new_password(binding, team, enter, resolves, clock):
    """Whoever still knew the old one is out, whatever came first."""
    owner, user_id, _ = team
    passwords, ended = [PASSWORD, "another horse battery"], set()
    for turn in range(ROUNDS):
        old, new = passwords[turn % 2], passwords[1 - turn % 2]
        link = (await owner("POST", f"{M}/staff/{user_id}/password-link", {})).json()
        body = {"token": link["token"], "password": new}
        answer, used = await race(
            turn, enter(old), binding.edge("POST", "/api/public/v1/password", body)
        )
        assert used.status_code == 200, used.text
        ended.add(answer.status_code)
        if answer.status_code == 200:
            assert await resolves(cookie_of(answer)) == 404, turn
        clock.advance(900)
    assert ended == {200, 401}


@pytest.mark.parametrize("door", ["/session", "/sessions"])
async def test_a_session_that_is_renewed_beside_its_end(binding, team, enter, resolves, door):
    """By its own sign-out, or by another session that ends all others. Whatever cookie it had or
    was given: none opens anything, and the edge was told of each."""
    _, user_id, other = team
    renewed = set()
    for turn in range(ROUNDS):
        cookies = {cookie_of(await enter())}
        (row,) = await binding.database.fetch(
            "SELECT tenant_id, session_id FROM sessions WHERE revoked_at IS NULL"
        )
        mine = binding.user(row["tenant_id"], user_id, {"account.own"}, row["session_id"])
        end = mine if door == "/session" else other
        step_up = mine("POST", f"{M}/session/step-up", {"password": PASSWORD})
        renewal, gone = await race(turn, step_up, end("DELETE", M + door), 0.001)
        assert gone.status_code == 204, gone.text
        renewed.add(renewal.status_code)
        cookies |= {cookie_of(renewal)} if renewal.status_code == 200 else set()
        revoked = {event.session_hash for event in await told(binding, "session.revoked.v1")}
        for cookie in cookies:
            assert await resolves(cookie) == 404, turn
            assert sha256_hex(cookie) in revoked, turn
        await binding.database.execute("DELETE FROM outbox")
    assert renewed == {200, 401}


async def test_a_session_in_use_while_it_is_renewed(new_merchant, browser, resolves, clock):
    """Requests under way with the former cookie go on for a moment, and change nothing of the new
    one."""
    await new_merchant()
    owner = await browser("owner@tea")
    for turn in range(ROUNDS):
        former = owner.cookie
        uses = together(*(resolves(former) for _ in range(3)))
        renewal, used = await race(turn, owner.step_up(), uses)
        assert (renewal.status_code, used) == (200, [200] * 3), turn
        clock.advance(61)  # long enough for the next use to be written down
        assert (await resolves(former), await resolves(owner.cookie)) == (404, 200), turn


async def test_a_key_made_beside_being_disabled(binding, team, disable, enable):
    """Who has lost the power to have API keys has none, whatever came first."""
    _, _, second = team
    made = set()
    for turn in range(ROUNDS):
        making = second("POST", f"{M}/api-keys", {"name": f"pos {turn}"})
        answer, _ = await race(turn, making, disable(), 0.001)
        made.add(answer.status_code)
        living = "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL"
        assert await binding.database.value(living) == 0, turn
        if answer.status_code == 201:
            key_id = answer.json()["key_id"]
            assert (await binding.edge("GET", f"/internal/api-keys/{key_id}")).status_code == 404
        await enable()
    assert made == {201, 403}


async def test_a_key_revoked_twice_beside_its_maker(binding, team, disable, enable):
    """It ends once, for its edge and for the log."""
    owner, _, second = team
    for turn in range(ROUNDS):
        made = await second("POST", f"{M}/api-keys", {"name": f"pos {turn}"})
        path = f"{M}/api-keys/{made.json()['key_id']}"
        twice = together(owner("DELETE", path), second("DELETE", path))
        answers, _ = await race(turn, twice, disable(), 0.001)
        assert [answer.status_code for answer in answers] == [204, 204]
        await enable()
    ended = [event.key_id for event in await told(binding, "api_key.revoked.v1")]
    assert len(ended) == len(set(ended)) == ROUNDS
    log = "SELECT count(*) FROM audit_log WHERE action = 'api_key.revoke'"
    assert await binding.database.value(log) == ROUNDS


async def test_a_link_made_beside_its_makers_end(binding, team, disable, enable):
    """Whoever is shut out has no way to come back as somebody else."""
    owner, _, second = team
    third = (await owner("POST", f"{M}/staff", OWNER | {"username": "third"})).json()
    path, made = f"{M}/staff/{third['user_id']}/password-link", set()
    for turn in range(ROUNDS):
        making = second("POST", path, {"remove_second_factor": True})
        answer, _ = await race(turn, making, disable(), 0.001)
        made.add(answer.status_code)
        if answer.status_code == 201:
            body = {"token": answer.json()["token"]}
            shown = await binding.edge("POST", "/api/public/v1/password-link", body)
            assert (shown.status_code, shown.json()["code"]) == LINK_WRONG, turn
        await enable()
    assert made == {201, 403}


async def test_the_last_two_owners_disable_each_other(binding, team):
    """One stays, each time."""
    owner, user_id, second = team
    own = await binding.database.value("SELECT user_id FROM users WHERE login = 'owner@tea'")
    for turn in range(ROUNDS):
        await binding.database.execute("UPDATE users SET is_enabled = true, version = 1")
        gone = {"is_enabled": False, "version": 1}
        answers = await race(
            turn,
            owner("PATCH", f"{M}/staff/{user_id}", gone),
            second("PATCH", f"{M}/staff/{own}", gone),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409], turn
        left = "SELECT count(*) FROM users WHERE is_enabled AND role = 'merchant_owner'"
        assert await binding.database.value(left) == 1
