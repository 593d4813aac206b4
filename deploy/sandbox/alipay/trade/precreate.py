"""Orders that wait for a buyer: alipay.trade.precreate (a QR code), alipay.trade.create."""

import json
import re
import secrets
from typing import Any

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.books.trade_row import Trade
from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.alipay.platform import accounts
from deploy.sandbox.alipay.trade import pay, trades
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.money import LIMIT_FEN
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit.ledger import Tx

PRECREATE = "alipay.trade.precreate"
CREATE = "alipay.trade.create"
CODE_VALID_MS = 2 * 3_600_000
_MINUTES = re.compile(r"([0-9]{1,5})m")
INSERT = "INSERT INTO precreated VALUES (?, ?, ?, ?, 0, ?)"
FIND = "SELECT * FROM precreated WHERE app_id = ? AND out_trade_no = ?"
DROP = "DELETE FROM precreated WHERE app_id = ? AND out_trade_no = ?"
VOID = "UPDATE precreated SET is_void = 1 WHERE app_id = ? AND out_trade_no = ?"
Wanted = dict[str, Any]


class NotPayable(ValueError):
    """The buyer cannot pay this order; the message says why."""


def precreate(tx: Tx, call: Call) -> Node:
    """No trade exists before somebody scans: until then a query finds nothing."""
    accounts.check_facetoface(tx, call)
    out_trade_no, total_fen, subject = _order(call)
    known = trades.find(tx, call.owner.app_id, out_trade_no)
    if known is not None:
        _refuse_known(known, total_fen, subject)
    row = tx.one(FIND, call.owner.app_id, out_trade_no)
    if row is not None and not row["is_void"] and tx.now_ms < row["expire_ms"]:
        doc = json.loads(row["doc"])
        if (doc["total_fen"], doc["subject"]) != (total_fen, subject):
            raise Refused("ACQ.CONTEXT_INCONSISTENT")
        raise Refused("ACQ.APPLY_PC_MERCHANT_CODE_ERROR")
    at = pay.deadline(tx.now_ms, call)
    is_absolute = bool(call.biz.get("time_expire"))
    doc = {
        "total_fen": total_fen,
        "subject": subject,
        "notify_url": call.notify_url,
        "extras": pay.extras_of(call),
        "seller_id": call.owner.seller_id,
        "buyer_ids": call.owner.buyer_ids,
        "expire_at": at if is_absolute else None,
        "wait_ms": at - tx.now_ms,
    }
    qr_code = f"https://qr.alipay.com/bax{secrets.token_hex(14)}"
    tx.execute(DROP, call.owner.app_id, out_trade_no)
    tx.execute(
        INSERT,
        call.owner.app_id,
        out_trade_no,
        qr_code,
        tx.now_ms + _code_valid_ms(call),
        json.dumps(doc, ensure_ascii=False),
    )
    return success(out_trade_no=out_trade_no, qr_code=qr_code)


def create(tx: Tx, call: Call) -> Node:
    """The mini program's own checkout: the buyer is named, the trade exists at once."""
    out_trade_no, total_fen, subject = _order(call)
    buyer_id, open_id = call.text("buyer_id", 28), call.text("buyer_open_id", 128)
    if not buyer_id and not open_id:
        raise Refused(call.invalid, "buyer_id和buyer_open_id不能同时为空")
    if buyer_id and not trade_row.is_user_id(buyer_id):
        raise Refused("ACQ.BUYER_NOT_EXIST")
    if buyer_id == call.owner.seller_id:
        raise Refused("ACQ.BUYER_SELLER_EQUAL")
    known = trades.find(tx, call.owner.app_id, out_trade_no)
    if known is not None:
        _refuse_known(known, total_fen, subject)
        return success(trade_no=known.trade_no, out_trade_no=out_trade_no)
    extras = pay.extras_of(call)
    if open_id and not buyer_id:
        extras["buyer_open_id"] = open_id
    trade = _waiting(
        tx,
        call.owner.app_id,
        out_trade_no,
        {
            "seller_id": call.owner.seller_id,
            "buyer_ids": call.owner.buyer_ids,
            "total_fen": total_fen,
            "subject": subject,
            "notify_url": call.notify_url,
            "extras": extras,
            "expire_at": pay.deadline(tx.now_ms, call),
        },
        _buyer_no(buyer_id or open_id),
        "create",
    )
    trade_row.insert(tx, trade)
    return success(trade_no=trade.trade_no, out_trade_no=out_trade_no)


def void(tx: Tx, call: Call) -> None:
    """A cancel before the scan takes the code back; nothing is left that could be paid."""
    out_trade_no = call.biz.get("out_trade_no")
    if isinstance(out_trade_no, str):
        tx.execute(VOID, call.owner.app_id, out_trade_no)


def buyer_pays(tx: Tx, wanted: Wanted) -> Trade:
    """`then`: paid, scanned (the trade waits), or closed (the buyer gives up)."""
    for name in ("qr_code", "out_trade_no", "app_id", "buyer_id"):
        if not isinstance(wanted.get(name), str | None):
            raise NotPayable(f"{name} must be a text")
    then = wanted.get("then", "paid")
    if then not in ("paid", "scanned", "closed"):
        raise NotPayable("then must be paid, scanned or closed")
    trade = _scanned(tx, wanted) or _trade_of(tx, wanted)
    if trade is None:
        raise NotPayable("no such qr_code or out_trade_no, or the code is void or expired")
    if then == "scanned":
        return trade
    if trade.status != trade_row.WAIT:
        raise NotPayable(f"the trade is {trade.status}")
    trade.confirm_ms = None
    if then == "paid":
        trade.status, trade.paid_ms = trade_row.SUCCESS, tx.now_ms
        notices.paid(tx, trade)
    else:
        trade.status, trade.closed_ms, trade.closed_by = trade_row.CLOSED, tx.now_ms, "buyer"
    trade_row.save(tx, trade)
    return trade


def _scanned(tx: Tx, wanted: Wanted) -> Trade | None:
    """A code that is scanned for the first time becomes a waiting trade."""
    row = tx.one(
        "SELECT * FROM precreated WHERE (qr_code = ?1 OR (?1 IS NULL AND out_trade_no = ?2))"
        " AND (?3 IS NULL OR app_id = ?3) ORDER BY expire_ms DESC LIMIT 1",
        wanted.get("qr_code"),
        wanted.get("out_trade_no"),
        wanted.get("app_id"),
    )
    if row is None:
        return None
    known = trades.find(tx, row["app_id"], row["out_trade_no"])
    if known is not None:
        return known
    if row["is_void"] or tx.now_ms >= row["expire_ms"]:
        return None
    doc = json.loads(row["doc"])
    buyer_no = _buyer_no(str(wanted.get("buyer_id") or row["qr_code"]))
    trade = _waiting(tx, row["app_id"], row["out_trade_no"], doc, buyer_no, "qr_code")
    trade_row.insert(tx, trade)
    return trade


def _trade_of(tx: Tx, wanted: Wanted) -> Trade | None:
    row = tx.one(
        "SELECT * FROM trades WHERE out_trade_no = ?1 AND (?2 IS NULL OR app_id = ?2)"
        " ORDER BY created_ms DESC LIMIT 1",
        wanted.get("out_trade_no"),
        wanted.get("app_id"),
    )
    return trades.apply_due(tx, trade_row.from_row(row)) if row is not None else None


def _waiting(
    tx: Tx, app_id: str, out_trade_no: str, doc: Wanted, buyer_no: int, scene: str
) -> Trade:
    return Trade(
        app_id=app_id,
        out_trade_no=out_trade_no,
        trade_no=trade_row.new_trade_no(tx.now_ms),
        seller_id=doc["seller_id"],
        buyer_no=buyer_no,
        buyer_ids=doc["buyer_ids"],
        status=trade_row.WAIT,
        total_fen=doc["total_fen"],
        refunded_fen=0,
        subject=doc["subject"],
        scene=scene,
        auth_code="",
        notify_url=doc["notify_url"],
        created_ms=tx.now_ms,
        expire_ms=doc["expire_at"] or tx.now_ms + doc["wait_ms"],
        extras=doc["extras"],
        created_scaled=tx.notify_now,
    )


def _order(call: Call) -> tuple[str, int, str]:
    out_trade_no = call.out_trade_no()
    total_fen = call.fen("total_amount")
    if total_fen > LIMIT_FEN:
        raise Refused("ACQ.TOTAL_FEE_EXCEED")
    subject = call.text("subject", 256, is_needed=True)
    pay.check_details(call, total_fen)
    return out_trade_no, total_fen, subject


def _refuse_known(known: Trade, total_fen: int, subject: str) -> None:
    """Passes only for the same order that still waits."""
    if known.status == trade_row.CLOSED:
        raise Refused("ACQ.TRADE_HAS_CLOSE")
    if (known.total_fen, known.subject) != (total_fen, subject):
        raise Refused("ACQ.CONTEXT_INCONSISTENT")
    if known.status != trade_row.WAIT:
        raise Refused("ACQ.TRADE_HAS_SUCCESS")


def _buyer_no(named: str) -> int:
    if trade_row.is_user_id(named):
        return int(named[4:])
    return trade_row.buyer_no_of(named)


def _code_valid_ms(call: Call) -> int:
    text = call.text("qr_code_timeout_express", 6)
    if not text:
        return CODE_VALID_MS
    match = _MINUTES.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 120:
        raise Refused(call.invalid, "qr_code_timeout_express格式错误")
    return int(match[1]) * 60_000
