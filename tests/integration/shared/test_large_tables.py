"""Purges and replays of large tables go in steps, and a step reads no more than its own rows."""

import asyncio
from uuid import uuid4

import pytest
import pytest_asyncio

from shared import inbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated
from shared.errors import Unavailable
from tests.integration.shared.test_outbox import (
    Broker,
    all_published,
    happened,
    relaying,
    say,
    until,
)

FILL = """
INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at, published_at,
  partition, "offset")
SELECT t.id, gen_random_uuid(), 'binding.events', 'k' || n, 'x', $1,
  now() - make_interval(secs => $2), now() - make_interval(secs => $2), n % 2, n / 2
FROM generate_series(0, $3 - 1) AS n, (SELECT gen_random_uuid() AS id) AS t
"""
DAY_S = 86_400.0
MANY = 40_000


STEP_MAX = 5_000
GUARD = f"""
CREATE FUNCTION refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT count(*) FROM touched) > {STEP_MAX} THEN
    RAISE query_canceled USING MESSAGE = 'a statement changes more than a step';
  END IF;
  RETURN NULL;
END $$;
"""
GUARDED = """
CREATE TRIGGER {kind}s_few AFTER {kind} ON {table} REFERENCING OLD TABLE AS touched
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_many();
"""


@pytest_asyncio.fixture
async def steps_only(database):
    """A statement that changes more rows than a step is refused, as one that ran out of time is."""
    kinds = [(table, kind) for table in ("outbox", "inbox") for kind in ("update", "delete")]
    guards = (GUARDED.format(table=table, kind=kind) for table, kind in kinds)
    await database.execute(GUARD + "".join(guards))
    yield
    await database.execute("DROP FUNCTION refuse_many CASCADE")


@pytest.fixture
def payload(clock):
    """That of each event which fills the outbox."""
    return StoreCreated(**stamp(uuid4(), clock), store_id=uuid4(), name="before").encode()


@pytest.fixture
def outbox_of(database, payload, steps_only):
    """Puts so many events of that age into the outbox."""

    async def fill(many, age_s):
        await database.execute(FILL, payload, age_s, many)

    return fill


@pytest.mark.asyncio
async def test_a_replay_of_a_large_table_goes_in_steps_and_the_new_is_said_meanwhile(
    outbox_of, db, database, clock
):
    broker = Broker()
    await outbox_of(MANY, 3600.0)
    said = "SELECT min(seq) FROM outbox WHERE published_at > now() - interval '10 minutes'"
    async with relaying(db, broker) as relay:
        await until(lambda: happened(broker.told() > 1000))
        newest_first = await database.value(said)
        await say(db, clock, "meanwhile")
        await until(lambda: happened(broker.has("meanwhile")))
        told_before_the_new = broker.told()
        relay.cancel()
    assert newest_first > MANY / 2
    assert told_before_the_new < MANY / 2
    async with relaying(db, broker):  # and the next leader goes on, not from the start
        await until(lambda: happened(broker.told() > MANY), within_s=60)
        await until(all_published(database))
        left = "SELECT count(*) FROM outbox WHERE published_at < now() - interval '10 minutes'"
        assert await database.value(left) == 0

        async def done():
            return await database.value("SELECT count(*) FROM outbox_replays") == 0

        await until(done)
        total = broker.told()
        assert MANY < total < MANY * 1.2
        await asyncio.sleep(1.2)
        assert broker.told() == total


@pytest.mark.asyncio
async def test_a_purge_of_a_large_table_goes_in_steps_and_the_new_is_said_meanwhile(
    outbox_of, db, database, clock
):
    broker = Broker()
    many = 3 * MANY
    broker.logs = {0: [b""] * many, 1: [b""] * many}
    await outbox_of(many, 8 * DAY_S)
    with pytest.raises(Unavailable):
        async with db.pg(None) as pg:
            await pg.execute("UPDATE outbox SET published_at = NULL")
    async with relaying(db, broker):
        await say(db, clock, "meanwhile")

        async def said():
            return await database.value(
                "SELECT published_at IS NOT NULL FROM outbox WHERE seq = $1", many + 1
            )

        await until(said)
        assert await database.value("SELECT count(*) FROM outbox") > many / 2

        async def purged():
            return await database.value("SELECT count(*) FROM outbox") == 1

        await until(purged, within_s=60)


@pytest.mark.asyncio
async def test_what_was_heard_long_ago_is_forgotten_in_steps(steps_only, db, database):
    await database.execute(
        "INSERT INTO inbox SELECT gen_random_uuid(), 'c', gen_random_uuid(),"
        " now() - make_interval(days => 31 * (n % 2)) FROM generate_series(1, $1) AS n",
        2 * MANY,
    )
    await inbox.purge(db)
    assert await database.value("SELECT count(*) FROM inbox") == MANY


async def rows_read(database):
    """The rows of the outbox that were read without an index. A session's count is there for
    certain when the session has ended."""

    async def has_ended():
        return not await database.value(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = $1 AND query LIKE '%outbox%'",
            database.system,
        )

    await until(has_ended)
    return await database.value(
        "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'outbox'"
    )


@pytest.mark.asyncio
async def test_no_step_of_a_purge_reads_the_whole_table(outbox_of, db, database):
    await outbox_of(MANY, 8 * DAY_S)
    before = await rows_read(database)
    async with relaying(db, Broker()):

        async def half_is_gone():
            return await database.value("SELECT min(seq) FROM outbox") > MANY / 2

        await until(half_is_gone, within_s=60)
    assert await rows_read(database) - before < MANY


@pytest.mark.asyncio
async def test_no_step_of_a_replay_reads_the_whole_table(outbox_of, db, database):
    await outbox_of(MANY, 3600.0)
    before, broker = await rows_read(database), Broker()
    async with relaying(db, broker):
        await until(lambda: happened(broker.told() > MANY / 2), within_s=60)
    assert await rows_read(database) - before < MANY


LEFT = "SELECT count(*) FROM outbox_replays"
FEW = 10_000
"""so many steps that a relay can be stopped between two"""


@pytest_asyncio.fixture
async def few(database, payload):
    """So many events of an hour ago in the outbox."""
    await database.execute(FILL, payload, 3600.0, FEW)


@pytest.mark.asyncio
async def test_a_wipe_during_a_replay_whose_relay_has_ended_is_noticed(few, db, database):
    broker = Broker()
    async with relaying(db, broker):
        await until(lambda: happened(broker.told() > FEW / 4))
    assert await database.value(LEFT) == 1
    assert broker.told() < FEW
    broker.wipe()

    async def done():
        return await database.value(LEFT) == 0

    async with relaying(db, broker):
        await until(done, within_s=60)
        await until(all_published(database))
    assert broker.told() >= FEW


@pytest.mark.asyncio
async def test_a_replay_waits_while_the_broker_is_away(few, db, database):
    """Else its events would all be before the new ones when the broker is back."""
    broker = Broker()
    async with relaying(db, broker):
        await until(lambda: happened(broker.told() > 0))
        broker.down = True
        await asyncio.sleep(2.5)
    unpublished = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    assert await database.value(unpublished) <= FEW / 4
