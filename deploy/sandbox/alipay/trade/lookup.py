"""alipay.trade.query, alipay.trade.fastpay.refund.query: the state of a trade or refund."""

from typing import Any

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.trade import trades
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.money import yuan
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Tx

QUERY = "alipay.trade.query"
REFUND_QUERY = "alipay.trade.fastpay.refund.query"
FIND_REFUND = "SELECT * FROM refunds WHERE app_id = ? AND out_trade_no = ? AND out_request_no = ?"


def query(tx: Tx, call: Call) -> Node:
    """Says nothing of refunds: a partly refunded trade is still TRADE_SUCCESS."""
    trade = trades.named(tx, call.owner.app_id, call.biz)
    if trade is None:
        raise Refused("ACQ.TRADE_NOT_EXIST")
    total = yuan(trade.total_fen)
    received = total if trade.paid_ms is not None else "0.00"
    node = success(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        buyer_logon_id=trade.buyer_logon_id,
        **trade.buyer("buyer_user_id"),
        trade_status=trade.status,
        total_amount=total,
        receipt_amount=received,
        buyer_pay_amount=received,
        point_amount="0.00",
        invoice_amount=received,
    )
    if trade.paid_ms is not None:
        node["send_pay_date"] = clock.beijing(trade.paid_ms)
        node["fund_bill_list"] = [{"amount": total, "fund_channel": "ALIPAYACCOUNT"}]
    for name in ("store_id", "terminal_id"):
        if name in trade.extras:
            node[name] = trade.extras[name]
    if trade.closed_by == "cancel":
        node["ext_infos"] = '{"action":"cancel"}'
    return node


def refund_query(tx: Tx, call: Call) -> Node:
    """An unknown out_request_no is a bare success: no refund_status means not refunded."""
    out_request_no = call.text("out_request_no", 64, is_needed=True)
    trade = trades.named(tx, call.owner.app_id, call.biz)
    if trade is None:
        raise Refused("TRADE_NOT_EXIST")
    row = tx.one(FIND_REFUND, call.owner.app_id, trade.out_trade_no, out_request_no)
    if row is None:
        return success()
    fields: dict[str, Any] = {
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "out_request_no": out_request_no,
        "total_amount": yuan(trade.total_fen),
        "refund_amount": yuan(row["refund_fen"]),
        "refund_status": "REFUND_SUCCESS",
        "gmt_refund_pay": clock.beijing(row["refunded_ms"]),
        "send_back_fee": yuan(row["refund_fen"]),
    }
    if row["reason"]:
        fields["refund_reason"] = row["reason"]
    return success(**fields)
