"""A database that is away, restarts, or holds a row too long: 503, and every loop goes on."""

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from unittest.mock import AsyncMock
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from shared import db as shared_db
from shared.consumer import Consumer, Handlers
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated
from shared.db import Database, RowBusy, is_connection_lost
from shared.errors import Unavailable
from shared.kafka import Producer
from shared.outbox import Relay, add
from shared.worker import periodic
from tests.fixtures.postgres import running_cluster
from tests.integration.shared.conftest import made

# asyncpg drops a future of its own when the server cuts a connection; ours are all awaited.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SLEEP = "SELECT pg_sleep(20)"


async def by_session(db, sql):
    async with db.tx(uuid4()) as tx:
        await tx.execute(text(sql))


async def by_reading(db, sql):
    async with db.read(uuid4()) as tx:
        await tx.execute(text(sql))


async def by_transaction(db, sql):
    async with db.pg(uuid4()) as pg:
        await pg.execute(sql)


async def by_statement(db, sql):
    await db.many(sql)


WAYS = (by_session, by_reading, by_transaction, by_statement)


async def until(condition, within_s=20.0):
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.asyncio
async def test_an_administrator_ends_our_session(db, database, way):
    working = asyncio.ensure_future(way(db, SLEEP))

    async def ended():
        return await database.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'damselfly-test' AND query LIKE '%pg_sleep%'"
            " AND state = 'active' AND datname = current_database()"
        )

    await until(ended)
    with pytest.raises(Unavailable) as refused:
        await working
    assert refused.value.extensions["retry_after_s"] >= 1
    await way(db, "SELECT 1")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.asyncio
async def test_the_server_ends_what_takes_too_long(database, monkeypatch, way):
    monkeypatch.setitem(shared_db.SETTINGS, "statement_timeout", "1500")
    impatient = Database(database.app_url, database.system_url, name="impatient")
    await impatient.open()
    with pytest.raises(Unavailable):
        await way(impatient, SLEEP)
    await way(impatient, "SELECT 1")
    await impatient.close()


@pytest.mark.asyncio
async def test_every_session_of_ours_has_its_limits(db):
    async def limits(fetch):
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        return [await fetch(f"SELECT current_setting('{name}')") for name in names]

    own = await db.connect()
    found = [await limits(own.fetchval)]
    await own.close()
    async with db.pg(uuid4()) as pg:
        found.append(await limits(pg.fetchval))
    async with db.tx(uuid4()) as tx:

        async def first(sql):
            return (await tx.execute(text(sql))).scalar()

        found.append(await limits(first))
    assert found == [["2s", "10s", "15s"]] * 3


@pytest.mark.asyncio
async def test_a_row_that_somebody_holds_stops_nobody_else(database, monkeypatch):
    """A forgotten session keeps one row; 40 calls want it, and the others' calls are answered."""
    monkeypatch.setitem(shared_db.SETTINGS, "lock_timeout", "300")
    ours, tenant, note = (
        Database(database.app_url, database.system_url, pool_size=4, name="held"),
        uuid4(),
        uuid4(),
    )
    await ours.open()
    async with ours.pg(tenant) as pg:
        await pg.execute("INSERT INTO notes VALUES ($1, $2, 'held')", tenant, note)
    forgotten = await asyncpg.connect(database.superuser_url)
    await forgotten.execute("BEGIN")
    await forgotten.execute("SELECT * FROM notes FOR UPDATE")
    change = f"UPDATE notes SET text = 'new' WHERE note_id = '{note}'"

    async def want(number):
        way = ours.tx(tenant) if number % 2 else ours.pg(tenant)
        async with way as place:
            await place.execute(text(change) if number % 2 else change)

    wanting = [asyncio.ensure_future(want(number)) for number in range(40)]
    await asyncio.sleep(0.1)
    started = time.monotonic()
    async with asyncio.timeout(6):
        assert (await ours.one("SELECT 1"))[0] == 1
        async with ours.read(uuid4()) as tx:
            assert (await tx.execute(text("SELECT 1"))).scalar() == 1
    outcomes = await asyncio.gather(*wanting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {RowBusy, Unavailable}
    assert RowBusy in {type(outcome) for outcome in outcomes}
    assert time.monotonic() - started < 12
    await forgotten.close()
    await want(0)
    await want(1)
    await ours.close()


async def linger_in_batch(db):
    async with db.pg(uuid4()) as pg:
        await asyncio.sleep(0.5)
        await pg.fetchval("SELECT 1")


async def linger_in_session(db):
    async with db.tx(uuid4()) as tx:
        await asyncio.sleep(0.5)
        await tx.execute(text("SELECT 1"))


@pytest.mark.asyncio
async def test_a_transaction_left_open_is_ended(database, monkeypatch):
    monkeypatch.setitem(shared_db.SETTINGS, "idle_in_transaction_session_timeout", "100")
    idle = Database(database.app_url, database.system_url, pool_size=2, name="idle")
    await idle.open()
    for way in (linger_in_batch, linger_in_session):
        with pytest.raises(Unavailable):
            await way(idle)
    assert await idle.ping()
    await idle.close()


@pytest.mark.asyncio
async def test_a_starved_session_pool_is_unavailable(database, monkeypatch):
    monkeypatch.setattr("shared.db.ACQUIRE_TIMEOUT_S", 0.1)
    small = Database(database.app_url, database.system_url, pool_size=1, name="small")
    await small.open()
    async with small.tx(uuid4()) as tx:
        await tx.execute(text("SELECT 1"))
        with pytest.raises(Unavailable):
            await by_reading(small, "SELECT 1")
    await small.close()


@pytest.mark.asyncio
async def test_two_who_stand_in_each_others_way_are_told_to_try_again(db):
    tenant, notes = uuid4(), [uuid4(), uuid4()]
    async with db.pg(tenant) as pg:
        for note in notes:
            await pg.execute("INSERT INTO notes VALUES ($1, $2, 'x')", tenant, note)
    both = asyncio.Barrier(2)

    async def lock(order):
        async with db.tx(tenant) as tx:
            for note in order:
                sql = f"SELECT 1 FROM notes WHERE note_id = '{note}' FOR UPDATE"
                await tx.execute(text(sql))
                if note == order[0]:
                    await both.wait()

    outcomes = await asyncio.gather(lock(notes), lock(notes[::-1]), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "RowBusy"]


@pytest.mark.asyncio
async def test_what_we_said_wrongly_is_no_lost_connection(db):
    """It would be as wrong the next time: 500, which wakes somebody up, and not 503 for ever."""
    for statement, argument in (("SELECT $1::int", "x"), ("SELECT $1::int", 2**40)):
        with pytest.raises(Exception) as refused:
            await db.one(statement, argument)
        assert not is_connection_lost(refused.value)
    with pytest.raises(asyncpg.UndefinedTableError):
        await db.one("SELECT * FROM nothing_of_that_name")


FILE_FAULTS = (
    FileNotFoundError(2, "No such file"), PermissionError(13, "Permission denied"),
    IsADirectoryError(21, "Is a directory"), OSError(28, "No space left on device"),
)  # fmt: skip


@pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("open_way", ["tx", "read", "pg"])
@pytest.mark.asyncio
async def test_a_fault_with_a_file_is_no_lost_database(db, open_way, fault):
    """It is a bug, or a machine that wants somebody: neither 503 nor another try for ever."""
    with pytest.raises(OSError) as seen:
        async with getattr(db, open_way)(uuid4()):
            raise fault
    assert seen.value is fault
    assert not is_connection_lost(fault)
    with pytest.raises(type(fault)):
        async with asyncio.timeout(5):
            await periodic(AsyncMock(side_effect=fault), 0.01)()


UNREACHABLE = {
    "refused": "postgresql://x@127.0.0.1:1/x",
    "no such name": "postgresql://x@no.invalid/x",
    "no such socket": "postgresql://x@/x?host=/nowhere",
}


@pytest.mark.parametrize("place", UNREACHABLE.values(), ids=UNREACHABLE)
@pytest.mark.asyncio
async def test_a_database_that_cannot_be_reached_is_unavailable(place):
    """What the system says of it is a ConnectionError, or of some other family."""
    away = Database(place, place, name="nowhere")
    for way in (by_session, by_reading):
        with pytest.raises(Unavailable):
            await way(away, "SELECT 1")
    with pytest.raises(Unavailable) as refused:
        await away.connect()
    assert is_connection_lost(refused.value)
    await away.close()


@pytest.mark.parametrize("kind", [ConnectionResetError, BrokenPipeError, TimeoutError])
@pytest.mark.asyncio
async def test_what_the_connection_itself_says_is_unavailable(db, kind):
    with pytest.raises(Unavailable):
        async with db.pg(uuid4()):
            raise kind


@pytest.fixture(scope="module")
def own_server():
    """A server of this module alone, which it may restart."""
    with running_cluster() as cluster:
        yield cluster


@asynccontextmanager
async def running(*jobs):
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.asyncio
async def test_every_way_says_that_a_stopped_server_is_away(own_server):
    database = await made(own_server)
    db = Database(database.app_url, database.system_url, name="stopped")
    await db.open()
    own_server.stop()
    try:
        for way in WAYS:
            for _ in range(2):  # on the connection that was kept, and on a fresh one
                with pytest.raises(Unavailable):
                    await way(db, "SELECT 1")
    finally:
        own_server._launch()
    for way in WAYS:
        await way(db, "SELECT 1")
    await db.close()


@pytest.mark.kafka
@pytest.mark.timeout(120)
@pytest.mark.asyncio
async def test_every_kind_of_loop_survives_restarts_of_the_server(
    own_server, deps, clock, kafka_bootstrap, service_keys
):
    """Relay, consumer, and rounds by the clock over sessions, batches and statements."""
    database = await made(own_server)
    db = Database(database.app_url, database.system_url, pool_size=6, name="loops")
    await db.open()
    handlers, heard, rounds = Handlers(f"heard-{uuid4()}"), [], {}

    @handlers.on(StoreCreated)
    async def hear(_deps, pg, events):
        await pg.fetchval("SELECT pg_sleep(0.01)")
        heard.extend(event.event_id for event in events)

    def by_the_clock(way):
        async def once():
            await way(db, "SELECT pg_sleep(0.05)")
            rounds[way] = rounds.get(way, 0) + 1

        return periodic(once, 0.01)()

    producer = Producer(service_keys.broker("binding", kafka_bootstrap))
    consumer = Consumer(db, handlers, deps, service_keys.broker("order", kafka_bootstrap))
    relay = Relay(db, producer, StoreCreated.topic, idle_poll_s=0.06)
    async with running(relay.run(), consumer.run(), *map(by_the_clock, WAYS)) as tasks:
        for _ in range(3):
            await asyncio.to_thread(own_server.restart)
            before, event = dict(rounds), await _said(db, clock)

            async def all_go_on(before=before, event=event):
                assert not any(task.done() for task in tasks), tasks
                return event in heard and all(
                    rounds.get(way, 0) > before.get(way, 0) for way in WAYS
                )

            await until(all_go_on, within_s=30)
    await producer.aclose()
    await db.close()


async def _said(db, clock):
    """Said as soon as the database takes it."""
    tenant = uuid4()
    event = StoreCreated(**stamp(tenant, clock), store_id=uuid4(), name="again")
    for _ in range(100):
        with suppress(Unavailable):
            async with db.tx(tenant) as tx:
                await add(tx, event)
            return event.event_id
        await asyncio.sleep(0.05)
    raise AssertionError("the database did not come back")


@pytest.mark.asyncio
async def test_a_relay_whose_table_is_missing_says_so_loudly_and_goes_on(db, database, clock):
    """It is no database that is away, but ending the process would end its neighbours' work too."""
    sink = AsyncMock()
    sink.send_batch.return_value = [(0, 0)]
    await database.execute("ALTER TABLE outbox RENAME TO hidden")
    with capture_logs() as said:
        async with running(Relay(db, sink, StoreCreated.topic, idle_poll_s=0.06).run()):

            async def told():
                return [line for line in said if line["event"] == "relay.lost_database"]

            await until(told)
            await database.execute("ALTER TABLE hidden RENAME TO outbox")
            await _said(db, clock)

            async def sent():
                return sink.send_batch.called

            await until(sent)
    (first, *_) = await told()
    assert (first["log_level"], first["error"]) == ("error", "UndefinedTableError")
