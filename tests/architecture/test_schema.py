"""Tenant isolation is a property of every table, not of every query (G7; reliability §8 #20).

A table without forced row security, a key without tenant_id, or an application role that could
step around either, fails here on the day it is added. Keys that hold tenant_id also mean that the
schema can be distributed by tenant, or one tenant moved, without a change.
"""

from collections.abc import Callable

import asyncpg
import pytest

from tests.architecture.tree import SERVICES
from tests.fixtures.postgres import ServiceDatabase

Get = Callable[[str], ServiceDatabase]

BOOKKEEPING = "alembic_version"

TABLES = """
SELECT c.oid, c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       pg_get_userbyid(c.relowner) AS owner,
       array(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid) AS policies,
       (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = c.oid AND attname = 'tenant_id' AND attnotnull) AS tenant_type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 2
"""

UNIQUES = """
SELECT t.relname AS table_name, i.relname AS name, x.indisprimary AS is_primary,
       array(SELECT a.attname::text FROM unnest(x.indkey::int[]) AS k(n)
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.n) AS columns
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = 'public' AND x.indisunique
"""

FOREIGN = """
SELECT conrelid::regclass::text AS table_name, conname AS name,
       array(SELECT a.attname::text FROM unnest(conkey) AS k(n)
             JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.n) AS columns
FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""

OWNED = """
SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = $1
UNION ALL SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) = $1
"""

DEFINERS = """
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public' AND p.prosecdef
"""

MONEY = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND (column_name LIKE '%\\_fen'
  AND data_type NOT IN ('bigint') OR data_type IN ('real', 'double precision', 'money'))
"""

NAIVE = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'
"""


async def _tables(database: ServiceDatabase) -> list[asyncpg.Record]:
    rows = [row for row in await database.fetch(TABLES) if row["name"] != BOOKKEEPING]
    assert rows, "the migrations made no table"
    return rows


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_every_table_belongs_to_tenants(service_db: Get, service: str) -> None:
    """G7: tenant_id NOT NULL uuid, row security enabled and forced, both policies."""
    wrong = {}
    database = service_db(service)
    for table in await _tables(database):
        faults = []
        if table["tenant_type"] != "uuid":
            faults.append(f"tenant_id is {table['tenant_type']}")
        if not (table["enabled"] and table["forced"]):
            faults.append("row security is not enabled and forced")
        if set(table["policies"]) != {"tenant_isolation", "system_scope"}:
            faults.append(f"policies are {sorted(table['policies'])}")
        if table["owner"] != database.owner:
            faults.append(f"owned by {table['owner']}")
        if faults:
            wrong[table["name"]] = faults
    assert not wrong


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_every_key_holds_the_tenant(service_db: Get, service: str) -> None:
    database = service_db(service)
    keys = [row for row in await database.fetch(UNIQUES) if row["table_name"] != BOOKKEEPING]
    assert not [(k["table_name"], k["name"]) for k in keys if "tenant_id" not in k["columns"]]
    keyed = {key["table_name"] for key in keys if key["is_primary"]}
    assert keyed == {table["name"] for table in await _tables(database)}
    foreign = await database.fetch(FOREIGN)
    assert not [(k["table_name"], k["name"]) for k in foreign if "tenant_id" not in k["columns"]]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_the_roles_of_a_service_cannot_step_around(service_db: Get, service: str) -> None:
    database = service_db(service)
    for name in (database.app, database.system):
        (role,) = await database.fetch(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
            " FROM pg_roles WHERE rolname = $1",
            name,
        )
        assert not any(role.values())
        members = "SELECT 1 FROM pg_auth_members WHERE member = $1::regrole"
        assert not await database.fetch(members, name)
        assert not await database.fetch(OWNED, name)
        await _refused(database, name)
    # A SECURITY DEFINER function would run as the owner: forced row security still binds it, but
    # there is no need for one, so none.
    assert not await database.fetch(DEFINERS)


async def _refused(database: ServiceDatabase, role: str) -> None:
    connection = await asyncpg.connect(database.url_of(role))
    try:
        for statement in (
            "ALTER TABLE outbox DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY",
            "DROP POLICY tenant_isolation ON outbox",
            "TRUNCATE outbox",
            f"SET ROLE {database.owner}",
            *(f"SET ROLE {other}" for other in {database.app, database.system} - {role}),
            "CREATE TABLE mine (x int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_without_a_tenant_there_are_no_rows(service_db: Get, service: str) -> None:
    """G7: one row of each table exists; nobody named, or another tenant named, sees none of them,
    and no word opens more than the named tenant's rows: all are seen by who one is."""
    database = service_db(service)
    names = [table["name"] for table in await _tables(database)]
    mine, other = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"
    filler = await asyncpg.connect(database.superuser_url)
    try:
        # No checks, no foreign keys: only visibility is asked about here.
        await filler.execute("SET session_replication_role = replica")
        for name in names:
            await filler.execute(await _filling(filler, name), mine)
    finally:
        await filler.close()
    for url, unnamed in (
        (database.app_url, 0), (database.system_url, 1), (database.owner_url, 1),
    ):  # fmt: skip
        connection = await asyncpg.connect(url)
        try:
            for settings, expected in (
                ({}, unnamed), ({"app.tenant": ""}, unnamed), ({"app.tenant": other}, unnamed),
                ({"app.tenant": mine}, 1), ({"app.scope": "system"}, unnamed),
                ({"app.scope": "system", "app.tenant": other}, unnamed),
            ):  # fmt: skip
                async with connection.transaction():
                    for setting, value in settings.items():
                        await connection.execute("SELECT set_config($1, $2, true)", setting, value)
                    seen = {
                        name: await connection.fetchval(f"SELECT count(*) FROM {name}")
                        for name in names
                    }
                assert {n: c for n, c in seen.items() if (c >= 1) != bool(expected)} == {}, settings
        finally:
            await connection.close()
    await database.truncate()


@pytest.mark.asyncio
async def test_no_setting_turns_one_role_into_another(service_db: Get) -> None:
    database = service_db("order")
    await database.execute("INSERT INTO inbox VALUES (gen_random_uuid(), 'x', gen_random_uuid())")
    connection = await asyncpg.connect(database.app_url)
    try:
        for statement in (
            f"SET ROLE {database.system}",
            f"SET SESSION AUTHORIZATION {database.system}",
            f"SET LOCAL ROLE {database.owner}",
            "SET session_replication_role = replica",
            "SET row_security = off",
            "SET app.scope = 'system'",
            f"SET app.role = '{database.system}'",
            "SET app.tenant = '%'",
            "SET search_path = pg_catalog, public",
        ):
            seen = 0
            try:
                await connection.execute(statement)
                seen = await connection.fetchval("SELECT count(*) FROM public.inbox")
            except asyncpg.PostgresError:
                pass
            assert seen == 0, statement
            await connection.execute("RESET ALL")
    finally:
        await connection.close()
    await database.truncate()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_a_role_enters_no_other_services_database(service_db: Get, service: str) -> None:
    """Order's role, taken over, reads nothing of binding's tables: it does not even get in; and if
    it did, it would have no right to any of them."""
    mine = service_db(service)
    for other in set(SERVICES) - {service}:
        theirs = service_db(other)
        for role in (mine.app, mine.system, mine.owner):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(theirs.url_of(role))
            assert not await theirs.fetch(
                "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'S')"
                " AND c.relnamespace = 'public'::regnamespace AND CASE c.relkind"
                " WHEN 'S' THEN has_sequence_privilege($1, c.oid, 'USAGE')"
                " ELSE has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE') END",
                role,
            )


async def _filling(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> str:
    """An INSERT of one row with a value of the right type in each column that needs one."""
    for check in await connection.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'", table
    ):
        await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{check["conname"]}"')
    columns = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
        " WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attnotnull"
        " AND attname <> 'tenant_id' AND attidentity = '' AND attgenerated = ''",
        table,
    )
    names = ["tenant_id"] + [column["attname"] for column in columns]
    values = ["$1::uuid"] + [_literal(column["type"]) for column in columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({quoted}) VALUES ({', '.join(values)})"


def _literal(kind: str) -> str:
    if kind == "uuid":
        return "'00000000-0000-7000-8000-0000000000aa'"
    if kind.startswith(("timestamp", "date")):
        return "now()"
    if kind.startswith("json"):
        return "'{}'"
    if kind == "boolean":
        return "true"
    if kind.endswith("[]"):
        return "'{}'"
    if kind == "bytea":
        return "'x'"
    if kind in {"smallint", "integer", "bigint", "numeric"}:
        return "1"
    return "'A'"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_money_is_bigint_and_time_is_aware(service_db: Get, service: str) -> None:
    database = service_db(service)
    assert not await database.fetch(MONEY)
    assert not await database.fetch(NAIVE)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_migrations_twice_change_nothing(service_db: Get, service: str) -> None:
    """`services.<name> migrate` runs before every start: the second time must be harmless."""
    from shared.migrate import migrate
    from tests.fixtures.postgres import in_thread

    database = service_db(service)
    shape = (
        "SELECT md5(string_agg(table_name || column_name || data_type, ',' ORDER BY 1, 2))"
        " FROM (SELECT * FROM information_schema.columns WHERE table_schema = 'public'"
        " ORDER BY table_name, column_name) AS c"
    )
    shape = shape.replace(" ORDER BY 1, 2", "")
    before = await database.value(shape)
    in_thread(lambda: migrate(f"services.{service}", database.owner_url))
    assert await database.value(shape) == before
