"""alipay.trade.refund and alipay.trade.cancel: money is given back, never more than was paid."""

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.books.trade_row import DAY_MS, Trade
from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.alipay.trade import precreate, trades
from deploy.sandbox.alipay.trade.lookup import FIND_REFUND
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.money import yuan
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Tx

REFUND = "alipay.trade.refund"
CANCEL = "alipay.trade.cancel"
INSERT_REFUND = "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?)"


def refund(tx: Tx, call: Call) -> Node:
    """out_request_no is the idempotency key; fund_change says whether money moved now."""
    refund_fen = call.fen("refund_amount")
    reason = call.text("refund_reason", 256)
    wanted_no = call.text("out_request_no", 64)
    trade = trades.named(tx, call.owner.app_id, call.biz)
    if trade is None:
        raise Refused("ACQ.TRADE_NOT_EXIST")
    out_request_no = wanted_no or trade.out_trade_no
    row = tx.one(FIND_REFUND, trade.app_id, trade.out_trade_no, out_request_no)
    if row is not None:
        if row["refund_fen"] != refund_fen:
            raise Refused("ACQ.DISCORDANT_REPEAT_REQUEST")
        return _refunded(trade, 0, row["refunded_ms"], is_changed=False)
    _check_refundable(call, trade, refund_fen, has_request_no=bool(wanted_no))
    _move_back(tx, trade, out_request_no, refund_fen, reason)
    if trade.refunded_fen == trade.total_fen:
        trade.status, trade.closed_ms, trade.closed_by = trade_row.CLOSED, tx.now_ms, "refund"
    trade_row.save(tx, trade)
    notices.refunded(tx, trade, REFUND, out_request_no, refund_fen)
    is_told = "fund_change_n" not in call.faults
    return _refunded(trade, refund_fen, tx.now_ms, is_changed=is_told)


def _check_refundable(call: Call, trade: Trade, refund_fen: int, *, has_request_no: bool) -> None:
    if trade.status == trade_row.WAIT:
        raise Refused("ACQ.TRADE_STATUS_ERROR")
    if trade.status == trade_row.FINISHED:
        raise Refused("ACQ.TRADE_HAS_FINISHED")
    if trade.status == trade_row.CLOSED and trade.paid_ms is None:
        raise Refused("ACQ.TRADE_HAS_CLOSE")
    if trade.refunded_fen + refund_fen > trade.total_fen:
        raise Refused("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    if refund_fen != trade.total_fen:
        if not has_request_no:
            raise Refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        if "full_refund_only" in call.faults:
            raise Refused("ACQ.NOT_ALLOW_PARTIAL_REFUND")


def _move_back(tx: Tx, trade: Trade, out_request_no: str, refund_fen: int, reason: str) -> None:
    tx.execute(
        INSERT_REFUND,
        trade.app_id,
        trade.out_trade_no,
        out_request_no,
        refund_fen,
        reason,
        tx.now_ms,
    )
    trade.refunded_fen += refund_fen


def _refunded(trade: Trade, refund_fen: int, at_ms: int, *, is_changed: bool) -> Node:
    """refund_fee is the sum over all refunds of the trade, not this one."""
    return success(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        buyer_logon_id=trade.buyer_logon_id,
        **trade.buyer("buyer_user_id"),
        fund_change="Y" if is_changed else "N",
        refund_fee=yuan(trade.refunded_fen),
        send_back_fee=yuan(refund_fen),
        gmt_refund_pay=clock.beijing(at_ms),
        refund_detail_item_list=[{"amount": yuan(refund_fen), "fund_channel": "ALIPAYACCOUNT"}]
        if is_changed
        else [],
    )


def cancel(tx: Tx, call: Call) -> Node:
    """Closes what is unpaid and refunds what is paid; `action` says which."""
    trade = trades.named(tx, call.owner.app_id, call.biz)
    if trade is None:
        precreate.void(tx, call)
        named = {k: call.biz[k] for k in ("trade_no", "out_trade_no") if call.biz.get(k)}
        return success(**named, retry_flag="N")
    if "cancel_retry" in call.faults:
        return _cancelled(trade, None, retry_flag="Y")
    if trade.status == trade_row.FINISHED:
        raise Refused("ACQ.TRADE_HAS_FINISHED")
    if trade.status == trade_row.CLOSED:
        if trade.closed_by == "refund":
            raise Refused("ACQ.REASON_TRADE_REFUND_FEE_ERR")
        return _cancelled(trade, "refund" if trade.paid_ms is not None else "close")
    if trade_row.age_ms(tx, trade) > DAY_MS:
        raise Refused("ACQ.TRADE_CANCEL_TIME_OUT")
    is_paid = trade.status == trade_row.SUCCESS
    if is_paid and trade.refunded_fen:
        raise Refused("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    trade.status, trade.closed_ms, trade.closed_by = trade_row.CLOSED, tx.now_ms, "cancel"
    trade.confirm_ms = None
    if is_paid:
        _move_back(tx, trade, trade.out_trade_no, trade.total_fen, "cancel")
    trade_row.save(tx, trade)
    if is_paid:
        notices.refunded(tx, trade, CANCEL, trade.out_trade_no, trade.total_fen)
    return _cancelled(trade, "refund" if is_paid else "close")


def close(tx: Tx, call: Call) -> Node:
    """alipay.trade.close: only what was never paid."""
    trade = trades.named(tx, call.owner.app_id, call.biz)
    if trade is None:
        raise Refused("ACQ.TRADE_NOT_EXIST")
    if trade.paid_ms is not None:
        raise Refused("ACQ.REASON_TRADE_STATUS_INVALID")
    if trade.status == trade_row.WAIT:
        trade.status, trade.closed_ms, trade.closed_by = trade_row.CLOSED, tx.now_ms, "close"
        trade.confirm_ms = None
        trade_row.save(tx, trade)
    return success(trade_no=trade.trade_no, out_trade_no=trade.out_trade_no)


def _cancelled(trade: Trade, action: str | None, *, retry_flag: str = "N") -> Node:
    node = success(trade_no=trade.trade_no, out_trade_no=trade.out_trade_no, retry_flag=retry_flag)
    if action is not None:
        node["action"] = action
    return node
