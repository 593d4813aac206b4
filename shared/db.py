"""PostgreSQL: explicit short transactions under row level security, and one-statement calls.

`tx`/`read` give SQLAlchemy sessions for ordinary work; `pg` gives a bare asyncpg transaction for
batches; `one`/`many` run a single autocommit statement for the hot path (14x cheaper than the
ORM, reference: performance §3). Nothing in a transaction may wait for the network, and no commit
happens in a `yield` dependency, which FastAPI would run after the answer has been sent.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import event, exc, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import ORMExecuteState, Session

from shared.errors import Unavailable

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
ACQUIRE_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 15.0
IDLE_LIFETIME_S = 120.0
PURGE_BATCH = 5_000

SETTINGS = {
    "lock_timeout": "2000",
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "15000",
}
"""Milliseconds, sent with each connection's first words: they hold on anybody's server and cost no
round trip. A row that somebody has forgotten to let go of must not keep a pool waiting for it."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    exc.TimeoutError,
    ConnectionError,
    TimeoutError,
    Unavailable,
)
"""What a connection that went away, or was never given, raises: the server stops, restarts, has no
place or no time left. Cut in mid-answer, asyncpg no longer knows where it is and says
InternalClientError, which is of no family of its own; `exc.TimeoutError` is SQLAlchemy's pool. Any
other OSError (a name that is not found, a socket that is gone) means the database only while it is
being connected to, and is Unavailable from there (`_connected`); else it is a file's, or a bug."""
BUSY = (asyncpg.LockNotAvailableError, asyncpg.TransactionRollbackError)
"""Somebody else holds the row, or stood in our way: nothing was changed, the next try may do."""


class Busy(Unavailable):
    """The database is there, and what we asked of it is held by somebody else."""


_NAME_TENANT = text("SELECT set_config('app.tenant', :tenant, true)")


def _raised(error: BaseException) -> BaseException:
    """What the driver raised: SQLAlchemy wraps it twice, and keeps it as the cause."""
    wrapped = error.orig if isinstance(error, exc.DBAPIError) else None
    return (wrapped.__cause__ or wrapped) if wrapped is not None else error


def is_connection_lost(error: BaseException) -> bool:
    """Whether the database, or a place in it, is away for now (as opposed to refusing what we
    said), raw or wrapped: the one place that knows. Worth another try later."""
    found = _raised(error)
    # An argument or address that asyncpg cannot send will be as wrong the next time.
    is_ours = isinstance(found, asyncpg.InterfaceError) and isinstance(found, ValueError)
    return not is_ours and isinstance(found, (*LOST, *BUSY))


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, Unavailable) or not is_connection_lost(error):
            raise
        kind = Busy if isinstance(_raised(error), BUSY) else Unavailable
        raise kind("the database is away or busy", retry_after_s=1) from error


async def _connected(*args: Any, **options: Any) -> "asyncpg.Connection[Any]":
    """As asyncpg's own, for every way in."""
    try:
        made: asyncpg.Connection[Any] = await asyncpg.connect(*args, **options)
    except OSError as error:
        raise Unavailable("the database is away", retry_after_s=1) from error
    return made


def engine_of(url: str, *, settings: dict[str, str] | None = None, **options: Any) -> AsyncEngine:
    """SQLAlchemy on `url`, which asyncpg itself reads: SQLAlchemy would hand libpq's words such as
    `sslmode` on as arguments that asyncpg does not know."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: _connected(url, server_settings=settings),
        **options,
    )


async def _without_reset(_connection: object) -> None:
    """What we set ends with its transaction, so a released connection needs no RESET: that would
    be a round trip after every single statement."""


@event.listens_for(Session, "do_orm_execute")
def _locked_is_fresh(execution: ORMExecuteState) -> None:
    """A row that is locked is read as it is then, also when the transaction has read it before."""
    if execution.is_select and getattr(execution.statement, "_for_update_arg", None) is not None:
        execution.update_execution_options(populate_existing=True)


class Database:
    """One service's database, as its application role, whose rows are those of the one tenant that
    a transaction names; `system` is the same as the service's other role, which sees all tenants.
    No setting turns the one into the other: they are two logins, each with a pool of its own."""

    def __init__(
        self, url: str, system_url: str = "", *, pool_size: int = 10, name: str = "app"
    ) -> None:
        self.system = Database(system_url, pool_size=pool_size, name=name) if system_url else self
        self._url = url
        self._pool_size = pool_size
        self._settings = {"application_name": f"damselfly-{name}", **SETTINGS}
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Opens the pool; waits a little for a database that is still starting."""
        for attempt in range(40):
            try:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    connect=_connected,
                    min_size=1,
                    max_size=self._pool_size,
                    command_timeout=COMMAND_TIMEOUT_S,
                    max_inactive_connection_lifetime=IDLE_LIFETIME_S,
                    server_settings=self._settings,
                    reset=_without_reset,
                )
                break
            except Exception as error:
                if attempt == 39 or not is_connection_lost(error):
                    raise
                await asyncio.sleep(0.25)
        if self.system is not self:
            await self.system.open()

    async def close(self) -> None:
        if self.system is not self:
            await self.system.close()
        if self._pool is not None:
            await self._pool.close()
        if self._engine is not None:
            await self._engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine, made when the first ordinary query needs it."""
        if self._engine is None:
            self._engine = engine_of(
                self._url,
                settings=self._settings,
                pool_size=self._pool_size,
                max_overflow=0,
                pool_timeout=ACQUIRE_TIMEOUT_S,
                pool_pre_ping=True,
                hide_parameters=True,
            )
        return self._engine

    @asynccontextmanager
    async def _session(
        self, tenant_id: UUID | None, *, read_only: bool
    ) -> AsyncIterator[AsyncSession]:
        with _as_unavailable():
            async with (
                AsyncSession(self.engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                if read_only:
                    await session.execute(text("SET TRANSACTION READ ONLY"))
                if tenant_id is not None:
                    await session.execute(_NAME_TENANT, {"tenant": str(tenant_id)})
                yield session

    def tx(self, tenant_id: UUID | None) -> AbstractAsyncContextManager[AsyncSession]:
        """A read-write transaction; commits on a clean exit. None means system scope: workers,
        command lines and look-ups by a secret's hash, where no tenant is known yet."""
        return self._for(tenant_id)._session(tenant_id, read_only=False)

    def read(self, tenant_id: UUID | None) -> AbstractAsyncContextManager[AsyncSession]:
        """A read-only transaction."""
        return self._for(tenant_id)._session(tenant_id, read_only=True)

    def _for(self, tenant_id: UUID | None) -> "Database":
        return self.system if tenant_id is None else self

    @asynccontextmanager
    async def pg(self, tenant_id: UUID | None) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A bare asyncpg transaction under the same rules, for batches."""
        # Both in one round trip; the value is a UUID, never a caller's text.
        names = f"; SET LOCAL app.tenant = '{tenant_id}'" if tenant_id is not None else ""
        async with self._for(tenant_id)._acquired() as connection:
            await connection.execute("BEGIN" + names)
            try:
                yield connection
            except BaseException:
                if not connection.is_closed():
                    await connection.execute("ROLLBACK")
                raise
            await connection.execute("COMMIT")

    async def purge(self, table: str, where: str, *args: Any) -> int:
        """Deletes what fits `where` in all tenants, batch by batch in transactions of their own, so
        that none takes long whatever has piled up. Both texts are ours. Returns how many went."""
        old = f"SELECT ctid FROM {table} WHERE {where} LIMIT {PURGE_BATCH}"  # noqa: S608
        total = 0
        while True:
            async with self.pg(None) as pg:
                sql = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({old}))"  # noqa: S608
                deleted = int((await pg.execute(sql, *args)).rpartition(" ")[2])
            total += deleted
            if deleted < PURGE_BATCH:
                return total

    async def one(self, sql: str, *args: Any) -> asyncpg.Record | None:
        """The first row of one autocommit statement, prepared once per connection."""
        async with self._acquired() as connection:
            return await connection.fetchrow(sql, *args)

    async def many(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """All rows of one autocommit statement."""
        async with self._acquired() as connection:
            return await connection.fetch(sql, *args)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        if self._pool is None:
            raise RuntimeError("the database was not opened")
        with _as_unavailable():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                try:
                    yield connection  # type: ignore[misc]
                except asyncpg.InternalClientError:
                    connection.terminate()  # cut in mid-answer: nobody may get it again
                    raise

    async def connect(self) -> "asyncpg.Connection[Any]":
        """A connection of its own in system scope, outside the pool (the relay's session lock lives
        on one)."""
        return await _connected(
            self.system._url, command_timeout=COMMAND_TIMEOUT_S, server_settings=self._settings
        )

    async def ping(self) -> bool:
        """Whether a trivial statement succeeds now."""
        try:
            return await self.one("SELECT 1") is not None
        except Unavailable:
            return False
