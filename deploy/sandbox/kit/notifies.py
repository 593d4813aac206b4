"""Notifies that wait in the ledger until they have been delivered."""

import json
from collections.abc import Mapping

from deploy.sandbox.kit.ledger import Tx

SCHEMA = """
CREATE TABLE IF NOT EXISTS notifies (
  notify_id TEXT PRIMARY KEY, app_id TEXT NOT NULL, out_trade_no TEXT NOT NULL,
  method TEXT NOT NULL, url TEXT NOT NULL, fields TEXT NOT NULL, created_ms INTEGER NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL, is_held INTEGER NOT NULL,
  last_status INTEGER, last_answer TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notifies_due ON notifies (due) WHERE state = 'due';
CREATE INDEX IF NOT EXISTS notifies_trade ON notifies (app_id, out_trade_no);
"""
INSERT = "INSERT INTO notifies VALUES (?, ?, ?, ?, ?, ?, ?, 'due', 0, ?, 0, NULL, NULL)"


def enqueue(
    tx: Tx,
    notify_id: str,
    app_id: str,
    out_trade_no: str,
    method: str,
    url: str | None,
    fields: Mapping[str, str],
) -> None:
    """Due at once. `app_id` is the receiver; `out_trade_no` is empty unless it is about a trade."""
    document = json.dumps(fields, ensure_ascii=False)
    tx.execute(
        INSERT, notify_id, app_id, out_trade_no, method, url, document, tx.now_ms, tx.notify_now
    )
    tx.notifies.append(notify_id)
