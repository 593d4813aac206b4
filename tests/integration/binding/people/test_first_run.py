"""The first run: whoever can read the setup code on the machine makes the first operator, once
(login and first-run of the console; S131)."""

import asyncio
import stat

import pytest
import pytest_asyncio

from services.binding.people.first_run import FirstRun
from tests.integration.binding.conftest import PASSWORD

FIRST_RUN = "/api/operator/v1/first-run"
pytestmark = pytest.mark.asyncio


@pytest.fixture
def code_file(tmp_path):
    return tmp_path / "setup-code"


@pytest_asyncio.fixture
async def fresh(binding, code_file):
    """The service with the setting, on a platform without an operator."""
    binding.app.state.first_run = FirstRun(binding.deps, code_file)
    return binding


def body(code, **changed):
    return {"setup_code": code, "login": "ada@ops", "password": PASSWORD} | changed


async def asked(binding):
    answer = await binding.edge("GET", FIRST_RUN)
    assert answer.status_code == 200, answer.text
    return answer.json()["is_needed"]


async def test_the_code_makes_the_first_operator_and_burns(fresh, code_file, browser):
    assert await asked(fresh)
    code = code_file.read_text()
    assert stat.S_IMODE(code_file.stat().st_mode) == 0o600
    assert len(code.strip()) >= 32
    assert await asked(fresh)
    assert code_file.read_text() == code, "asking again writes no other"
    made = await fresh.edge("POST", FIRST_RUN, body(code))
    assert made.status_code == 201, made.text
    assert (made.json()["login"], made.json()["role"]) == ("ada@ops", "operator_admin")
    assert not code_file.exists()
    assert not await asked(fresh)
    assert not code_file.exists(), "and no other is written"

    ada = await browser("ada@ops", "operator")
    merchants = await ada("GET", "/api/operator/v1/merchants")
    assert merchants.status_code == 200
    (entry,) = await fresh.database.fetch("SELECT * FROM audit_log WHERE action = 'user.create'")
    assert (entry["actor"], entry["actor_name"]) == ("first-run", "first-run")
    for secret in (code.strip(), PASSWORD):
        assert secret not in made.text
        assert secret not in str([tuple(row.values()) for row in [entry]])


async def test_without_the_code_it_tells_of_no_login(fresh, new_merchant):
    await new_merchant()
    assert await asked(fresh)
    told = [
        await fresh.edge("POST", FIRST_RUN, body("x" * 32, login=login))
        for login in ("owner@tea", "nobody@tea", "nobody@nowhere")
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in told} == {
        (403, "binding.setup_code_wrong")
    }


async def test_an_operator_shuts_the_door(fresh, code_file, new_operator):
    """However it was made: here by the command line's use case, after the code was written."""
    assert await asked(fresh)
    code = code_file.read_text()
    await new_operator("grace@ops")
    assert not await asked(fresh)
    late = await fresh.edge("POST", FIRST_RUN, body(code))
    assert (late.status_code, late.json()["code"]) == (409, "binding.first_run_over")
    wrong = await fresh.edge("POST", FIRST_RUN, body("x" * 32))
    assert wrong.json() | {"request_id": ""} == late.json() | {"request_id": ""}
    assert await fresh.database.value("SELECT count(*) FROM users") == 1


async def test_a_process_that_did_not_see_it_happen_shuts_too(fresh, code_file):
    """Another api process with a memory of its own."""
    other = FirstRun(fresh.deps, code_file)
    assert await other.is_needed()
    code = code_file.read_text()
    assert (await fresh.edge("POST", FIRST_RUN, body(code))).status_code == 201
    code_file.write_text(code)
    fresh.app.state.first_run = other
    again = await fresh.edge("POST", FIRST_RUN, body(code, login="eve@ops"))
    assert again.json()["code"] == "binding.first_run_over"
    assert not await asked(fresh)


async def test_twenty_at_once_make_one(fresh, code_file):
    assert await asked(fresh)
    code = code_file.read_text()
    answers = await asyncio.gather(
        *(
            fresh.edge("POST", FIRST_RUN, body(code, login=f"ada{number}@ops"))
            for number in range(20)
        )
    )
    told = sorted(answer.status_code for answer in answers)
    assert told.count(201) == 1
    # 409, or 403 where the code had burned already, or 429: an address has few places.
    assert set(told) <= {201, 403, 409, 429}
    assert set(told) & {403, 409}, "somebody lost the race itself"
    assert await fresh.database.value("SELECT count(*) FROM users") == 1


@pytest.mark.parametrize("code", ["", "x", "x" * 32, "安装码", " "])
async def test_a_wrong_code_makes_nobody(fresh, code_file, code):
    assert await asked(fresh)
    answer = await fresh.edge("POST", FIRST_RUN, body(code))
    assert (answer.status_code, answer.json()["code"]) == (403, "binding.setup_code_wrong")
    assert await fresh.database.value("SELECT count(*) FROM users") == 0
    assert code_file.exists(), "the right one still serves"


@pytest.mark.parametrize(
    ("content", "given"), [(None, ""), ("", ""), ("short", "short"), ("x" * 15, "x" * 15)]
)
async def test_a_file_that_holds_no_real_code_opens_nothing(fresh, code_file, content, given):
    """Nothing written yet, or something guessable written by hand."""
    if content is not None:
        code_file.write_text(content)
    answer = await fresh.edge("POST", FIRST_RUN, body(given))
    assert (answer.status_code, answer.json()["code"]) == (403, "binding.setup_code_wrong")


async def test_a_code_given_beforehand_serves(fresh, code_file):
    """A mounted secret: what is there counts, with or without a line's end."""
    code_file.write_text("given-by-the-installer-0123456789\n")
    assert await asked(fresh)
    made = await fresh.edge("POST", FIRST_RUN, body("given-by-the-installer-0123456789"))
    assert made.status_code == 201, made.text


@pytest.mark.parametrize(
    "changed", [{"password": "short"}, {"login": ""}, {"login": "a\nb"}, {"role": "operator_ops"}]
)
async def test_bad_input_burns_no_code(fresh, code_file, changed):
    assert await asked(fresh)
    code = code_file.read_text()
    answer = await fresh.edge("POST", FIRST_RUN, body(code, **changed))
    assert answer.status_code == 422, answer.text
    assert code.strip() not in answer.text
    assert (await fresh.edge("POST", FIRST_RUN, body(code))).status_code == 201


async def test_without_the_setting_there_is_no_such_door(binding, code_file):
    assert not await asked(binding)
    answer = await binding.edge("POST", FIRST_RUN, body("x" * 32))
    assert answer.status_code == 404
    assert not code_file.exists()
