"""The tables of the ledger, and what a ledger of an earlier version lacks."""

import sqlite3
from pathlib import Path

from deploy.sandbox.kit import notifies
from deploy.sandbox.kit.ledger import Ledger

MONEY = """
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
"""
PLATFORM = """
CREATE TABLE IF NOT EXISTS app_options (
  app_id TEXT PRIMARY KEY, aes_key TEXT, messages_url TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS precreated (
  app_id TEXT NOT NULL, out_trade_no TEXT NOT NULL, qr_code TEXT NOT NULL UNIQUE,
  expire_ms INTEGER NOT NULL, is_void INTEGER NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (app_id, out_trade_no)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mini_apps (
  app_id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, doc TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS templates (
  template_id TEXT PRIMARY KEY, isv_app_id TEXT NOT NULL, doc TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mini_versions (
  app_id TEXT NOT NULL, bundle_id TEXT NOT NULL, app_version TEXT NOT NULL,
  status TEXT NOT NULL, due INTEGER, doc TEXT NOT NULL,
  PRIMARY KEY (app_id, bundle_id, app_version)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mini_versions_due ON mini_versions (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS devices (
  device_sn TEXT PRIMARY KEY, biz_tid TEXT NOT NULL UNIQUE, owner_pid TEXT NOT NULL,
  due INTEGER, doc TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS devices_due ON devices (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS app_auth_codes (
  code TEXT PRIMARY KEY, isv_app_id TEXT NOT NULL, auth_app_id TEXT NOT NULL,
  expires INTEGER NOT NULL, is_used INTEGER NOT NULL, methods TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS app_auth_tokens (
  token TEXT PRIMARY KEY, refresh_token TEXT NOT NULL UNIQUE, isv_app_id TEXT NOT NULL,
  auth_app_id TEXT NOT NULL, starts INTEGER NOT NULL, expires INTEGER NOT NULL,
  refresh_expires INTEGER NOT NULL, is_refreshed INTEGER NOT NULL, methods TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS buyer_codes (
  code TEXT PRIMARY KEY, app_id TEXT NOT NULL, buyer_no INTEGER NOT NULL,
  expires INTEGER NOT NULL, is_used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS buyer_tokens (
  refresh_token TEXT PRIMARY KEY, app_id TEXT NOT NULL, buyer_no INTEGER NOT NULL,
  expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bill_files (
  file_id TEXT PRIMARY KEY, app_id TEXT NOT NULL, bill_type TEXT NOT NULL,
  bill_date TEXT NOT NULL, expire_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bill_plants (
  plant_id INTEGER PRIMARY KEY, app_id TEXT NOT NULL, bill_date TEXT NOT NULL,
  kind TEXT NOT NULL, doc TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS agent_batches (
  batch_no TEXT PRIMARY KEY, isv_app_id TEXT NOT NULL, status TEXT NOT NULL, doc TEXT NOT NULL
) WITHOUT ROWID;
"""


def opened(folder: Path) -> Ledger:
    return Ledger(folder, MONEY + notifies.SCHEMA + PLATFORM, _grow)


def _grow(connection: sqlite3.Connection) -> None:
    """Columns that came later."""
    names = {row["name"] for row in connection.execute("PRAGMA table_info(trades)")}
    if "created_scaled" not in names:
        connection.execute("ALTER TABLE trades ADD COLUMN created_scaled INTEGER")
