"""alipay.data.dataservice.bill.downloadurl.query, the file behind the address, and planted errors.

The day of a bill is a Beijing day of the ledger. The scaled
clock decides whether a day is over, so that a test need not wait for tomorrow.
"""

import json
import re
import secrets
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.books.trade_row import DAY_MS
from deploy.sandbox.alipay.trade.bill_file import REFUND, TRADE, Bill, Row
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Ledger, Tx, save_setting

METHOD = "alipay.data.dataservice.bill.downloadurl.query"
PATH = "/downloadBillFile.resource"
TYPES = ("trade", "signcustomer")
VALID_MS = 30_000
READY_AFTER_MS = 9 * 3_600_000
EMPTY = "EMPTY_DATA_WITH_BILL_FILE"
SETTINGS = "bills"
DEFAULTS = {"fee_bp": 60, "is_today_open": False}
PLANTS = {
    "missing": "the line of out_trade_no (and out_request_no, for a refund) is left out",
    "extra": "a line that the ledger does not know: out_trade_no, amount_fen, negative: a refund",
    "amount": "the line of out_trade_no (and out_request_no) shows amount_fen",
    "fee": "the line of out_trade_no (and out_request_no) shows fee_fen, negative: taken",
}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")


class BadPlant(ValueError):
    """The admin call is not acceptable; the message says why."""


def download_url(tx: Tx, call: Call) -> Node:
    invalid = "INVAILID_ARGUMENTS"
    bill_type, bill_date = call.biz.get("bill_type"), call.biz.get("bill_date")
    if not isinstance(bill_type, str) or not isinstance(bill_date, str):
        raise Refused(invalid)
    if bill_type not in TYPES:
        raise Refused("TYPE_NOT_SUPPORTED")
    try:
        _, end_ms = period(bill_date)
    except ValueError:
        raise Refused(invalid, "bill_date格式错误") from None
    if not settings(tx)["is_today_open"] and tx.notify_now < end_ms + READY_AFTER_MS:
        raise Refused("BILL_NOT_EXIST")
    file_id = secrets.token_hex(16)
    owner = call.owner
    tx.execute(
        "INSERT INTO bill_files VALUES (?, ?, ?, ?, ?)",
        file_id,
        owner.app_id,
        bill_type,
        bill_date,
        tx.now_ms + VALID_MS,
    )
    days = bill_date.replace("-", "")
    query = {
        "bizType": bill_type,
        "userId": f"{owner.seller_id}0156",
        "fileType": "csv.zip",
        "bizDates": days,
        "downloadFileName": f"{owner.seller_id}0156_{days}.csv.zip",
        "fileId": file_id,
    }
    node = success(bill_download_url=f"http://{call.host}{PATH}?{urlencode(query)}")
    if not _has_rows(tx, owner.app_id, bill_date):
        node["bill_file_code"] = EMPTY
    return node


def _has_rows(tx: Tx, app_id: str, bill_date: str) -> bool:
    """Without building the bill, because the ledger's writer waits for this answer."""
    days = (app_id, *period(bill_date))
    return any(
        tx.one(sql, *args) is not None
        for sql, args in (
            (
                "SELECT 1 FROM trades WHERE app_id = ? AND paid_ms >= ? AND paid_ms < ? LIMIT 1",
                days,
            ),
            (
                "SELECT 1 FROM refunds WHERE app_id = ? AND refunded_ms >= ? AND refunded_ms < ?"
                " LIMIT 1",
                days,
            ),
            (
                "SELECT 1 FROM bill_plants WHERE app_id = ? AND bill_date = ? AND kind = 'extra'",
                (app_id, bill_date),
            ),
        )
    )


def file_of(ledger: Ledger, file_id: str) -> tuple[str, bytes] | None:
    """Name and content; None when the address was never given out or has expired."""
    connection = ledger.connect()
    try:
        tx = Tx(connection, clock.now_ms(), 0)
        row = tx.one("SELECT * FROM bill_files WHERE file_id = ?", file_id)
        if row is None or tx.now_ms >= row["expire_ms"]:
            return None
        return _built_file(tx, row["app_id"], row["bill_type"], row["bill_date"])
    finally:
        connection.close()


def _built_file(tx: Tx, app_id: str, bill_type: str, bill_date: str) -> tuple[str, bytes]:
    owner = tx.one(
        "SELECT seller_id FROM apps WHERE app_id = ?1"
        " UNION ALL SELECT seller_id FROM mini_apps WHERE app_id = ?1",
        app_id,
    )
    pid = owner[0] if owner is not None else ""
    first_ms, end_ms = period(bill_date)
    name = bill_date.replace("-", "")
    bill = Bill(pid, first_ms, end_ms, name, rows_of(tx, app_id, bill_date))
    return f"{pid}0156_{name}.csv.zip", bill.zipped(bill_type, tx.now_ms)


def period(bill_date: str) -> tuple[int, int]:
    """First and end millisecond of a Beijing day or month; ValueError when it is neither."""
    if _DAY.fullmatch(bill_date) is None:
        raise ValueError("not yyyy-MM-dd or yyyy-MM")
    is_month = len(bill_date) == 7
    first = date.fromisoformat(f"{bill_date}-01" if is_month else bill_date)
    days = 32 - (first + timedelta(31)).day if is_month else 1
    first_ms = clock.from_beijing(f"{first.isoformat()} 00:00:00")
    return first_ms, first_ms + days * DAY_MS


def rows_of(tx: Tx, app_id: str, bill_date: str) -> list[Row]:
    """The lines of the ledger, oldest first, with the planted errors."""
    first_ms, end_ms = period(bill_date)
    fee_bp = int(settings(tx)["fee_bp"])
    rows = []
    for found in tx.all(
        "SELECT * FROM trades WHERE app_id = ? AND paid_ms >= ? AND paid_ms < ?",
        app_id,
        first_ms,
        end_ms,
    ):
        trade = trade_row.from_row(found)
        fee_fen = -((trade.total_fen * fee_bp + 5000) // 10_000)
        rows.append(_row(trade, TRADE, trade.paid_ms or 0, trade.total_fen, fee_fen))
    for found in tx.all(
        "SELECT * FROM refunds WHERE app_id = ? AND refunded_ms >= ? AND refunded_ms < ?",
        app_id,
        first_ms,
        end_ms,
    ):
        paid = tx.one(trade_row.FIND, app_id, found["out_trade_no"])
        if paid is not None:
            trade = trade_row.from_row(paid)
            row = _row(trade, REFUND, found["refunded_ms"], -found["refund_fen"], 0)
            row.out_request_no = found["out_request_no"]
            rows.append(row)
    rows.sort(key=lambda row: (row.done_ms, row.trade_no, row.out_request_no))
    return _with_planted_errors(tx, app_id, bill_date, rows)


def _row(trade: trade_row.Trade, kind: str, done_ms: int, amount_fen: int, fee_fen: int) -> Row:
    return Row(
        kind,
        trade.trade_no,
        trade.out_trade_no,
        trade.subject,
        trade.created_ms,
        done_ms,
        trade.buyer_logon_id,
        amount_fen,
        fee_fen,
        store_id=trade.extras.get("store_id", ""),
        terminal_id=trade.extras.get("terminal_id", ""),
        operator_id=trade.extras.get("operator_id", ""),
    )


def _with_planted_errors(tx: Tx, app_id: str, bill_date: str, rows: list[Row]) -> list[Row]:
    for plant in tx.all(
        "SELECT * FROM bill_plants WHERE app_id = ? AND bill_date = ? ORDER BY plant_id",
        app_id,
        bill_date,
    ):
        doc, kind = json.loads(plant["doc"]), plant["kind"]
        meant = (doc["out_trade_no"], doc.get("out_request_no", ""))
        if kind == "extra":
            at = period(bill_date)[0] + 43_200_000
            amount = doc["amount_fen"]
            row = Row(
                REFUND if amount < 0 else TRADE, trade_row.new_trade_no(at), meant[0], "多出的一笔",
                at, at, "150****0000", amount, out_request_no=meant[1],
            )  # fmt: skip
            row.trade_no = f"{bill_date.replace('-', '')[:8]:0<8}2200{plant['plant_id']:016d}"
            rows.append(row)
            continue
        hits = [row for row in rows if (row.out_trade_no, row.out_request_no) == meant]
        for row in hits:
            if kind == "missing":
                rows.remove(row)
            elif kind == "amount":
                row.amount_fen = doc["amount_fen"]
            else:
                row.fee_fen = doc["fee_fen"]
    return rows


def plant(tx: Tx, app_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    kind, bill_date = wanted.get("kind"), wanted.get("bill_date")
    if not isinstance(kind, str) or kind not in PLANTS:
        raise BadPlant(f"kind must be one of {', '.join(PLANTS)}")
    try:
        period(str(bill_date))
    except ValueError as error:
        raise BadPlant(f"bill_date: {error}") from None
    doc = {"out_trade_no": wanted.get("out_trade_no")}
    if not isinstance(doc["out_trade_no"], str) or not doc["out_trade_no"]:
        raise BadPlant("out_trade_no is missing")
    if wanted.get("out_request_no"):
        doc["out_request_no"] = str(wanted["out_request_no"])
    needed = {"extra": "amount_fen", "amount": "amount_fen", "fee": "fee_fen"}.get(kind)
    if needed is not None:
        if type(wanted.get(needed)) is not int or abs(wanted[needed]) > 10**10:
            raise BadPlant(f"{needed} must be a whole number of fen")
        doc[needed] = wanted[needed]
    tx.execute(
        "INSERT INTO bill_plants (app_id, bill_date, kind, doc) VALUES (?, ?, ?, ?)",
        app_id,
        bill_date,
        kind,
        json.dumps(doc),
    )
    return {"app_id": app_id, "bill_date": bill_date, "kind": kind, **doc}


def planted(tx: Tx, app_id: str | None) -> list[dict[str, Any]]:
    rows = tx.all("SELECT * FROM bill_plants WHERE ?1 IS NULL OR app_id = ?1", app_id)
    return [
        {
            "plant_id": row["plant_id"],
            "app_id": row["app_id"],
            "bill_date": row["bill_date"],
            "kind": row["kind"],
            **json.loads(row["doc"]),
        }
        for row in rows
    ]


def settings(tx: Tx) -> dict[str, Any]:
    row = tx.one("SELECT value FROM settings WHERE name = ?", SETTINGS)
    return {**DEFAULTS, **(json.loads(row[0]) if row is not None else {})}


def set_settings(tx: Tx, wanted: dict[str, Any]) -> dict[str, Any]:
    kept = settings(tx)
    if "fee_bp" in wanted:
        if type(wanted["fee_bp"]) is not int or not 0 <= wanted["fee_bp"] <= 1000:
            raise BadPlant("fee_bp must be a whole number from 0 to 1000")
        kept["fee_bp"] = wanted["fee_bp"]
    if "is_today_open" in wanted:
        kept["is_today_open"] = wanted["is_today_open"] is True
    save_setting(tx, SETTINGS, json.dumps(kept))
    return kept
