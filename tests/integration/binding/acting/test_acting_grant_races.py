"""Whatever happens to a grant for an acting operator at the same moment: one thing counts, and what
is written is what holds (S131, S132)."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.binding.acting import grants as acting_grants
from services.binding.settings import approvals
from tests.fixtures.races import ROUNDS, race

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
M, O = "/api/merchant/v1", "/api/operator/v1"  # noqa: E741


async def test_two_requests_at_once(world):
    """Many times: one is filed."""
    for _ in range(ROUNDS):
        answers = await asyncio.gather(world.ask(), world.ask())
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        (made,) = (one.json() for one in answers if one.status_code == 201)
        assert (await world.do("withdraw", "bob", made)).status_code == 204


@pytest.fixture
def recorded(world, binding):
    """What the record of a grant holds; in each tenth round, what the door shows of it, too: its
    list grows with every round."""

    async def read(grant, turn):
        held = "SELECT state, end_cause FROM acting_grants WHERE grant_id = $1"
        (row,) = await binding.database.fetch(held, grant["grant_id"])
        if turn % 10 == 0:
            shown = await world.shown(grant)
            assert (shown["state"], shown["end_cause"]) == (row["state"], row["end_cause"])
        return row

    return read


ACTIONS = ("acting.grant_give", "acting.grant_refuse", "acting.grant_withdraw", "acting.grant_end")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("give", "owner"), ("refuse", "ada")),
        (("give", "ada"), ("give", "owner")),
        (("give", "owner"), ("withdraw", "bob")),
        (("give", "owner"), ("time", "")),
        (("withdraw", "owner"), ("time", "")),
    ],
)
async def test_whatever_happens_at_once(world, first, second, binding, clock, recorded):
    """Many times: of two verdicts one counts, the record says what holds, and what holds is what
    the session can do. Giving and then withdrawing, in this order, are both true."""
    await world.act()
    ended = {"given": 0, "refused": 0, "ended": 0}
    for turn in range(ROUNDS):
        if turn % 4 == 0:
            await world.owner.step_up()
            await world.ada.step_up("operator")
        if first[0] == "withdraw":
            grant = await world.given(minutes=1)
        else:
            grant = (await world.ask()).json()
            soon = "UPDATE acting_grants SET expires_at = $1 WHERE state = 'asked'"
            await binding.database.fetch(soon, clock.now() + timedelta(seconds=60))

        async def done(what, by, grant=grant):
            if what == "time":
                clock.advance(60)
                await acting_grants.end_overdue(binding.deps)
                return None
            return await world.do(what, by, grant)

        told = await race(turn, done(*first), done(*second), 0.003)
        codes = [answer.status_code for answer in told if answer is not None]
        assert set(codes) <= {200, 204, 409}, [answer.text for answer in told if answer]
        seen = await recorded(grant, turn)
        ended[seen["state"]] += 1
        entries = await binding.database.fetch(
            "SELECT tenant_id, action FROM audit_log WHERE subject = $1 AND action = ANY($2)"
            " ORDER BY tenant_id, seq",
            grant["grant_id"], list(ACTIONS),
        )  # fmt: skip
        mine = [row["action"] for row in entries if row["tenant_id"] == world.merchant_id]
        both = [row["action"] for row in entries if row["tenant_id"] != world.merchant_id]
        assert mine == both, "the two logs tell one story"
        _agrees(first[0], mine, codes, seen["state"])
        if first[0] == "withdraw":
            running = (await world.bob("GET", f"{O}/session")).json()["acting"]
            if running is None:
                await _anew(world)
        can = await world.makes_store(f"门店 {turn}")
        assert can == (seen["state"] == "given"), seen
        if seen["state"] == "given":
            assert (await world.do("withdraw", "bob", grant)).status_code == 204
    assert sum(ended.values()) == ROUNDS


def _agrees(first, actions, codes, state):
    """What was noted is what the record says, and nobody was told of a verdict that is not
    noted."""
    if first == "withdraw":
        assert (len(actions), actions[0], state) == (2, "acting.grant_give", "ended")
        return
    ends = {"acting.grant_give": "given", "acting.grant_refuse": "refused"}
    assert ends.get(actions[-1], "ended") == state
    verdicts = [one for one in actions if one in ends]
    assert len(verdicts) <= 1
    assert codes.count(200) == verdicts.count("acting.grant_give")
    assert len(actions) == 1 or actions[0] == "acting.grant_give"


async def _anew(world):
    """Acting runs for an hour at most: begun again."""
    await world.bob("DELETE", f"{O}/acting")
    await world.bob.step_up("operator")
    await world.act()


async def test_given_and_disabled_at_once(world, browser, recorded):
    """Many times: whoever is disabled holds nothing afterwards, whichever came first."""
    for turn in range(ROUNDS):
        if turn % 10 == 0:
            await world.owner.step_up()
            await world.ada.step_up("operator")
        grant = (await world.ask()).json()
        path = f"{O}/staff/{world.bob_id}"

        async def disable(turn=turn, path=path):
            await asyncio.sleep((turn % 10) * 0.003)
            body = {"is_enabled": False, "version": 1 + 2 * turn}
            return await world.ada("PATCH", path, body)

        given, disabled = await asyncio.gather(world.do("give", "owner", grant), disable())
        assert disabled.status_code == 200, disabled.text
        assert given.status_code in {200, 409}, given.text
        seen = await recorded(grant, turn)
        assert (seen["state"], seen["end_cause"]) == ("ended", "powers")
        back = {"is_enabled": True, "version": 2 + 2 * turn}
        assert (await world.ada("PATCH", path, back)).status_code == 200
        world.bob = await browser("bob@ops", "operator")


async def test_asked_and_disabled_at_once(world, browser, binding):
    """Many times: nothing that a disabled operator asked for waits for an answer."""
    left = "SELECT count(*) FROM acting_grants WHERE state IN ('asked', 'given')"
    told = set()
    for turn in range(ROUNDS):
        if turn % 4 == 0:
            await world.ada.step_up("operator")
        path = f"{O}/staff/{world.bob_id}"

        body = {"is_enabled": False, "version": 1 + 2 * turn}
        asked, disabled = await race(turn, world.ask(), world.ada("PATCH", path, body))
        assert disabled.status_code == 200, disabled.text
        # 404: the session had ended before the edge asked for it.
        assert asked.status_code in {201, 403, 404}, asked.text
        told.add(asked.status_code)
        assert await binding.database.value(left) == 0
        back = {"is_enabled": True, "version": 2 + 2 * turn}
        assert (await world.ada("PATCH", path, back)).status_code == 200
        world.bob = await browser("bob@ops", "operator")
    assert 201 in told


async def test_powers_end_beside_a_round_of_the_worker(world, binding, new_merchant, clock):
    """An operator loses what he asked for at two merchants while the worker rejects what waited too
    long at both: neither waits for the other, whoever comes first to which log."""
    elsewhere, _ = await new_merchant("Bakery", "owner@bakery")
    first, last = sorted([world.merchant_id, elsewhere], key=str)
    assert (await world.ask(merchant_id=str(last))).status_code == 201
    now, hour = clock.now(), timedelta(hours=1)
    waiting = (
        "INSERT INTO app_changes (tenant_id, change_id, kind, app_id, state, content_aad, summary,"
        " asked_by, asked_at, expires_at, content_box)"
        " VALUES ($1, $2, 'merchant', '', 'waiting', '', '{}', $3, $4, $5, 'x')"
    )
    late, bobs = (uuid4(), now - hour), (world.bob_id, now + hour)
    for tenant_id, (by, until) in ((first, late), (last, late), (first, bobs)):
        values = (tenant_id, uuid4(), by, now - 2 * hour, until)
        await binding.database.execute(waiting, *values)

    async def waits(job, number):
        """Until so many wait for a lock, the job among them."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname ="
        while await binding.database.value(f"{sql} current_database()") < number:
            assert not job.done(), job
            await asyncio.sleep(0.005)
        return job

    def end():
        body = {"is_enabled": False, "version": 1}
        return world.ada("PATCH", f"{O}/staff/{world.bob_id}", body)

    async with binding.database._connected() as holder, holder.transaction():
        await holder.execute("SELECT 1 FROM audit_heads WHERE tenant_id = $1 FOR UPDATE", last)
        ended = await waits(asyncio.create_task(end()), 1)
        round_ = await waits(asyncio.create_task(approvals.forget_changes(binding.deps)), 2)
    assert (await ended).status_code == 200
    await round_
    rows = await binding.database.fetch("SELECT state FROM app_changes")
    assert {row["state"] for row in rows} == {"rejected"}
