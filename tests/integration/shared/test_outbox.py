"""The relay: in order, marked after the acknowledgement, one leader, replay after a wipe (F20)."""

import asyncio
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import asyncpg
import pytest

from shared import outbox
from shared.errors import Unavailable
from shared.events.base import decode, stamp
from shared.events.binding import StoreCreated
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


@asynccontextmanager
async def relaying(db, broker):
    task = asyncio.ensure_future(Relay(db, broker, TOPIC).run())
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
    """F33."""
    broker = Broker()
    async with relaying(db, broker) as first, relaying(db, broker):
        await say(db, clock, "a")
        await until(all_published(database))
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        await say(db, clock, "b")
        await until(all_published(database))
    assert sorted(broker.names()) == ["a", "b"]


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
