"""The ledger as the admin interface shows it; committed rows only."""

import json
import sqlite3
from collections import defaultdict
from typing import Any

from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.books.trade_row import Trade
from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Ledger

FIND = """
SELECT * FROM trades WHERE out_trade_no = ?1 AND (?2 IS NULL OR app_id = ?2)
ORDER BY created_ms DESC LIMIT 1
"""
ALL = "SELECT * FROM trades WHERE ?1 IS NULL OR app_id = ?1 ORDER BY created_ms, out_trade_no"
COUNTS = "SELECT * FROM requests WHERE ?1 IS NULL OR app_id = ?1"
COUNTS_OF = """
SELECT method, sum(count) AS count FROM requests
WHERE out_trade_no = ?1 AND (?2 IS NULL OR app_id = ?2) GROUP BY method
"""
REFUNDS = """
SELECT * FROM refunds WHERE app_id = ? AND out_trade_no = ? ORDER BY refunded_ms, out_request_no
"""
NOTIFIES = """
SELECT * FROM notifies WHERE app_id IN (?1, ?3) AND out_trade_no = ?2
ORDER BY created_ms, notify_id
"""


def find(ledger: Ledger, app_id: str | None, out_trade_no: str) -> sqlite3.Row | None:
    rows = ledger.read(FIND, out_trade_no, app_id)
    return rows[0] if rows else None


def all_trades(ledger: Ledger, app_id: str | None) -> list[dict[str, Any]]:
    """Runs in a thread with a connection of its own: it may be long."""
    connection = ledger.connect()
    try:
        counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for row in connection.execute(COUNTS, (app_id,)):
            counts[row["app_id"], row["out_trade_no"]][row["method"]] = row["count"]
        found = []
        for row in connection.execute(ALL, (app_id,)):
            trade = trade_row.from_row(row)
            found.append(shown(trade, counts.get((trade.app_id, trade.out_trade_no), {})))
        return found
    finally:
        connection.close()


def one_trade(ledger: Ledger, app_id: str | None, out_trade_no: str) -> dict[str, Any] | None:
    row = find(ledger, app_id, out_trade_no)
    if row is None:
        return None
    trade = trade_row.from_row(row)
    key = (trade.app_id, trade.out_trade_no)
    found = shown(trade, request_counts(ledger, trade.app_id, out_trade_no))
    found["refunds"] = [
        {
            "out_request_no": refund["out_request_no"],
            "refund_fen": refund["refund_fen"],
            "reason": refund["reason"],
            "refunded_at": clock.iso(refund["refunded_ms"]),
        }
        for refund in ledger.read(REFUNDS, *key)
    ]
    found["notifies"] = [
        _notify(notify) for notify in ledger.read(NOTIFIES, *key, notices.notified_app_id(trade))
    ]
    return found


def request_counts(ledger: Ledger, app_id: str | None, out_trade_no: str) -> dict[str, int]:
    return {row["method"]: row["count"] for row in ledger.read(COUNTS_OF, out_trade_no, app_id)}


def latest_notice(ledger: Ledger, trade: Trade) -> tuple[str, notices.Fields]:
    """The trade's last notice; if it has none, a new one about its present state."""
    rows = ledger.read(NOTIFIES, trade.app_id, trade.out_trade_no, notices.notified_app_id(trade))
    if rows:
        return rows[-1]["notify_id"], json.loads(rows[-1]["fields"])
    fields = (
        notices.paid_fields(trade)
        if trade.status == trade_row.SUCCESS
        else notices.trade_fields(trade)
    )
    return notices.new_notify_id(clock.now_ms()), fields


def shown(trade: Trade, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "app_id": trade.app_id,
        "out_trade_no": trade.out_trade_no,
        "trade_no": trade.trade_no,
        "status": trade.status,
        "total_fen": trade.total_fen,
        "refunded_fen": trade.refunded_fen,
        "buyer_open_id": trade.buyer_open_id,
        "buyer_user_id": trade.buyer_user_id,
        "buyer_logon_id": trade.buyer_logon_id,
        "seller_id": trade.seller_id,
        "subject": trade.subject,
        "scene": trade.scene,
        "auth_code": trade.auth_code,
        "notify_url": trade.notify_url,
        "created_at": clock.iso(trade.created_ms),
        "paid_at": clock.iso(trade.paid_ms),
        "closed_at": clock.iso(trade.closed_ms),
        "closed_by": trade.closed_by,
        "requests": counts,
        **trade.extras,
    }


def _notify(row: sqlite3.Row) -> dict[str, Any]:
    fields = json.loads(row["fields"])
    return {
        "notify_id": row["notify_id"],
        "method": row["method"],
        "trade_status": fields["trade_status"],
        "url": row["url"],
        "state": row["state"],
        "attempts": row["attempts"],
        "last_status": row["last_status"],
        "last_answer": row["last_answer"],
        "created_at": clock.iso(row["created_ms"]),
    }
