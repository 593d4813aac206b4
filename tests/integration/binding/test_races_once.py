"""What serves once, or has one end, asked for twice at once, many times each: one-time links, the
first-run code, verdicts on a change, versions of an app (ASVS 2.3.4, 6.4.1, 15.4.2)."""

import secrets
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio

from services.binding.onboarding import live_check
from services.binding.people.first_run import FirstRun
from services.binding.settings import approvals
from services.binding.tenancy import accounts
from services.binding.tenancy.permissions import PERMISSIONS
from services.binding.tenancy.rules import Role
from tests.fixtures.races import ROUNDS, race, together
from tests.integration.binding.conftest import APP_ID, PASSWORD

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
M, APPS = "/api/merchant/v1", "/api/merchant/v1/apps"
USE, FIRST_RUN = "/api/public/v1/password", "/api/operator/v1/first-run"
OWNER = {"username": "second", "name": "老吴", "role": "merchant_owner"}


@pytest_asyncio.fixture
async def team(binding, new_merchant, choose):
    """(the owner's caller, the second owner's id, the second owner's caller), who may approve."""
    tenant_id, user = await new_merchant()
    granted = PERMISSIONS[Role.MERCHANT_OWNER]
    owner = binding.user(tenant_id, user.user_id, granted, uuid4())
    made = (await owner("POST", f"{M}/staff", OWNER)).json()
    await choose(made["link"])
    await binding.database.execute("UPDATE users SET may_approve_from = NULL")
    return owner, made["user_id"], binding.user(tenant_id, made["user_id"], granted, uuid4())


@pytest.fixture
def is_set(binding):
    """Whether that is the person's password now."""

    async def ask(user_id, password):
        hashed = await binding.database.value(
            "SELECT password_hash FROM users WHERE user_id = $1", user_id
        )
        return binding.deps.passwords._hasher.verify(password, hashed)

    return ask


@pytest.fixture
def switches(binding, team):
    """ask(turn) -> the door of a waiting change that turns the app on or off, asked by the owner;
    standing(change) -> what became of it; the app is bound and the rule of two is on."""
    owner, _, _ = team
    version, looks = [1], [0]

    async def ask(by=owner):
        app = (await owner("GET", f"{APPS}/{APP_ID}")).json()
        version[0] = app["version"]
        body = {"app_id": APP_ID, "seller_id": app["seller_id"], "enabled": not app["enabled"],
                "version": app["version"]}  # fmt: skip
        answer = await by("PUT", APPS, body)
        assert answer.status_code == 202, answer.text
        return f"{APPS}/changes/{answer.json()['change_id']}"

    async def standing(door):
        """(the record's state, whether the app was changed, verdicts in the log); every tenth time
        as the doors show it, too, whose list grows with every round."""
        change_id = door.rpartition("/")[2]
        state = "SELECT state FROM app_changes WHERE change_id = $1"
        found = (
            await binding.database.value(state, change_id),
            await binding.database.value("SELECT version FROM apps WHERE app_id = $1", APP_ID),
        )
        looks[0] += 1
        if looks[0] % 10 == 1:
            items = (await owner("GET", f"{APPS}/changes")).json()["items"]
            (shown,) = [one["state"] for one in items if one["change_id"] == change_id]
            app = (await owner("GET", f"{APPS}/{APP_ID}")).json()
            assert found == (shown, app["version"])
        log = await binding.database.fetch(
            "SELECT action FROM audit_log WHERE after ->> 'change_id' = $1 AND action <> $2",
            change_id, "app.change_ask",
        )  # fmt: skip
        return found[0], found[1] == version[0] + 1, [row["action"] for row in log]

    return ask, standing


@pytest_asyncio.fixture
async def ruled(binding, team, app_body):
    owner, _, _ = team
    assert (await owner("PUT", APPS, app_body())).status_code in (200, 201)
    rule = {"dual_control": True, "version": 1}
    assert (await owner("PATCH", f"{M}/merchant", rule)).status_code == 200


APPROVED = ("approved", True, ["app.change_approved"])
REJECTED = ("rejected", False, ["app.change_rejected"])


async def test_a_link_used_twice_at_once(binding, team, is_set):
    """One password is set: that of whoever was told so."""
    owner, user_id, _ = team
    for turn in range(ROUNDS):
        link = (await owner("POST", f"{M}/staff/{user_id}/password-link", {})).json()
        passwords = [secrets.token_hex(8) for _ in range(2)]
        bodies = [{"token": link["token"], "password": password} for password in passwords]
        answers = await race(turn, *(binding.edge("POST", USE, body) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200, 403], turn
        won = passwords[[answer.status_code for answer in answers].index(200)]
        assert await is_set(user_id, won), turn
    log = "SELECT count(*) FROM audit_log WHERE action = 'password.set'"
    assert await binding.database.value(log) == ROUNDS + 1


async def test_a_link_used_beside_its_end(binding, team, is_set):
    """Its last moment, a newer link, or the end of its person: it serves before or not at all."""
    owner, user_id, _ = team
    path, seen, version = f"{M}/staff/{user_id}", set(), 1
    for turn in range(ROUNDS):
        link = (await owner("POST", f"{path}/password-link", {})).json()
        body = {"token": link["token"], "password": secrets.token_hex(8)}
        way = turn // 2 % 2
        end = (
            lambda: owner("POST", f"{path}/password-link", {}),
            lambda version=version: owner(
                "PATCH", path, {"is_enabled": False, "version": version}
            ),
        )[way]  # fmt: skip
        used, ended = await race(turn, binding.edge("POST", USE, body), end(), 0.003)
        assert ended.status_code < 300, ended.text
        assert await is_set(user_id, body["password"]) == (used.status_code == 200), turn
        assert used.status_code in {200, 403}
        assert (await binding.edge("POST", USE, body)).status_code == 403
        seen.add((way, used.status_code))
        if way == 1:
            version += 2
            on = {"is_enabled": True, "version": version - 1}
            assert (await owner("PATCH", path, on)).status_code == 200
    assert seen >= {(0, 200), (0, 403)}


async def test_a_link_in_its_last_moment(binding, team, clock):
    """The time ends while the password is being weighed: what was said is what holds."""
    owner, user_id, _ = team
    seen = set()
    for turn in range(ROUNDS):
        link = (await owner("POST", f"{M}/staff/{user_id}/password-link", {})).json()
        body = {"token": link["token"], "password": secrets.token_hex(8)}

        async def pass_by():
            clock.advance(24 * 3600)

        used, _ = await race(turn, binding.edge("POST", USE, body), pass_by(), 0.003)
        seen.add(used.status_code)
        unused = "SELECT count(*) FROM password_links WHERE used_at IS NULL"
        assert await binding.database.value(unused) == (used.status_code == 403), turn
        assert (await binding.edge("POST", USE, body)).status_code == 403
    assert seen == {200, 403}


async def test_the_first_run_code_used_twice_at_once(binding, tmp_path):
    """One operator, and the code is burned."""
    for turn in range(ROUNDS):
        await binding.database.truncate()
        code_file = tmp_path / f"code-{turn}"
        binding.app.state.first_run = FirstRun(binding.deps, code_file)
        assert (await binding.edge("GET", FIRST_RUN)).json()["is_needed"]
        code = code_file.read_text()
        bodies = [
            {"setup_code": code, "login": f"ada{n}@ops", "password": PASSWORD} for n in range(2)
        ]
        first, second = (binding.edge("POST", FIRST_RUN, body) for body in bodies)
        answers = await race(turn, first, second)
        assert [answer.status_code for answer in answers].count(201) == 1, turn
        assert {answer.status_code for answer in answers} <= {201, 403, 409}
        assert await binding.database.value("SELECT count(*) FROM users") == 1
        assert not code_file.exists()


async def test_the_first_run_code_beside_the_command_line(binding, tmp_path):
    """The command line makes an operator without a code; from then on no code makes another."""
    seen = set()
    for turn in range(ROUNDS):
        await binding.database.truncate()
        code_file = tmp_path / f"code-{turn}"
        binding.app.state.first_run = FirstRun(binding.deps, code_file)
        assert (await binding.edge("GET", FIRST_RUN)).json()["is_needed"]
        body = {"setup_code": code_file.read_text(), "login": "ada@ops", "password": PASSWORD}
        by_command = accounts.create_user(
            binding.deps, None, role=Role.OPERATOR_ADMIN, login="grace@ops", password=PASSWORD,
            actor="cli",
        )  # fmt: skip
        answer, grace = await race(turn, binding.edge("POST", FIRST_RUN, body), by_command)
        seen.add(answer.status_code)
        rows = await binding.database.fetch("SELECT login, tenant_id FROM users")
        expected = {"grace@ops"} | ({"ada@ops"} if answer.status_code == 201 else set())
        assert {row["login"] for row in rows} == expected, turn
        assert {row["tenant_id"] for row in rows} == {grace.tenant_id}, "one organisation"
        assert (await binding.edge("POST", FIRST_RUN, body)).status_code == 409
    assert seen == {201, 409}


async def test_an_approval_beside_the_end_of_its_time(binding, team, ruled, switches, clock):
    """Carried out, or rejected by time; never both, and the log says which."""
    _, _, second = team
    ask, standing = switches
    seen = set()
    for turn in range(ROUNDS):
        door = await ask()
        await binding.database.execute(
            "UPDATE app_changes SET expires_at = $1 WHERE state = 'waiting'",
            clock.now() + timedelta(seconds=1),
        )

        async def expire():
            clock.advance(2)
            await approvals.forget_changes(binding.deps)

        answer, _ = await race(turn, second("POST", f"{door}/approve"), expire(), 0.003)
        await approvals.forget_changes(binding.deps)
        expired = ("rejected", False, ["app.change_expired"])
        assert await standing(door) == (APPROVED if answer.status_code == 200 else expired), turn
        seen.add(answer.status_code)
    assert seen == {200, 409}


async def test_an_approval_beside_a_reset_of_the_approver(binding, team, ruled, switches, choose):
    """Whoever holds the link may be somebody else: from then on nothing is approved."""
    owner, user_id, second = team
    ask, standing = switches
    seen = set()
    for turn in range(ROUNDS):
        link = (await owner("POST", f"{M}/staff/{user_id}/password-link", {})).json()
        door = await ask()
        used = choose(link, secrets.token_hex(8))
        answer, _ = await race(turn, second("POST", f"{door}/approve"), used, 0.004)
        waits = ("waiting", False, [])
        assert await standing(door) == (APPROVED if answer.status_code == 200 else waits), turn
        seen.add(answer.status_code)
        again = await second("POST", f"{door}/approve")
        assert again.status_code in {403, 409}
        await owner("POST", f"{door}/reject")
        await binding.database.execute("UPDATE users SET may_approve_from = NULL")
    assert seen == {200, 403}


async def test_an_approval_beside_the_askers_end(binding, team, ruled, switches):
    """Approved before the asker lost the power, or rejected with it; and what is asked for in that
    moment does not wait either."""
    owner, user_id, second = team
    ask, standing = switches
    version, seen = 1, set()
    for turn in range(ROUNDS):
        door = await ask(second)
        body = {"is_enabled": False, "version": version}
        verdict = owner("POST", f"{door}/approve")
        late = second("PATCH", f"{M}/merchant", {"dual_control": False, "version": 2})
        (answer, late), gone = await race(
            turn, together(verdict, late), owner("PATCH", f"{M}/staff/{user_id}", body), 0.003
        )
        assert (gone.status_code, late.status_code in {202, 403}) == (200, True), gone.text
        assert await standing(door) == (APPROVED if answer.status_code == 200 else REJECTED), turn
        waiting = "SELECT count(*) FROM app_changes WHERE state = 'waiting'"
        assert await binding.database.value(waiting) == 0, turn
        seen |= {answer.status_code, late.status_code}
        version += 2
        on = {"is_enabled": True, "version": version - 1}
        assert (await owner("PATCH", f"{M}/staff/{user_id}", on)).status_code == 200
        await binding.database.execute("UPDATE users SET may_approve_from = NULL")
    assert seen >= {200, 202, 403, 409}


async def test_an_app_switched_beside_another_change(binding, team, app_body, other_keys):
    """Both were made from one version: one is taken, the other is told and leaves nothing; at times
    the other change is a new key, which costs far more to read."""
    owner, _, _ = team
    assert (await owner("PUT", APPS, app_body())).status_code in (200, 201)
    is_on, payee, keys = True, "2088000000000001", 1
    for turn in range(ROUNDS):
        kept = app_body(
            app_private_key=..., alipay_public_key=..., enabled=is_on, seller_id=payee,
            version=turn + 1,
        )  # fmt: skip
        is_key = turn % 16 == 8 and keys == 1
        other = {"app_private_key": other_keys.private_b64} if is_key else {
            "seller_id": f"2088{turn:012}"
        }  # fmt: skip
        answers = await race(
            turn, owner("PUT", APPS, kept | other),
            owner("PUT", APPS, kept | {"enabled": not is_on}),
        )  # fmt: skip
        assert sorted(answer.status_code for answer in answers) == [200, 409], turn
        if answers[0].status_code == 409:
            is_on = not is_on
        else:
            keys, payee = keys + is_key, other.get("seller_id", payee)
        now = (await owner("GET", f"{APPS}/{APP_ID}")).json()
        found = (now["version"], now["enabled"], now["seller_id"], now["key"]["key_version"])
        assert found == (turn + 2, is_on, payee, keys), turn


async def test_two_merchants_prove_one_app(binding, team, new_merchant, app_body):
    """It is one's, each time; the other is told why, and its keys make no notice believed."""
    owner, _, _ = team
    tenant_id, user = await new_merchant("Coffee house", "owner@coffee")
    other = binding.user(tenant_id, user.user_id, PERMISSIONS[Role.MERCHANT_OWNER], uuid4())
    binding.platform.answers["alipay.trade.query"] = 503
    for caller in (owner, other):
        assert (await caller("PUT", APPS, app_body())).status_code in (200, 201)
    del binding.platform.answers["alipay.trade.query"]
    tenants = [row["tenant_id"] for row in await binding.database.fetch("SELECT * FROM apps")]
    egress, winners = binding.app.state.onboarding.egress, set()
    for turn in range(ROUNDS):
        await binding.database.execute("UPDATE apps SET proven_at = NULL")
        await binding.database.execute(
            "UPDATE app_keys SET verified_at = NULL, check_remedy = NULL, next_check_at = now()"
        )
        told = await race(
            turn,
            *(live_check.check(binding.deps, egress, one, APP_ID, actor="x") for one in tenants),
            0.001,
        )
        assert sorted(verdict.state for verdict in told) == ["done", "failed"], turn
        winner = tenants[[verdict.state for verdict in told].index("done")]
        proven = "SELECT tenant_id FROM apps WHERE proven_at IS NOT NULL"
        assert await binding.database.value(proven) == winner
        found = (await binding.egress("GET", f"/internal/apps/{APP_ID}")).json()
        assert found["tenant_id"] == str(winner)
        winners.add(winner)
    assert winners == set(tenants)
