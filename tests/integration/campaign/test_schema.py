"""The database against the code: the columns of each table that has a model."""

import pytest
from sqlalchemy import inspect

from services.campaign.models import Base

pytestmark = pytest.mark.asyncio


async def test_models_and_migrations_agree(db):
    """Same columns, same types, same nullability."""

    def compare(connection):
        found = inspect(connection)
        for table in Base.metadata.sorted_tables:
            real = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(real) == {column.name for column in table.columns}
            for column in table.columns:
                there = real[column.name]
                assert there["nullable"] == column.nullable, (table.name, column.name)
                kind = column.type.as_generic()
                assert isinstance(there["type"].as_generic(), type(kind)), column.name

    async with db.engine.connect() as connection:
        await connection.run_sync(compare)
