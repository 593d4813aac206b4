"""One Alembic environment for all services, and what every migration needs from us.

Versions live in `services/<name>/migrations/versions`; after them each `services/<name>/*.sql`
is applied again (functions are repeatable: DROP IF EXISTS, then CREATE). Tables belong to the
owner role; the application's role gets rows only, and row level security is forced on everyone.
"""

import asyncio
import importlib
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from shared.db import engine_of

APP_ROLE = "damselfly_app"
LOCK_TIMEOUT = "5s"
TURN_TIMEOUT = "120s"
TABLES = Path(__file__).parent / "tables"
"""the tables that every service has"""


def enable_rls(op: Any, table: str) -> None:
    """Forces row security: a tenant sees its rows, system scope all, nobody set sees none."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    own = "tenant_id = nullif(current_setting('app.tenant', true), '')::uuid"
    system = "current_setting('app.scope', true) = 'system'"
    for name, rule in (("tenant_isolation", own), ("system_scope", system)):
        op.execute(f"CREATE POLICY {name} ON {table} USING ({rule}) WITH CHECK ({rule})")


def _create(op: Any, file: str, table: str) -> None:
    for statement in (TABLES / file).read_text().split(";\n\n"):
        op.execute(statement)
    enable_rls(op, table)


def create_outbox(op: Any) -> None:
    _create(op, "outbox.sql", "outbox")


def create_inbox(op: Any) -> None:
    _create(op, "inbox.sql", "inbox")


def create_bounds(op: Any) -> None:
    """What lets the relay replay, and everybody forget, in small steps however much there is."""
    _create(op, "bounds.sql", "outbox_replays")


def grant_app(op: Any) -> None:
    """Rows and sequences for the application's role, now and for what the owner makes later."""
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}")
    for what, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE")):
        op.execute(f"GRANT {rights} ON ALL {what} IN SCHEMA public TO {APP_ROLE}")
        future = f"GRANT {rights} ON {what} TO {APP_ROLE}"
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public {future}")


def migrate(package: str, owner_url: str) -> None:
    """Brings the database of `package` (such as "services.payment") to the newest version."""
    asyncio.run(_migrate(package, owner_url))


async def _migrate(package: str, owner_url: str) -> None:
    module = importlib.import_module(package)
    folder = Path(str(module.__file__)).parent
    engine = engine_of(owner_url)
    try:
        async with engine.begin() as connection:
            # One at a time on a database; whoever comes second finds nothing left to do.
            await connection.execute(text(f"SET LOCAL lock_timeout = '{TURN_TIMEOUT}'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('migrate'))"))
            await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            await connection.run_sync(_upgrade, folder)
            driver: Any = (await connection.get_raw_connection()).driver_connection
            for script in sorted(folder.glob("*.sql")):
                await driver.execute(script.read_text())
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, folder: Path) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(folder / "migrations"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def to_head(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    context = EnvironmentContext(config, script, fn=to_head)
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
