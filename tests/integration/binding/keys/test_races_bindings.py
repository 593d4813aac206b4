"""A first binding sent twice at once, and one key pair for two apps at once, many times each."""

import pytest
import pytest_asyncio

from tests.fixtures.races import ROUNDS, race

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
APPS = "/api/merchant/v1/apps"


@pytest_asyncio.fixture
async def asks(owner):
    return owner[1]


def apps(turn):
    return [f"2021{turn:06}{n:06}" for n in range(2)]


async def test_a_first_binding_sent_twice_at_once(asks, app_body, binding):
    """Both are told that it is bound, and each key version is checked to its end."""
    for turn in range(ROUNDS):
        body = app_body(app_id=apps(turn)[0])
        answers = await race(turn, asks("PUT", APPS, body), asks("PUT", APPS, body))
        assert [answer.status_code for answer in answers] == [200, 200], (turn, answers[1].text)
    assert await binding.database.value("SELECT count(*) FROM app_keys") == ROUNDS
    odd = "SELECT count(*) FROM app_keys WHERE verified_at IS NULL OR next_check_at IS NOT NULL"
    assert await binding.database.value(odd) == 0


async def test_a_pair_made_here_is_bound_to_one_app(asks, app_body, binding):
    """The binding's own box is the only one left: whoever comes second is told that it is gone."""
    made = (await asks("POST", f"{APPS}/key-pairs", {})).json()
    box = await binding.database.value("SELECT private_key_box FROM key_pairs")
    for turn in range(ROUNDS):
        bodies = [
            app_body(app_private_key=..., key_pair_id=made["key_pair_id"], app_id=app_id)
            for app_id in apps(turn)
        ]
        answers = await race(turn, *(asks("PUT", APPS, body) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200, 404], turn
        bound = "SELECT count(*) FROM app_keys WHERE app_id = ANY($1::text[])"
        assert await binding.database.value(bound, apps(turn)) == 1, turn
        await binding.database.execute("UPDATE key_pairs SET private_key_box = $1", box)
