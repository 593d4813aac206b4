"""A database with the shared tables and one tenant table, made by the migration mechanisms."""

import asyncio
import itertools
import os

import asyncpg
import pytest
import pytest_asyncio

from shared import migrate
from shared.db import Database

_names = itertools.count(1)
collect_ignore = [] if os.environ.get("KAFKA_BOOTSTRAP") else ["test_kafka_secured.py"]
"""A broker that asks who one is needs a JVM: `make test-kafka` has one."""


@pytest_asyncio.fixture(scope="module", autouse=True)
async def ended_tasks():
    """No task of a Kafka client outlives its module: the runner would cancel it once and then wait
    for its end, and such a client drops a cancellation now and then."""
    yield
    async with asyncio.timeout(20):
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.1)


class Collected:
    """Stands where alembic's `op` stands in a migration and keeps the statements."""

    def __init__(self):
        self.statements = []

    def execute(self, statement):
        self.statements.append(statement)


@pytest_asyncio.fixture
async def database(postgres):
    return await made(postgres)


async def made(cluster):
    """A database of that server with the shared tables and `notes`."""
    place = cluster.empty(f"shared_{next(_names)}")
    op = Collected()
    migrate._service.set(place.service)
    op.execute(
        "CREATE TABLE notes (tenant_id uuid NOT NULL, note_id uuid NOT NULL, text text NOT NULL,"
        " PRIMARY KEY (tenant_id, note_id))"
    )
    migrate.enable_rls(op, "notes")
    migrate.create_outbox(op)
    migrate.create_inbox(op)
    migrate.create_bounds(op)
    migrate.grant_app(op)
    owner = await asyncpg.connect(place.owner_url)
    for statement in op.statements:
        await owner.execute(statement)
    for script in migrate.COMMON:
        await owner.execute(script.read_text())
    await owner.close()
    return place


@pytest_asyncio.fixture
async def db(database):
    opened = Database(database.app_url, database.system_url, pool_size=5, name="test")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def deps(clock):
    class Deps:
        pass

    made = Deps()
    made.clock = clock
    return made
