"""The books on disk: SQLite in WAL mode, many requests per fsync, nobody answered before it.

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

from deploy.sandbox.alipay.platformtables import PLATFORM_SCHEMA

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS apps (
  app_id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, mode TEXT NOT NULL, public_key TEXT NOT NULL,
  alipay_private_key TEXT NOT NULL, notify_url TEXT, buyer_ids TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trades (
  app_id TEXT NOT NULL, out_trade_no TEXT NOT NULL, trade_no TEXT NOT NULL UNIQUE,
  seller_id TEXT NOT NULL, buyer_no INTEGER NOT NULL, buyer_ids TEXT NOT NULL,
  status TEXT NOT NULL, total_fen INTEGER NOT NULL, refunded_fen INTEGER NOT NULL,
  subject TEXT NOT NULL, scene TEXT NOT NULL, auth_code TEXT NOT NULL, extras TEXT NOT NULL,
  notify_url TEXT, created_ms INTEGER NOT NULL, expire_ms INTEGER NOT NULL, paid_ms INTEGER,
  closed_ms INTEGER, closed_by TEXT, confirm_ms INTEGER, confirm_as TEXT,
  created_scaled INTEGER,
  PRIMARY KEY (app_id, out_trade_no)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trades_waiting ON trades (expire_ms) WHERE status = 'WAIT_BUYER_PAY';
CREATE TABLE IF NOT EXISTS refunds (
  app_id TEXT NOT NULL, out_trade_no TEXT NOT NULL, out_request_no TEXT NOT NULL,
  refund_fen INTEGER NOT NULL, reason TEXT NOT NULL, refunded_ms INTEGER NOT NULL,
  PRIMARY KEY (app_id, out_trade_no, out_request_no)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS auth_codes (
  auth_code TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
  app_id TEXT NOT NULL, out_trade_no TEXT NOT NULL, method TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (app_id, out_trade_no, method)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notifies (
  notify_id TEXT PRIMARY KEY, app_id TEXT NOT NULL, out_trade_no TEXT NOT NULL,
  method TEXT NOT NULL, url TEXT NOT NULL, fields TEXT NOT NULL, created_ms INTEGER NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL, is_held INTEGER NOT NULL,
  last_status INTEGER, last_answer TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notifies_due ON notifies (due) WHERE state = 'due';
CREATE INDEX IF NOT EXISTS notifies_trade ON notifies (app_id, out_trade_no);
"""
COUNT = """
INSERT INTO requests (app_id, out_trade_no, method, count) VALUES (?, ?, ?, 1)
ON CONFLICT (app_id, out_trade_no, method) DO UPDATE SET count = count + 1
"""


@dataclass(slots=True)
class Tx:
    """One change of the books, and what has to be woken once it is durable."""

    connection: sqlite3.Connection
    now_ms: int
    notify_now: int
    notifies: list[str] = field(default_factory=list)
    ripening: list[tuple[int, str, str]] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)

    def one(self, sql: str, *args: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(sql, args).fetchone()
        return row

    def all(self, sql: str, *args: object) -> list[sqlite3.Row]:
        return self.connection.execute(sql, args).fetchall()

    def execute(self, sql: str, *args: object) -> None:
        self.connection.execute(sql, args)

    def count(self, app_id: str, out_trade_no: str, method: str) -> None:
        self.connection.execute(COUNT, (app_id, out_trade_no, method))


Change = Callable[[Tx], Any]


@dataclass(slots=True)
class _Wanted:
    change: Change
    done: asyncio.Future[Any]


class Ledger:
    """The one writer. `do` answers only after the change is on disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.db"
        self._writer = self.connect()
        self._writer.executescript(SCHEMA + PLATFORM_SCHEMA)
        self._grow()
        self._reader = self.connect()
        self._path.chmod(0o600)
        self._disk = ThreadPoolExecutor(1, "ledger-commit")
        self._queue: list[_Wanted] = []
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

    def _grow(self) -> None:
        """A ledger of an earlier version gets the columns that came later."""
        names = {row["name"] for row in self._writer.execute("PRAGMA table_info(trades)")}
        if "created_scaled" not in names:
            self._writer.execute("ALTER TABLE trades ADD COLUMN created_scaled INTEGER")

    async def do(self, change: Callable[[Tx], T]) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Wanted(change, done))
        self._wanted.set()
        return await done

    def read(self, sql: str, *args: object) -> list[sqlite3.Row]:
        """What is durable, whatever the writer is doing."""
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
                # One of them is faulty: alone, each gets its own result or its own error.
                for wanted in batch:
                    await self._settle([wanted], is_last_try=True)

    async def _settle(self, batch: list[_Wanted], *, is_last_try: bool = False) -> bool:
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
