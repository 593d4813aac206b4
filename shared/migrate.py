"""Runs the Alembic migrations of all services, and has the helpers that migrations call.

Versions live in `services/<name>/migrations/versions`. After them the functions of every inbox,
the outbox's trigger and each SQL file of the service's folder and rooms are applied again (they are
repeatable). Tables belong to the owner role. The service's two roles may read and change rows only,
and row level security is forced on every role.
"""

import asyncio
import importlib
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from shared.db import engine_of

TURN = (
    "SET LOCAL lock_timeout = '120s'; SELECT pg_advisory_xact_lock(hashtext('migrate'));"
    " SET LOCAL lock_timeout = '5s'"
)
MISSING = "SELECT r FROM unnest(string_to_array(:roles, ', ')) AS r WHERE to_regrole(r) IS NULL"
TABLES = Path(__file__).parent / "tables"
"""the tables that every service has"""
COMMON = tuple(TABLES / name for name in ("claims.sql", "replay.sql", "wake.sql"))
"""and the functions of those tables"""


_service: ContextVar[str] = ContextVar("service")


def both_roles() -> str:
    """The two roles of the service that is migrated, as a list in SQL: the one that sees one tenant
    at a time, and the one that sees all."""
    return f"damselfly_{_service.get()}, damselfly_{_service.get()}_system"


def _apply(op: Any, file: str, table: str = "") -> None:
    sql = (TABLES / file).read_text().replace("{app}", f"damselfly_{_service.get()}")
    for statement in sql.replace("{table}", table).split(";\n\n"):
        op.execute(statement)


def enable_rls(op: Any, table: str) -> None:
    """Forces row security: a transaction sees the rows of the tenant that it names, and none if it
    names no tenant. Only the system role and the owner see all rows; no setting grants that."""
    _apply(op, "row_security.sql", table)


def create_outbox(op: Any) -> None:
    _apply(op, "outbox.sql")
    enable_rls(op, "outbox")


def create_inbox(op: Any) -> None:
    _apply(op, "inbox.sql")
    enable_rls(op, "inbox")


def create_bounds(op: Any) -> None:
    """Indexes and a table for replays and purges in small steps on tables of any size."""
    _apply(op, "bounds.sql")
    enable_rls(op, "outbox_replays")


def grant_app(op: Any) -> None:
    """Grants rows and sequences to the service's roles, also of tables that are made later."""
    _apply(op, "grants.sql")


def part_roles(op: Any) -> None:
    """For older databases, where all services used one role and a setting gave system scope."""
    _apply(op, "part_roles.sql")
    grant_app(op)


def migrate(package: str, owner_url: str) -> None:
    """Brings the database of `package` (such as "services.payment") to the newest version."""
    asyncio.run(_migrate(package, owner_url))


async def _migrate(package: str, owner_url: str) -> None:
    _service.set(package.rpartition(".")[2])
    module = importlib.import_module(package)
    folder = Path(str(module.__file__)).parent
    engine = engine_of(owner_url)
    try:
        async with engine.begin() as connection:
            if gone := (await connection.scalars(text(MISSING), {"roles": both_roles()})).all():
                raise SystemExit(f"{package}: no role {', '.join(gone)}: docs/runbook.md, Roles")
            # One migration at a time; a second process finds nothing left to do.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute(TURN)
            await connection.run_sync(_upgrade, folder)
            for script in (*COMMON, *functions(folder)):
                await driver.execute(script.read_text())
    finally:
        await engine.dispose()


def functions(folder: Path) -> list[Path]:
    """The SQL files of a service and of its rooms, without the queries of `invariants/`."""
    return sorted(path for path in folder.rglob("*.sql") if path.parent.name != "invariants")


def _upgrade(connection: Connection, folder: Path) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(folder / "migrations")

    def to_head(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    context = MigrationContext.configure(connection, opts={"fn": to_head})
    with context.begin_transaction(), Operations.context(context):
        context.run_migrations()
