"""The ledger on disk: SQLite in WAL mode. One fsync serves many requests; all wait for it.

Every change is a plain function that gets a `Tx`. The functions of one batch run on the event
loop inside one transaction (a few microseconds each); only the commit, which waits for the disk,
runs in a thread, so that the next batch collects meanwhile.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(slots=True)
class Tx:
    """One change of the ledger, and what has to be scheduled once it is durable."""

    connection: sqlite3.Connection
    now_ms: int
    notify_now: int
    notifies: list[str] = field(default_factory=list)
    order_deadlines: list[tuple[int, str, str]] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)

    def one(self, sql: str, *args: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(sql, args).fetchone()
        return row

    def all(self, sql: str, *args: object) -> list[sqlite3.Row]:
        return self.connection.execute(sql, args).fetchall()

    def execute(self, sql: str, *args: object) -> None:
        self.connection.execute(sql, args)


Change = Callable[[Tx], Any]


@dataclass(slots=True)
class _Pending:
    change: Change
    done: asyncio.Future[Any]


class Ledger:
    """The one writer. `do` answers only after the change is on disk.

    `schema` makes the tables where they are missing; `grow` adds to a ledger of an
    earlier version what came later.
    """

    def __init__(
        self, folder: Path, schema: str, grow: Callable[[sqlite3.Connection], None]
    ) -> None:
        self._path = folder / "ledger.db"
        self._writer = self.connect()
        self._writer.executescript(SCHEMA + schema)
        grow(self._writer)
        self._reader = self.connect()
        self._path.chmod(0o600)
        self._disk = ThreadPoolExecutor(1, "ledger-commit")
        self._queue: list[_Pending] = []
        self._wanted = asyncio.Event()
        self.make_tx: Callable[[sqlite3.Connection], Tx] = lambda c: Tx(c, 0, 0)
        self.after_commit: Callable[[Tx], None] = lambda tx: None

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16000")
        return connection

    async def do(self, change: Callable[[Tx], T]) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Pending(change, done))
        self._wanted.set()
        return await done

    def read(self, sql: str, *args: object) -> list[sqlite3.Row]:
        """Reads committed rows only; does not wait for the writer."""
        return self._reader.execute(sql, args).fetchall()

    def setting(self, name: str) -> str | None:
        rows = self.read("SELECT value FROM settings WHERE name = ?", name)
        return rows[0][0] if rows else None

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            batch, self._queue = self._queue, []
            if batch and not await self._settle(batch):
                # One change failed the batch: each is tried alone and gets its own result or error.
                for wanted in batch:
                    await self._settle([wanted], is_last_try=True)

    async def _settle(self, batch: list[_Pending], *, is_last_try: bool = False) -> bool:
        writer = self._writer
        tx = self.make_tx(writer)
        results = []
        try:
            writer.execute("BEGIN IMMEDIATE")
            for wanted in batch:
                results.append(wanted.change(tx))
            await asyncio.get_running_loop().run_in_executor(self._disk, writer.commit)
        except Exception as error:  # whatever a change raised belongs to its caller
            if writer.in_transaction:
                writer.rollback()
            if is_last_try and not batch[0].done.done():
                batch[0].done.set_exception(error)
            return False
        self.after_commit(tx)
        for wanted, result in zip(batch, results, strict=True):
            if not wanted.done.done():
                wanted.done.set_result(result)
        return True

    def close(self) -> None:
        self._disk.shutdown()
        self._reader.close()
        self._writer.close()


def save_setting(tx: Tx, name: str, value: str) -> None:
    tx.execute(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
    )
