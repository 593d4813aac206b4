"""The models against the tables that the migrations make."""

import pytest
from sqlalchemy import inspect

from services.device.models import Base

pytestmark = pytest.mark.asyncio


async def test_models_and_migrations_agree(device):
    """Same columns, same keys, same types, same nullability, for each table that has a model."""

    def compare(connection):
        found = inspect(connection)
        for table in Base.metadata.sorted_tables:
            real = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(real) == {column.name for column in table.columns}
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]
            for column in table.columns:
                there = real[column.name]
                assert there["nullable"] == column.nullable, (table.name, column.name)
                kind = type(column.type.as_generic())
                assert isinstance(there["type"].as_generic(), kind), (table.name, column.name)

    async with device.deps.db.engine.connect() as connection:
        await connection.run_sync(compare)
