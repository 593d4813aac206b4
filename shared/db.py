"""PostgreSQL: explicit short transactions under row level security, and one-statement calls.

`tx`/`read` give SQLAlchemy sessions for ordinary work; `pg` gives a bare asyncpg transaction for
batches; `one`/`many` run a single autocommit statement for the hot path (14x cheaper than the
ORM, reference: performance §3). No transaction waits for the network. No commit happens in a
`yield` dependency, because FastAPI would run it after the response has been sent.
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
    "ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s", "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}  # fmt: skip
ACQUIRE_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 15.0
IDLE_LIFETIME_S = 120.0
PURGE_BATCH = 5_000

SETTINGS = {
    "lock_timeout": "2000",
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "15000",
}
"""Milliseconds, sent when a connection starts: they apply on any server and cost no round trip.
They keep a row lock that is never released from blocking a whole pool."""

LOST = (
    asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError, asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError, asyncpg.InternalClientError,
    exc.TimeoutError, ConnectionError, TimeoutError, Unavailable,
)  # fmt: skip
"""The errors of a connection that was lost or could not be made: the server stops, restarts, or has
no connection or time left. asyncpg raises InternalClientError when a connection breaks in the
middle of a result; `exc.TimeoutError` comes from SQLAlchemy's pool. Any other OSError (unknown
host, missing socket) concerns the database only while connecting, where `_connected` turns it into
Unavailable; elsewhere it concerns a file, or is a bug."""
BUSY = (asyncpg.LockNotAvailableError, asyncpg.TransactionRollbackError)
"""Another transaction holds the row or conflicts with ours: nothing was changed; try again."""


class RowBusy(Unavailable):
    """The database works, but another transaction holds the row that we need."""


_NAME_TENANT = text("SELECT set_config('app.tenant', :tenant, true)")


def _raised(error: BaseException) -> BaseException:
    """The driver's own error: SQLAlchemy wraps it twice and keeps it as the cause."""
    wrapped = error.orig if isinstance(error, exc.DBAPIError) else None
    return (wrapped.__cause__ or wrapped) if wrapped is not None else error


def is_connection_lost(error: BaseException) -> bool:
    """Whether the error means that the database or one of its rows is unavailable for now, so that
    a later try may succeed. It does not mean that the database refused a statement. All code
    decides this here; the error may be the driver's own or SQLAlchemy's."""
    found = _raised(error)
    # An argument or address that asyncpg cannot send is our bug: a retry does not help.
    is_ours = isinstance(found, asyncpg.InterfaceError) and isinstance(found, ValueError)
    return not is_ours and isinstance(found, (*LOST, *BUSY))


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Raises Unavailable for an error of a database that is away or busy."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Unavailable) or not is_connection_lost(error):
            raise
        kind = RowBusy if isinstance(_raised(error), BUSY) else Unavailable
        raise kind("the database is away or busy", retry_after_s=1) from error


async def _connected(*args: Any, **options: Any) -> "asyncpg.Connection[Any]":
    """asyncpg.connect, for every kind of connection; an OSError becomes Unavailable."""
    try:
        made: asyncpg.Connection[Any] = await asyncpg.connect(*args, **options)
    except OSError as error:
        raise Unavailable("the database is away", retry_after_s=1) from error
    return made


def engine_of(url: str, *, settings: dict[str, str] | None = None, **options: Any) -> AsyncEngine:
    """A SQLAlchemy engine whose URL asyncpg parses: SQLAlchemy would pass libpq parameters such as
    `sslmode` on as arguments that asyncpg does not know."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: _connected(url, server_settings=settings),
        **options,
    )


async def _without_reset(_connection: object) -> None:
    """Skips asyncpg's RESET when a connection is released: our settings end with their transaction,
    and RESET would cost a round trip after each statement."""


@event.listens_for(Session, "do_orm_execute")
def _locked_is_fresh(execution: ORMExecuteState) -> None:
    """Reads a row anew when it is locked, also if the transaction has read it before."""
    if execution.is_select and getattr(execution.statement, "_for_update_arg", None) is not None:
        execution.update_execution_options(populate_existing=True)


class Database:
    """One service's database under its application role, which sees only the rows of the tenant
    that a transaction names. `system` is the same database under the service's other role, which
    sees all tenants. No setting turns one role into the other: they are two logins, each with a
    pool of its own."""

    def __init__(
        self, url: str, system_url: str = "",
        *, pool_size: int = 10, name: str = "app", **settings: str,
    ) -> None:  # fmt: skip
        """`settings`: those of a connection that are not as in SETTINGS."""
        more: dict[str, Any] = {"pool_size": pool_size, "name": name} | settings
        self.system = Database(system_url, **more) if system_url else self
        self._url = url
        self._pool_size = pool_size
        self._settings = {"application_name": f"damselfly-{name}", **SETTINGS, **settings}
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Opens the pool; waits up to some ten seconds for a database that is starting."""
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
        with as_unavailable():
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
        """A read-write transaction that commits on a clean exit. None means system scope, for
        workers, command lines and look-ups by a secret's hash, where the tenant is not known."""
        return self._for(tenant_id)._session(tenant_id, read_only=False)

    def read(self, tenant_id: UUID | None) -> AbstractAsyncContextManager[AsyncSession]:
        """A read-only transaction."""
        return self._for(tenant_id)._session(tenant_id, read_only=True)

    def _for(self, tenant_id: UUID | None) -> "Database":
        return self.system if tenant_id is None else self

    @asynccontextmanager
    async def pg(self, tenant_id: UUID | None) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A bare asyncpg transaction under the same rules, for batches."""
        # One round trip for both statements; the value is a UUID, never a caller's text.
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

    async def purge(self, table: str, where: str, *args: Any) -> None:
        """Deletes the rows of all tenants that match `where`, batch by batch. Each batch has a
        transaction of its own, so that none takes long. `table` and `where` are constants of our
        code."""
        old = f"SELECT ctid FROM {table} WHERE {where} LIMIT {PURGE_BATCH}"  # noqa: S608
        deleted = PURGE_BATCH
        while deleted == PURGE_BATCH:
            async with self.pg(None) as pg:
                sql = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({old}))"  # noqa: S608
                deleted = int((await pg.execute(sql, *args)).rpartition(" ")[2])

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
        with as_unavailable():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                try:
                    yield connection  # type: ignore[misc]
                except asyncpg.InternalClientError:
                    connection.terminate()  # broken within a result: must not be used again
                    raise

    async def connect(self) -> "asyncpg.Connection[Any]":
        """A separate connection in system scope, outside the pool (the relay holds its session
        lock on one)."""
        return await _connected(
            self.system._url, command_timeout=COMMAND_TIMEOUT_S, server_settings=self._settings
        )

    async def ping(self) -> bool:
        """Whether a trivial statement succeeds now."""
        try:
            return await self.one("SELECT 1") is not None
        except Unavailable:
            return False
