"""Row level security holds for every way into the database (G7, reliability-security §5.6)."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import Database
from shared.errors import Unavailable

INSERT = text("INSERT INTO notes VALUES (:t, :n, 'x')")
COUNT = "SELECT count(*) FROM notes"


async def write(db, tenant, owner=None):
    async with db.tx(tenant) as tx:
        await tx.execute(INSERT, {"t": owner or tenant, "n": uuid4()})


@pytest.mark.asyncio
async def test_a_tenant_sees_its_own_rows_and_nobody_set_sees_none(db):
    mine, other = uuid4(), uuid4()
    await write(db, mine)
    await write(db, other)
    async with db.read(mine) as tx:
        assert (await tx.execute(text(COUNT))).scalar() == 1
    async with db.pg(mine) as pg:
        assert await pg.fetchval(COUNT) == 1
    async with db.tx(None) as tx:
        assert (await tx.execute(text(COUNT))).scalar() == 2
    assert (await db.one(COUNT))[0] == 0


@pytest.mark.asyncio
async def test_nobody_writes_into_another_tenant(db):
    with pytest.raises(DBAPIError, match="row-level security"):
        await write(db, uuid4(), owner=uuid4())


@pytest.mark.asyncio
async def test_the_setting_never_outlives_its_transaction(db):
    tenants = [uuid4() for _ in range(8)]
    await asyncio.gather(*(write(db, tenant) for tenant in tenants))

    async def look(tenant):
        async with db.pg(tenant) as pg:
            return await pg.fetchval(COUNT)

    assert await asyncio.gather(*(look(tenant) for tenant in tenants * 10)) == [1] * 80
    assert (await db.one(COUNT))[0] == 0


class Base(DeclarativeBase):
    pass


class NoteRow(Base):
    __tablename__ = "notes"
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    note_id: Mapped[UUID] = mapped_column(primary_key=True)
    text: Mapped[str]


@pytest.mark.asyncio
async def test_a_row_that_is_locked_is_read_as_it_is_then(db):
    """Also when it was read before in the same transaction, and somebody changed it meanwhile;
    what the transaction itself changed stays."""
    tenant = uuid4()
    await write(db, tenant)
    ask = select(NoteRow).where(NoteRow.tenant_id == tenant)
    async with db.tx(tenant) as tx:
        seen = await tx.scalar(ask)
        async with db.tx(tenant) as other:
            await other.execute(text("UPDATE notes SET text = 'changed'"))
        assert (await tx.scalar(ask)).text == "x", "an ordinary look keeps what it has"
        assert await tx.scalar(ask.with_for_update()) is seen
        assert seen.text == "changed"
        seen.text = "mine"
        await tx.scalar(ask.with_for_update())
        assert seen.text == "mine"


@pytest.mark.asyncio
async def test_a_read_cannot_write(db):
    with pytest.raises(DBAPIError, match="read-only"):
        async with db.read(uuid4()) as tx:
            await tx.execute(INSERT, {"t": uuid4(), "n": uuid4()})


@pytest.mark.asyncio
async def test_a_failed_transaction_leaves_nothing(db):
    tenant = uuid4()

    async def fail():
        async with db.tx(tenant) as tx:
            await tx.execute(INSERT, {"t": tenant, "n": uuid4()})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with db.pg(tenant) as pg:
        assert await pg.fetchval(COUNT) == 0


@pytest.mark.asyncio
async def test_the_application_role_cannot_switch_the_rules_off(db):
    for statement in (
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_isolation ON notes",
        "SET row_security = off; SELECT * FROM notes",
        "TRUNCATE notes",
    ):
        async with db._acquired() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
            await connection.execute("RESET row_security")


# asyncpg drops a future of its own when the server cuts a connection; ours are all awaited.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
async def test_a_database_that_went_away_is_unavailable_and_comes_back(db, database):
    assert await db.ping()
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'damselfly-test'"
    )
    outcomes = [await db.ping() for _ in range(3)]
    assert outcomes[-1] is True
    lost = Database(database.app_url.replace(str(database.port), "1"), name="nowhere")
    with pytest.raises(RuntimeError, match="not opened"):
        await lost.one("SELECT 1")


@pytest.mark.asyncio
async def test_a_starved_pool_is_unavailable(database, monkeypatch):
    monkeypatch.setattr("shared.db.ACQUIRE_TIMEOUT_S", 0.1)
    small = Database(database.app_url, database.system_url, pool_size=1, name="small")
    await small.open()
    async with small.pg(uuid4()):
        with pytest.raises(Unavailable):
            await small.one("SELECT 1")
    await small.close()
