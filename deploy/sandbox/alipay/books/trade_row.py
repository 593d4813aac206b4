"""One trade: its row, its states, and when time will change it."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Tx

WAIT = "WAIT_BUYER_PAY"
SUCCESS = "TRADE_SUCCESS"
CLOSED = "TRADE_CLOSED"
FINISHED = "TRADE_FINISHED"
BUYERS = 100_000
_USER_ID = re.compile(r"2088[0-9]{12}")
DAY_MS = 86_400_000
FIND = "SELECT * FROM trades WHERE app_id = ? AND out_trade_no = ?"
INSERT = """
INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
UPDATE = """
UPDATE trades SET status = ?, refunded_fen = ?, paid_ms = ?, closed_ms = ?, closed_by = ?,
  confirm_ms = ? WHERE app_id = ? AND out_trade_no = ?
"""


@dataclass(slots=True)
class Trade:
    """Fields in the order of the table's columns."""

    app_id: str
    out_trade_no: str
    trade_no: str
    seller_id: str
    buyer_no: int
    buyer_ids: str
    status: str
    total_fen: int
    refunded_fen: int
    subject: str
    scene: str
    auth_code: str
    notify_url: str | None
    created_ms: int
    expire_ms: int
    paid_ms: int | None = None
    closed_ms: int | None = None
    closed_by: str | None = None
    confirm_ms: int | None = None
    confirm_as: str | None = None
    extras: dict[str, str] = field(default_factory=dict)
    created_scaled: int | None = None

    @property
    def buyer_user_id(self) -> str:
        return f"2088{self.buyer_no:012d}"

    @property
    def buyer_open_id(self) -> str:
        """Open ids differ from application to application."""
        if "buyer_open_id" in self.extras:  # the order named its buyer by open id
            return self.extras["buyer_open_id"]
        return open_id(self.app_id, self.buyer_no)

    @property
    def buyer_logon_id(self) -> str:
        return f"1{50 + self.buyer_no % 40}****{self.buyer_no % 10_000:04d}"

    def buyer(self, user_id_name: str) -> dict[str, str]:
        """An app sees the open id or the user id of its buyers, never both."""
        if self.buyer_ids == "user_id":
            return {user_id_name: self.buyer_user_id}
        return {"buyer_open_id": self.buyer_open_id}


def is_user_id(text: str) -> bool:
    return _USER_ID.fullmatch(text) is not None


def open_id(app_id: str, buyer_no: int) -> str:
    digest = hashlib.sha256(f"{app_id}|{buyer_no}".encode()).digest()
    return "0" + base64.urlsafe_b64encode(digest[:27]).decode()


def from_row(row: Any) -> Trade:
    values = dict(row)
    values["extras"] = json.loads(values["extras"]) if values["extras"] else {}
    return Trade(**values)


def new_trade_no(now_ms: int) -> str:
    """28 digits: the day, `2200`, and a tail that never repeats."""
    tail = now_ms % 10**8 * 10**8 + secrets.randbelow(10**8)
    return f"{clock.beijing(now_ms)[:10].replace('-', '')}2200{tail:016d}"


def buyer_no_of(auth_code: str) -> int:
    """The same code always belongs to the same buyer."""
    return int.from_bytes(hashlib.sha256(auth_code.encode()).digest()[:6]) % BUYERS


def insert(tx: Tx, trade: Trade) -> None:
    tx.execute(
        INSERT,
        trade.app_id,
        trade.out_trade_no,
        trade.trade_no,
        trade.seller_id,
        trade.buyer_no,
        trade.buyer_ids,
        trade.status,
        trade.total_fen,
        trade.refunded_fen,
        trade.subject,
        trade.scene,
        trade.auth_code,
        json.dumps(trade.extras, ensure_ascii=False) if trade.extras else "",
        trade.notify_url,
        trade.created_ms,
        trade.expire_ms,
        trade.paid_ms,
        trade.closed_ms,
        trade.closed_by,
        trade.confirm_ms,
        trade.confirm_as,
        tx.notify_now,
    )
    if trade.status == WAIT:
        tx.order_deadlines.append((next_due_ms(trade), trade.app_id, trade.out_trade_no))


def save(tx: Tx, trade: Trade) -> None:
    tx.execute(
        UPDATE,
        trade.status,
        trade.refunded_fen,
        trade.paid_ms,
        trade.closed_ms,
        trade.closed_by,
        trade.confirm_ms,
        trade.app_id,
        trade.out_trade_no,
    )


def next_due_ms(trade: Trade) -> int:
    """When time will next change a waiting trade."""
    return trade.expire_ms if trade.confirm_ms is None else min(trade.confirm_ms, trade.expire_ms)


def age_ms(tx: Tx, trade: Trade) -> int:
    """On the scaled clock: 24 hours and 12 months must be reachable in a test."""
    if trade.created_scaled is None:  # written by an older sandbox
        return tx.now_ms - trade.created_ms
    return tx.notify_now - trade.created_scaled
