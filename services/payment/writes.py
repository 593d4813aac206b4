"""The hot writes of payments in batches: rows that wait at the same time go in one statement.

One statement is one transaction: a result returns only after the commit of its batch, and a lost
connection leaves the outcome of every row of the batch unknown (F18). Each row is written in a
subtransaction of its own, so a row that the database refuses changes nothing for the others. A row
that would have to wait for another transaction is written once more, alone, so that the others do
not wait for it; so is every row of a statement that was refused as a whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from prometheus_client import Histogram

from services.payment.functions import RowCalls
from shared.batches import Batches
from shared.db import Database, as_unavailable, is_connection_lost

LOCK_MS = 250
"""How long a row of a batch may wait for another transaction."""
ALONE_LOCK_MS = 2_000
_BUSY = ("55P03", "40P01", "40001")
"""lock_not_available, deadlock_detected, serialization_failure"""

_sizes = Histogram(
    "payment_batch_rows",
    "Rows that one statement writes",
    ["statement"],
    buckets=(1, 2, 4, 8, 16, 32, 64),
)

Columns = tuple[Any, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Write:
    """The statements that write a row, or many; their last argument is the lock timeout."""

    name: str
    calls: RowCalls
    order: Callable[[Columns], Any]
    """The key by which the rows of a batch are sorted: two batches with common rows must lock them
    in the same order."""


class Writes:
    """The batches of one process, by statement."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._batches: dict[Write, Batches[Columns, asyncpg.Record | None]] = {}

    async def one(self, write: Write, columns: Columns) -> asyncpg.Record:
        """Writes one row; its record. Raises the database's refusal of this row, or Unavailable."""
        batches = self._batches.get(write)
        if batches is None:
            batches = self._batches[write] = Batches(
                lambda rows: self._together(write, rows), _sizes.labels(write.name).observe
            )
        record = await batches.put(columns)
        if record is None or record["failed"] in _BUSY:
            [record] = await self._written(write, [columns], ALONE_LOCK_MS)
        if record["failed"] is not None:
            with as_unavailable():
                raise asyncpg.PostgresError.new({"C": record["failed"], "M": record["failure"]})
        return record

    async def _together(
        self, write: Write, rows: Sequence[Columns]
    ) -> Sequence[asyncpg.Record | None]:
        """The record of each row; None for all if the statement was refused as a whole."""
        order = sorted(range(len(rows)), key=lambda index: write.order(rows[index]))
        try:
            records = await self._written(write, [rows[index] for index in order], LOCK_MS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if is_connection_lost(error):
                raise
            return [None] * len(rows)
        placed = dict(zip(order, records, strict=True))
        return [placed[index] for index in range(len(rows))]

    async def _written(
        self, write: Write, rows: Sequence[Columns], lock_ms: int
    ) -> list[asyncpg.Record]:
        if len(rows) == 1:
            return await self._db.many(write.calls.one, *rows[0], lock_ms)
        return await self._db.many(write.calls.many, *zip(*rows, strict=True), lock_ms)
