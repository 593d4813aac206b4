"""Acts that cost much: one caller's storm is refused and keeps nobody else out (§2 quotas)."""

import asyncio
import threading

import pytest

from tests.integration.binding.conftest import PASSWORD

pytestmark = pytest.mark.asyncio
STEP_UP = "/api/merchant/v1/session/step-up"
KEY_PAIRS = "/api/merchant/v1/apps/key-pairs"
VERIFY = "/api/merchant/v1/audit/verify"
STORM = 70


@pytest.fixture
def held(binding, monkeypatch):
    """After `.clear()`, passwords that are not sign-ins, and keys, take until `.set()`."""
    release = threading.Event()
    release.set()
    passwords, keys = binding.deps.passwords, binding.deps.expensive.keys
    for threads in (passwords._others, keys):
        run = threads.run

        async def slow(work, *args, run=run):
            def waited():
                assert release.wait(20)
                return work(*args)

            return await run(waited)

        monkeypatch.setattr(threads, "run", slow)
    yield release
    release.set()


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


async def refused(jobs, count):
    """The answers of those that did not have to wait."""
    while sum(job.done() for job in jobs) < count:
        await asyncio.sleep(0.01)
    return [job.result() for job in jobs if job.done()]


async def test_a_storm_of_step_ups_is_refused_and_signing_in_goes_on(
    binding, new_merchant, sign_in, held
):
    """One runs, one waits, 68 are told when to come back; none of these was counted as a try."""
    await new_merchant()
    _, caller = await sign_in("owner@tea")
    held.clear()
    jobs = [
        asyncio.ensure_future(caller("POST", STEP_UP, {"password": PASSWORD})) for _ in range(STORM)
    ]
    for answer in await refused(jobs, STORM - 2):
        assert answer.status_code == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["retry_after_s"] == int(answer.headers["retry-after"]) == 2
    again, _ = await sign_in("owner@tea")
    assert again.status_code == 200, "while the storm holds the threads of step-ups"
    held.set()
    assert statuses(await asyncio.gather(*jobs)) == [200] * 2 + [429] * (STORM - 2)
    assert (await caller("POST", STEP_UP, {"password": PASSWORD})).status_code == 200


async def test_a_storm_of_key_pairs_makes_two(binding, new_merchant, held):
    tenant_id, user = await new_merchant()
    caller = binding.user(tenant_id, user.user_id, ["apps.write"])
    held.clear()
    jobs = [asyncio.ensure_future(caller("POST", KEY_PAIRS)) for _ in range(STORM)]
    assert statuses(await refused(jobs, STORM - 2)) == [429] * (STORM - 2)
    held.set()
    assert statuses(await asyncio.gather(*jobs)) == [201] * 2 + [429] * (STORM - 2)
    assert await binding.database.value("SELECT count(*) FROM key_pairs") == 2


async def test_all_places_taken_is_said_apart_from_ones_own(binding, new_merchant, held):
    """Nobody's own fault: 503, and the seven others' places are theirs."""
    places = 8
    tenant_id, _ = await new_merchant()
    callers = [
        binding.user(tenant_id, f"01900000-0000-7000-8000-{n:012d}", ["apps.write"])
        for n in range(places + 1)
    ]
    held.clear()
    jobs = [asyncio.ensure_future(one("POST", KEY_PAIRS)) for one in callers[:places]]
    await asyncio.sleep(0.2)
    last = await callers[places]("POST", KEY_PAIRS)
    assert (last.status_code, last.json()["code"]) == (503, "binding.busy")
    held.set()
    assert statuses(await asyncio.gather(*jobs)) == [201] * places
    assert (await callers[places]("POST", KEY_PAIRS)).status_code == 201


async def test_audit_logs_are_read_one_at_a_time_for_a_tenant(binding, new_merchant, monkeypatch):
    """Each holds a database connection to its end: a handful would leave none for anybody."""
    tenant_id, _ = await new_merchant()
    start, release = asyncio.Event(), asyncio.Event()

    async def slow(_deps, _tenant_id):
        start.set()
        await release.wait()
        raise AssertionError("never looked at")

    monkeypatch.setattr("services.binding.audit.routes.log.verify_audit", slow)
    callers = [
        binding.user(tenant_id, f"01900000-0000-7000-8000-{n:012d}", ["audit.read"])
        for n in range(STORM)
    ]
    first = asyncio.ensure_future(callers[0]("POST", VERIFY))
    await start.wait()
    answers = await asyncio.gather(*(one("POST", VERIFY) for one in callers[1:]))
    assert statuses(answers) == [429] * (STORM - 1)
    export = await callers[1]("GET", "/api/merchant/v1/audit/export")
    assert export.status_code == 200, "it holds no connection to its end, so its places are others"
    first.cancel()
    release.set()
