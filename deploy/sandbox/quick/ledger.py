"""The ledger: apps, trades and due notifications in one SQLite file that survives kill -9.

Everything is also held in memory. Writes join the transaction that is open, and `durable` waits
for its commit, so that answers made at the same time share one fsync.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS apps (app_id TEXT PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trades (
  app_id TEXT, out_trade_no TEXT, doc TEXT NOT NULL, PRIMARY KEY (app_id, out_trade_no));
CREATE TABLE IF NOT EXISTS notices (
  notify_id TEXT PRIMARY KEY, due_at REAL NOT NULL, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
GATHER_S = 0.0005
"""How long a commit waits for company."""
COUNTER_STEP = 10_000
"""Numbers are set aside in blocks, so that a crash skips some instead of repeating any."""

Trade = dict[str, Any]


class Ledger:
    """All that Alipay remembers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)
        self.apps: dict[str, dict[str, Any]] = dict(self._rows("SELECT app_id, doc FROM apps"))
        self._trades: dict[tuple[str, str], Trade] = {}
        for app_id, number, doc in self._db.execute("SELECT * FROM trades"):
            self._trades[app_id, number] = json.loads(doc)
        self.notices: dict[str, tuple[float, dict[str, Any]]] = {
            name: (due, json.loads(doc))
            for name, due, doc in self._db.execute("SELECT * FROM notices")
        }
        row = self._db.execute("SELECT value FROM counters WHERE name = 'next'").fetchone()
        self._next = row[0] if row else 1
        self._reserved = self._next
        self._spent_codes = {t["auth_code"] for t in self._trades.values() if t.get("auth_code")}
        self._waiting: asyncio.Future[None] | None = None

    def _rows(self, sql: str) -> Iterator[tuple[str, Any]]:
        for name, doc in self._db.execute(sql):
            yield name, json.loads(doc)

    def close(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        self._db.close()

    def _write(self, sql: str, *values: Any) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN")
        self._db.execute(sql, values)

    async def durable(self) -> None:
        """Returns when everything written so far is on disk."""
        if not self._db.in_transaction:
            return
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            loop.call_later(GATHER_S, self._commit)
        await asyncio.shield(self._waiting)

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, None
        self._db.execute("COMMIT")
        if waiting is not None:
            waiting.set_result(None)

    def number(self) -> int:
        """A number never given before, also after a crash."""
        if self._next >= self._reserved:
            self._reserved = self._next + COUNTER_STEP
            self._write("INSERT OR REPLACE INTO counters VALUES ('next', ?)", self._reserved)
        self._next += 1
        return self._next - 1

    def put_app(self, app_id: str, doc: dict[str, Any]) -> None:
        self.apps[app_id] = doc
        self._write("INSERT OR REPLACE INTO apps VALUES (?, ?)", app_id, json.dumps(doc))

    def trade(self, app_id: str, out_trade_no: str) -> Trade | None:
        return self._trades.get((app_id, out_trade_no))

    def by_trade_no(self, app_id: str, trade_no: str) -> Trade | None:
        found = (t for (app, _), t in self._trades.items() if app == app_id)
        return next((t for t in found if t.get("trade_no") == trade_no), None)

    def trades(self, app_id: str | None = None) -> list[Trade]:
        return [t for (app, _), t in self._trades.items() if app_id in (None, app)]

    def put_trade(self, trade: Trade) -> None:
        key = trade["app_id"], trade["out_trade_no"]
        self._trades[key] = trade
        if trade.get("auth_code"):
            self._spent_codes.add(trade["auth_code"])
        text = json.dumps(trade, ensure_ascii=False)
        self._write("INSERT OR REPLACE INTO trades VALUES (?, ?, ?)", *key, text)

    def is_spent(self, auth_code: str) -> bool:
        """An auth code pays once."""
        return auth_code in self._spent_codes

    def put_notice(self, notify_id: str, due_at: float, doc: dict[str, Any]) -> None:
        self.notices[notify_id] = (due_at, doc)
        text = json.dumps(doc, ensure_ascii=False)
        self._write("INSERT OR REPLACE INTO notices VALUES (?, ?, ?)", notify_id, due_at, text)

    def drop_notice(self, notify_id: str) -> None:
        if self.notices.pop(notify_id, None) is not None:
            self._write("DELETE FROM notices WHERE notify_id = ?", notify_id)
