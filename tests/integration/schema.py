"""A service's tables as its migrations make them, against its models."""

from typing import Any

from sqlalchemy import Connection, MetaData, inspect

from shared.db import Database


async def require_agreement(db: Database, models: MetaData) -> None:
    """Same columns, same keys, same types, same nullability, for each table that has a model."""

    def compare(connection: Connection) -> None:
        found = inspect(connection)
        for table in models.sorted_tables:
            real: dict[str, Any] = {
                column["name"]: column for column in found.get_columns(table.name)
            }
            apart = real.keys() ^ {column.name for column in table.columns}
            assert not apart, f"{table.name}: in the migrations or in models.py alone: {apart}"
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key], table.name
            for column in table.columns:
                there = real[column.name]
                assert there["nullable"] == column.nullable, (table.name, column.name)
                kind = column.type.as_generic()
                assert isinstance(there["type"].as_generic(), type(kind)), column.name

    async with db.engine.connect() as connection:
        await connection.run_sync(compare)
