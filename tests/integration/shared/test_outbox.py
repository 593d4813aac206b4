"""The relay: in order, marked after the acknowledgement, one leader, replay after a wipe (F20)."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from shared import db as shared_db
from shared import inbox, outbox
from shared.contracts.events.base import decode, stamp
from shared.contracts.events.binding import StoreCreated
from shared.db import Database
from shared.errors import Unavailable
from shared.outbox import Relay

TOPIC = StoreCreated.topic


class Broker:
    """The relay's view of a broker with two partitions; `wipe` forgets everything."""

    def __init__(self):
        self.logs = {0: [], 1: []}
        self.down = False

    async def send_batch(self, topic, records):
        if self.down:
            raise Unavailable
        places = []
        for key, value in records:
            partition = sum(key.encode()) % 2
            self.logs[partition].append(value)
            places.append((partition, len(self.logs[partition]) - 1))
        return places

    async def end_offsets(self, topic):
        if self.down:
            raise Unavailable
        return {partition: len(log) for partition, log in self.logs.items()}

    def wipe(self):
        self.logs = {0: [], 1: []}

    def names(self):
        return [decode(raw).name for log in self.logs.values() for raw in log]

    def told(self):
        """How many it was sent; nothing is decoded for that."""
        return sum(len(log) for log in self.logs.values())

    def has(self, name):
        """Whether an event of that name was sent, newest first."""
        return any(
            name.encode() in raw and decode(raw).name == name
            for log in self.logs.values()
            for raw in reversed(log)
        )


@asynccontextmanager
async def relaying(db, broker):
    task = asyncio.ensure_future(Relay(db, broker, TOPIC, idle_poll_s=0.06).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition, within_s=8.0):
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.02)


async def say(db, clock, *names, tenant=None, store=None):
    tenant = tenant or uuid4()
    async with db.tx(tenant) as tx:
        for name in names:
            await outbox.add(
                tx, StoreCreated(**stamp(tenant, clock), store_id=store or uuid4(), name=name)
            )


def all_published(database):
    async def check():
        return await database.value("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0

    return check


@pytest.mark.asyncio
async def test_one_key_stays_in_order_and_every_row_is_marked(db, database, clock):
    broker, store = Broker(), uuid4()
    async with relaying(db, broker):
        for number in range(50):
            await say(db, clock, str(number), store=store)
        await until(all_published(database))
    assert broker.names() == [str(number) for number in range(50)]
    rows = await database.fetch('SELECT partition, "offset" FROM outbox ORDER BY seq')
    assert [row["offset"] for row in rows] == list(range(50))


@pytest.mark.asyncio
async def test_a_rolled_back_fact_is_never_said(db, database, clock):
    broker, tenant = Broker(), uuid4()
    async with relaying(db, broker):
        with suppress(ZeroDivisionError):
            async with db.tx(tenant) as tx:
                event = StoreCreated(**stamp(tenant, clock), store_id=uuid4(), name="never")
                await outbox.add(tx, event)
                raise ZeroDivisionError
        await say(db, clock, "after")
        await until(all_published(database))
    assert broker.names() == ["after"]


@pytest.mark.asyncio
async def test_a_broker_that_is_away_loses_nothing(db, database, clock):
    """F19."""
    broker = Broker()
    broker.down = True
    async with relaying(db, broker):
        await say(db, clock, "a", "b")
        await asyncio.sleep(0.2)
        assert broker.names() == []
        broker.down = False
        await until(all_published(database))
    assert sorted(broker.names()) == ["a", "b"]


@pytest.mark.asyncio
async def test_a_wiped_broker_is_told_everything_again_without_a_new_event(db, database, clock):
    """F20: noticed by the end offsets alone."""
    broker = Broker()
    async with relaying(db, broker):
        await say(db, clock, "a", "b", "c")
        await until(all_published(database))
        broker.wipe()

        async def told_again():
            return sorted(broker.names()) == ["a", "b", "c"]

        await until(told_again)


@pytest.mark.asyncio
async def test_a_wipe_while_no_relay_ran_is_noticed_at_the_next_start(db, database, clock):
    broker = Broker()
    async with relaying(db, broker):
        await say(db, clock, "a", "b")
        await until(all_published(database))
    broker.wipe()
    async with relaying(db, broker):

        async def told_again():
            return sorted(broker.names()) == ["a", "b"]

        await until(told_again)


@pytest.mark.asyncio
async def test_two_relays_take_turns_and_the_second_takes_over(db, database, clock):
    """F33: each has a broker of its own, so it shows who carried what: one leads and the other
    carries nothing at all, until the first is gone."""
    leading, waiting = Broker(), Broker()
    async with relaying(db, leading) as first:
        await say(db, clock, "a")
        await until(all_published(database))
        async with relaying(db, waiting):
            await asyncio.sleep(0.3)
            for number in range(20):
                await say(db, clock, f"b{number}")
                await until(all_published(database))
            assert sorted(leading.names()) == sorted(["a", *(f"b{n}" for n in range(20))])
            assert waiting.names() == []
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
            await say(db, clock, "c")
            await until(all_published(database))
            assert "c" in waiting.names()


# asyncpg drops a future of its own when the server cuts a connection; ours are all awaited.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
async def test_a_relay_that_hangs_loses_its_lease(db, database, clock, monkeypatch):
    """F33: its session idles, the server ends it, and with it the lock: the other one leads. What
    the first was sending is said again, and its mark meets no session."""

    class Stuck(Broker):
        async def send_batch(self, topic, records):
            self.logs[0].append(records[0][1])
            await asyncio.Event().wait()

    monkeypatch.setattr(outbox, "LEASE_S", 1)
    stuck, other = Stuck(), Broker()
    async with relaying(db, stuck):
        await say(db, clock, "a")

        async def is_sending():
            return stuck.names() == ["a"]

        await until(is_sending)
        async with relaying(db, other):
            await until(all_published(database))
    assert other.names() == ["a"]


@pytest.mark.asyncio
async def test_an_offset_given_twice_is_a_wipe(db, database, clock):
    """F20: a broker that lost its memory and has got new records meanwhile: its ends look right,
    only the place that it gives our next record was given before."""

    class Silent(Broker):
        async def end_offsets(self, topic):
            raise Unavailable

    broker, store = Silent(), uuid4()
    async with relaying(db, broker):
        await say(db, clock, "a", "b", "c", store=store)
        await until(all_published(database))
        broker.wipe()
        await say(db, clock, "d", store=store)

        async def told_again():
            return {"a", "b", "c", "d"} <= set(broker.names())

        await until(told_again)
        await until(all_published(database))


# asyncpg drops a future of its own when the server cuts a connection; ours are all awaited.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
async def test_a_relay_survives_its_connection_being_cut(db, database, clock):
    broker = Broker()
    async with relaying(db, broker):
        await say(db, clock, "a")
        await until(all_published(database))
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await asyncio.sleep(0.1)
        for _ in range(5):
            with suppress(Unavailable, Exception):
                await say(db, clock, "b")
                break
        await until(all_published(database))
    assert sorted(set(broker.names())) == ["a", "b"]


@pytest.mark.asyncio
async def test_a_relay_survives_a_cut_in_mid_answer(db, database, clock):
    """asyncpg then says that the connection is busy for ever, by an error of no known family."""

    class Busy:
        def __init__(self, connection):
            self.execute, self.fetchval = connection.execute, connection.fetchval
            self.terminate = connection.terminate

        async def fetch(self, *_):
            raise asyncpg.InternalClientError("another operation is in progress")

    class CutOnce:
        def __init__(self):
            self.wrap = [Busy]

        async def connect(self):
            connection = await db.connect()
            return self.wrap.pop()(connection) if self.wrap else connection

    broker = Broker()
    async with relaying(CutOnce(), broker):
        await say(db, clock, "a")
        await until(all_published(database))
    assert broker.names() == ["a"]


FILL = """
INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at, published_at,
  partition, "offset")
SELECT t.id, gen_random_uuid(), 'binding.events', 'k' || n, 'x', $1,
  now() - make_interval(secs => $2), now() - make_interval(secs => $2), n % 2, n / 2
FROM generate_series(0, $3 - 1) AS n, (SELECT gen_random_uuid() AS id) AS t
"""
DAY_S = 86_400.0
MANY = 40_000


@pytest_asyncio.fixture
async def filled(database, monkeypatch):
    """Fills a table by one statement, and opens the database with a limit that no statement keeps
    which touches all of that: a quarter of what the filling took, as busy as this machine is."""
    async with AsyncExitStack() as ends:

        async def fill(sql, *args):
            since = time.monotonic()
            await database.execute(sql, *args)
            limit_ms = round(250 * (time.monotonic() - since))
            monkeypatch.setitem(shared_db.SETTINGS, "statement_timeout", str(limit_ms))
            opened = Database(database.app_url, database.system_url, pool_size=5, name="impatient")
            await opened.open()
            ends.push_async_callback(opened.close)
            return opened

        yield fill


@pytest.fixture
def outbox_of(filled, clock):
    """The database, with so many events of that age in its outbox."""

    async def fill(many, age_s):
        event = StoreCreated(**stamp(uuid4(), clock), store_id=uuid4(), name="before")
        return await filled(FILL, event.encode(), age_s, many)

    return fill


@pytest.mark.asyncio
async def test_a_replay_of_a_large_table_goes_in_steps_and_the_new_is_said_meanwhile(
    outbox_of, database, clock
):
    broker = Broker()
    db = await outbox_of(MANY, 3600.0)
    said = "SELECT min(seq) FROM outbox WHERE published_at > now() - interval '10 minutes'"
    async with relaying(db, broker) as relay:
        await until(lambda: _happened(broker.told() > 1000))
        newest_first = await database.value(said)
        await say(db, clock, "meanwhile")
        await until(lambda: _happened(broker.has("meanwhile")))
        told_before_the_new = broker.told()
        relay.cancel()
    assert newest_first > MANY / 2
    assert told_before_the_new < MANY / 2
    async with relaying(db, broker):  # and the next leader goes on, not from the start
        await until(lambda: _happened(broker.told() > MANY), within_s=60)
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


async def _happened(fact):
    return fact


@pytest.mark.asyncio
async def test_a_purge_of_a_large_table_goes_in_steps_and_the_new_is_said_meanwhile(
    outbox_of, database, clock
):
    broker = Broker()
    many = 3 * MANY
    broker.logs = {0: [b""] * many, 1: [b""] * many}
    db = await outbox_of(many, 8 * DAY_S)
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
async def test_what_was_heard_long_ago_is_forgotten_in_steps(filled, database):
    db = await filled(
        "INSERT INTO inbox SELECT gen_random_uuid(), 'c', gen_random_uuid(),"
        " now() - make_interval(days => 31 * (n % 2)) FROM generate_series(1, $1) AS n",
        2 * MANY,
    )
    await inbox.purge(db)
    assert await database.value("SELECT count(*) FROM inbox") == MANY
