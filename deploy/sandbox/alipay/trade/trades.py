"""Finds a trade and applies what has become due: confirmation, deadline, end of refunds."""

from typing import Any

from deploy.sandbox.alipay.books.trade_row import (
    CLOSED,
    DAY_MS,
    FIND,
    FINISHED,
    SUCCESS,
    WAIT,
    Trade,
    age_ms,
    from_row,
    next_due_ms,
    save,
)
from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit.ledger import Tx

REFUNDABLE_MS = 366 * DAY_MS
FIND_BY_TRADE_NO = "SELECT * FROM trades WHERE app_id = ? AND trade_no = ?"


def apply_due(tx: Tx, trade: Trade) -> Trade:
    """A waiting trade is confirmed by its buyer, or closed by its deadline, whichever is first."""
    if trade.status == SUCCESS and age_ms(tx, trade) > REFUNDABLE_MS:
        trade.status = FINISHED
        save(tx, trade)
    due = next_due_ms(trade)
    if trade.status != WAIT or tx.now_ms < due:
        return trade
    if due == trade.confirm_ms and trade.confirm_as == "paid":
        trade.status, trade.paid_ms = SUCCESS, due
        notices.paid(tx, trade)
    else:
        by = "timeout" if due != trade.confirm_ms else "buyer"
        trade.status, trade.closed_ms, trade.closed_by = CLOSED, due, by
    save(tx, trade)
    return trade


def find(tx: Tx, app_id: str, out_trade_no: str) -> Trade | None:
    row = tx.one(FIND, app_id, out_trade_no)
    return apply_due(tx, from_row(row)) if row is not None else None


def named(tx: Tx, app_id: str, biz: dict[str, Any]) -> Trade | None:
    """By trade_no or out_trade_no; trade_no wins when both are given."""
    trade_no, out_trade_no = biz.get("trade_no"), biz.get("out_trade_no")
    if isinstance(trade_no, str) and trade_no:
        row = tx.one(FIND_BY_TRADE_NO, app_id, trade_no)
        return apply_due(tx, from_row(row)) if row is not None else None
    if isinstance(out_trade_no, str) and out_trade_no:
        return find(tx, app_id, out_trade_no)
    raise Refused("ACQ.INVALID_PARAMETER", "out_trade_no和trade_no不能同时为空")
