"""The relay: in order, marked after the acknowledgement, one leader, replay after a wipe (F20)."""

import asyncio
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import asyncpg
import pytest

from shared import outbox
from shared.clock import SystemClock
from shared.contracts.events.base import decode, stamp
from shared.contracts.events.binding import StoreCreated
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
async def relaying(db, broker, idle_poll_s=0.06):
    task = asyncio.ensure_future(Relay(db, broker, TOPIC, idle_poll_s=idle_poll_s).run())
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


async def happened(fact):
    """For `until`: a fact that needs no waiting."""
    return fact


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
async def test_an_old_event_stays_until_a_day_after_it_was_published(db, database, clock):
    """However long the broker was away. Each leader purges before it publishes."""
    broker, kept = Broker(), []
    await say(db, clock, "old")
    await database.execute("UPDATE outbox SET created_at = now() - interval '30 days'")
    old = "SELECT count(*) FROM outbox WHERE created_at < now() - interval '29 days'"
    for hours in (0, 23, 25):
        published = "UPDATE outbox SET published_at = published_at - make_interval(hours => $1)"
        await database.execute(published, hours)
        name = f"after {hours} h"
        await say(db, SystemClock(), name)
        async with relaying(db, broker):
            await until(lambda said=name: happened(broker.has(said)))
            await until(all_published(database))
            kept.append(await database.value(old))
    assert broker.names().count("old") == 1
    assert kept == [1, 1, 0]
    assert await database.value("SELECT count(*) FROM outbox") == 3, "the new ones stay for a week"


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
