"""The open platform's methods that this program can play; a new one is one line here."""

from collections.abc import Callable

from deploy.sandbox.alipay import lookup, pay, reversal
from deploy.sandbox.alipay.calls import Call
from deploy.sandbox.alipay.certdesk import DOWNLOAD, download
from deploy.sandbox.alipay.envelope import Node
from deploy.sandbox.alipay.ledger import Tx
from deploy.sandbox.alipay.refusals import Refused, business_refusal

Method = Callable[[Tx, Call], Node]

METHODS: dict[str, Method] = {
    pay.METHOD: pay.pay,
    lookup.QUERY: lookup.query,
    DOWNLOAD: download,
    lookup.REFUND_QUERY: lookup.refund_query,
    reversal.CANCEL: reversal.cancel,
    reversal.REFUND: reversal.refund,
    "alipay.trade.close": reversal.close,
}
FIND_OUT_TRADE_NO = "SELECT out_trade_no FROM trades WHERE app_id = ? AND trade_no = ?"


def count(tx: Tx, call: Call) -> None:
    """Each request that arrived is counted on its order, whatever became of it."""
    out_trade_no = call.biz.get("out_trade_no")
    trade_no = call.biz.get("trade_no")
    if isinstance(trade_no, str) and trade_no:
        row = tx.one(FIND_OUT_TRADE_NO, call.app.app_id, trade_no)
        out_trade_no = row[0] if row is not None else out_trade_no
    if isinstance(out_trade_no, str) and out_trade_no:
        tx.count(call.app.app_id, out_trade_no[:64], call.method)


def perform(tx: Tx, call: Call) -> Node:
    count(tx, call)
    try:
        return METHODS[call.method](tx, call)
    except Refused as refused:
        return business_refusal(
            call.method, call.biz.get("out_trade_no"), refused.sub_code, detail=refused.detail
        )
