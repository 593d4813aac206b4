"""A relay rests while nothing happens, and misses nothing."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated
from shared.outbox import Relay
from tests.integration.shared.test_outbox import (
    TOPIC,
    Broker,
    all_published,
    relaying,
    say,
    until,
)

NEVER_S = 3600.0


def resting(database):
    """Whether a relay rests: it holds a second lock beside that of the leader."""

    async def check():
        held = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
        )
        mine = " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        return await database.value(held + mine) == 2

    return check


@asynccontextmanager
async def listening(db, heard):
    """A session that adds to `heard` whenever somebody notifies the relay."""
    listener = await db.connect()
    try:
        await listener.add_listener("outbox", lambda *_: heard.append(1))
        yield listener
    finally:
        await listener.close()


@pytest.mark.asyncio
async def test_an_event_wakes_a_relay_that_never_looks_by_itself(db, database, clock):
    broker = Broker()
    async with relaying(db, broker, NEVER_S):
        for name in ("one", "two"):
            await until(resting(database))
            await say(db, clock, name)
            await until(all_published(database))
    assert sorted(broker.names()) == ["one", "two"]


@pytest.mark.asyncio
async def test_no_event_falls_between_the_last_look_and_the_rest(db, database, clock):
    """At all distances from 0 to 100 ms, the longest of which let it rest."""
    broker = Broker()
    async with relaying(db, broker, NEVER_S):
        for number in range(100):
            await say(db, clock, str(number))
            await asyncio.sleep(number / 1000)
        await until(all_published(database))
    assert len(broker.names()) == 100


@pytest.mark.asyncio
async def test_it_does_not_rest_on_what_came_since_its_last_look(db, clock):
    """That was added when nobody rested, so it notifies nobody."""
    relay = Relay(db, Broker(), TOPIC, idle_poll_s=NEVER_S)
    connection = await db.connect()
    await say(db, clock, "just before")
    async with asyncio.timeout(8):
        await relay._rest(connection, asyncio.Event())
    await connection.close()


@pytest.mark.asyncio
async def test_it_ends_when_it_is_cancelled_while_it_is_woken(db):
    relay, added = Relay(db, Broker(), TOPIC, idle_poll_s=NEVER_S), asyncio.Event()
    connection = await db.connect()
    resting = asyncio.ensure_future(relay._rest(connection, added))
    await asyncio.sleep(0.3)
    added.set()
    resting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await resting
    await connection.close()


@pytest.mark.asyncio
async def test_a_broker_that_is_away_for_long_makes_nobody_notify(db, database, clock):
    broker, heard = Broker(), []
    broker.down = True
    await say(db, clock, "first")
    async with listening(db, heard) as listener, relaying(db, broker, NEVER_S):
        for number in range(60):
            await say(db, clock, str(number))
            await asyncio.sleep(0.02)
        broker.down = False
        await until(all_published(database))
        await listener.execute("SELECT 1")
        assert heard == []
    assert len(broker.names()) == 61


@pytest.mark.asyncio
async def test_a_relay_that_rests_sees_that_its_session_was_ended(db, database, clock):
    broker = Broker()
    async with relaying(db, broker, NEVER_S):
        await until(resting(database))
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await say(db, clock, "after")
        await until(all_published(database))
    assert broker.names() == ["after"]


@pytest.mark.asyncio
async def test_a_relay_does_not_rest_while_somebody_adds(db, database, clock):
    broker, tenant = Broker(), uuid4()
    event = StoreCreated(**stamp(tenant, clock), store_id=uuid4(), name="slow")
    async with db.pg(tenant) as pg:
        await outbox.add(pg, event)
        async with relaying(db, broker, NEVER_S):
            await asyncio.sleep(0.3)
            assert not await resting(database)()
            await pg.execute("COMMIT; BEGIN")
            await until(all_published(database))
    assert broker.names() == ["slow"]


@pytest.mark.asyncio
async def test_only_a_relay_that_rests_is_notified(db, database, clock):
    """A notification takes a lock of the whole server at the commit: not one for each event."""
    broker, heard = Broker(), []
    async with listening(db, heard) as listener:
        await say(db, clock, "nobody relays")
        await listener.execute("SELECT 1")
        assert heard == []
        async with relaying(db, broker, NEVER_S):
            await until(resting(database))
            await say(db, clock, "wake", "up")
            await until(all_published(database))
            await listener.execute("SELECT 1")
        assert heard == [1]
