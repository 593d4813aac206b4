"""The hot writes of payments in batches: rows that wait at the same time go in one statement.

One statement is one transaction: a result returns only after the commit of its batch, and a lost
connection leaves the outcome of every row of the batch unknown (F18). A row that the database
refuses changes nothing for the others: each is written in a subtransaction of its own. Where a
batch has more than two rows a tenant on average, it is written tenant by tenant, and three or more
ordinary rows of one tenant share a subtransaction, and one INSERT or UPDATE (ADR 39). A row that
would have to wait for another transaction is written once more, alone, so that the others do not
wait for it; so is a row because of which the database refuses a whole statement.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from prometheus_client import Histogram

from services.payment.functions import RowCalls
from shared.batches import Batches
from shared.db import BUSY, Database, RowBusy, as_unavailable
from shared.errors import Unavailable
from shared.telemetry import get_logger

LOCK_MS = 250
"""How long the statement of a batch may wait for other transactions in all. Below PostgreSQL's
`deadlock_timeout` (1 s): two batches that wait for each other part before one of them is killed."""
ALONE_LOCK_MS = 2_000
ALONE_MAX = 4
"""How many rows may be written alone at a time: the locks of one merchant must not take the
connections of all."""
WAIT_MAX_S = 10.0
"""A row without a result by then is given up, and not written if it still waits for a statement."""

log = get_logger("writes")
_sizes = Histogram(
    "payment_batch_rows",
    "Rows that one statement writes",
    ["statement"],
    buckets=(1, 2, 4, 8, 16, 32, 64),
)

Columns = tuple[Any, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Write:
    """The statements that write a row, or many. A row's first column is the tenant; the last
    argument of each statement is the lock timeout."""

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
        self._alone = asyncio.Semaphore(ALONE_MAX)

    async def one(self, write: Write, columns: Columns) -> asyncpg.Record:
        """Writes one row; its record. Raises the database's refusal of this row, or Unavailable."""
        batches = self._batches.get(write)
        if batches is None:
            batches = self._batches[write] = Batches(
                lambda rows: self._together(write, rows), _sizes.labels(write.name).observe
            )
        try:
            async with asyncio.timeout(WAIT_MAX_S):
                record = await batches.put(columns)
                if record is None or isinstance(_refusal(record), BUSY):
                    async with self._alone:
                        [record] = await self._written(write, [columns], ALONE_LOCK_MS)
        except TimeoutError:
            raise Unavailable("the database does not answer", retry_after_s=1) from None
        refusal = _refusal(record)
        if refusal is not None:
            with as_unavailable():
                raise refusal
        return record

    async def _together(
        self, write: Write, rows: Sequence[Columns]
    ) -> Sequence[asyncpg.Record | None]:
        """The record of each row; None for one that makes the database refuse its statement. Each
        half of a refused statement is written by itself, so a dozen statements find one of 64."""
        order = sorted(range(len(rows)), key=lambda index: write.order(rows[index]))
        try:
            records = await self._written(write, [rows[index] for index in order], LOCK_MS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, RowBusy) as error:
            # Not its text: it may hold the values of all rows.
            name = type(error).__name__
            log.warning("writes.refused", statement=write.name, rows=len(rows), error=name)
            if len(rows) == 1:
                return [None]
            halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
            return [record for half in halves for record in await self._together(write, half)]
        placed = dict(zip(order, records, strict=True))
        return [placed[index] for index in range(len(rows))]

    async def _written(
        self, write: Write, rows: Sequence[Columns], lock_ms: int
    ) -> list[asyncpg.Record]:
        if len(rows) == 1:
            return await self._db.many(write.calls.one, *rows[0], lock_ms)
        tenants = {row[0] for row in rows}
        has_several = len(rows) > 2 * len(tenants)
        text = write.calls.by_tenant if has_several else write.calls.many
        return await self._db.many(text, *zip(*rows, strict=True), lock_ms)


def _refusal(record: asyncpg.Record) -> asyncpg.PostgresError | None:
    """The error by which the database refused this row."""
    if record["failed"] is None:
        return None
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(
        {"C": record["failed"], "M": record["failure"]}
    )
    return error
