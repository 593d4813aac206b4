"""A refused sign-in tells nothing of who there is: an unknown handle, an unknown person and a wrong
password get one answer, for the same work in the database and the same work of hashing. Work is
counted, not timed."""

import re
from contextlib import contextmanager

import pytest
import pytest_asyncio
from sqlalchemy import event

from services.binding.tenancy.rules import sha256_hex

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"
WRONG = "not the right battery"
FREE = 10
WHO = ["zhou@nowhere", "zhou@tea", "owner@tea", "gone@tea", "new@tea", "ada@ops"]
"""An unknown handle, an unknown person, a wrong password; somebody disabled, somebody who has not
chosen a password yet, somebody of the other console."""


@pytest_asyncio.fixture
async def people(binding, new_merchant, new_operator, browser, choose):
    await new_merchant()
    await new_operator()
    owner = await browser("owner@tea")
    await owner.step_up()
    for username in ("gone", "new"):
        body = {"username": username, "name": "x", "role": "cashier"}
        made = (await owner("POST", f"{M}/staff", body)).json()
        if username == "gone":
            await choose(made["link"])
            change = {"is_enabled": False, "version": 1}
            await owner("PATCH", f"{M}/staff/{made['user_id']}", change)


@pytest.fixture
def work(binding, monkeypatch):
    """`with work() as done`: the statements sent to the database and the passwords checked."""
    hasher = binding.deps.passwords._hasher
    engine = binding.deps.db.system.engine.sync_engine

    @contextmanager
    def counted():
        done = []
        genuine = hasher.verify

        def verified(given, hashed):
            done.append("argon2")
            return genuine(given, hashed)

        def sent(_connection, _cursor, statement, *_):
            done.append(same(statement))

        def ended(_connection):
            done.append("COMMIT")

        event.listen(engine, "before_cursor_execute", sent)
        event.listen(engine, "commit", ended)
        monkeypatch.setattr(hasher, "verify", verified)
        try:
            yield done
        finally:
            monkeypatch.setattr(hasher, "verify", genuine)
            event.remove(engine, "before_cursor_execute", sent)
            event.remove(engine, "commit", ended)

    return counted


def same(statement):
    """To keep a part of a transaction and to take it back cost the same."""
    return re.sub(r"(RELEASE|ROLLBACK TO) SAVEPOINT \w+|SAVEPOINT \w+", "SAVEPOINT", statement)


def once(done):
    return [one for one, former in zip(done, ["", *done], strict=False) if one != former]


def told(answer):
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, body, sorted(answer.headers)


@pytest.mark.parametrize("browser_cookie", [None, sha256_hex("some browser")])
async def test_every_refusal_is_one(binding, people, work, clock, browser_cookie):
    headers = {"X-Browser-Cookie-Hash": browser_cookie} if browser_cookie else {}
    seen = {}
    for who in WHO:
        answers = seen[who] = []
        for _ in range(FREE + 3):
            with work() as done:
                body = {"login": who, "password": WRONG}
                answer = await binding.edge("POST", f"{M}/session", body, sent=headers)
            answers.append((told(answer), done))
    first, *others = seen.values()
    statuses = [answer[0] for answer, _ in first]
    assert statuses == [401] * FREE + [429] * 3
    assert first[0][1].count("argon2") == 1
    assert first[-1][1].count("argon2") == 0
    for number, other in enumerate(others, 1):
        for turn, (mine, theirs) in enumerate(zip(first, other, strict=True)):
            assert theirs[0] == mine[0], (WHO[number], turn)
            # Once refused, which of its two counters is looked at first is chance, whoever it is.
            seen_as = once if turn >= FREE else list
            assert seen_as(theirs[1]) == seen_as(mine[1]), (WHO[number], turn)
