"""The open platform's methods that this program can play; a new one is one line here."""

from collections.abc import Callable

from deploy.sandbox.alipay.apps import download
from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.platform import agent, authorisation, devices, mini, versions
from deploy.sandbox.alipay.trade import bills, lookup, pay, precreate, reversal
from deploy.sandbox.alipay.wire.envelope import Node
from deploy.sandbox.alipay.wire.refusals import Refused, business_refusal
from deploy.sandbox.kit.ledger import Tx

Method = Callable[[Tx, Call], Node]

METHODS: dict[str, Method] = {
    pay.METHOD: pay.pay,
    precreate.PRECREATE: precreate.precreate,
    precreate.CREATE: precreate.create,
    lookup.QUERY: lookup.query,
    download.METHOD: download.download,
    lookup.REFUND_QUERY: lookup.refund_query,
    reversal.CANCEL: reversal.cancel,
    reversal.REFUND: reversal.refund,
    "alipay.trade.close": reversal.close,
    bills.METHOD: bills.download_url,
    **authorisation.METHODS,
    **mini.METHODS,
    **versions.METHODS,
    **devices.METHODS,
    **agent.METHODS,
}
# Older methods and those with files send their fields as parameters of their own.
PLAIN = ("alipay.system.", "alipay.open.")
COMMON = frozenset(
    {
        *("app_id", "method", "format", "return_url", "charset", "sign_type", "sign"),
        *("timestamp", "version", "notify_url", "app_auth_token", "auth_token"),
        *("app_cert_sn", "alipay_root_cert_sn", "encrypt_type", "biz_content"),
    }
)
COUNT = """
INSERT INTO requests (app_id, out_trade_no, method, count) VALUES (?, ?, ?, 1)
ON CONFLICT (app_id, out_trade_no, method) DO UPDATE SET count = count + 1
"""
FIND_OUT_TRADE_NO = "SELECT out_trade_no FROM trades WHERE app_id = ? AND trade_no = ?"


def count(tx: Tx, call: Call) -> None:
    """Counts the request on its order, whatever its result."""
    out_trade_no = call.biz.get("out_trade_no")
    trade_no = call.biz.get("trade_no")
    if isinstance(trade_no, str) and trade_no:
        row = tx.one(FIND_OUT_TRADE_NO, call.owner.app_id, trade_no)
        out_trade_no = row[0] if row is not None else out_trade_no
    if isinstance(out_trade_no, str) and out_trade_no:
        tx.execute(COUNT, call.owner.app_id, out_trade_no[:64], call.method)


def perform(tx: Tx, call: Call) -> Node:
    try:
        token = call.params.get("app_auth_token")
        if token:
            call.acting = authorisation.resolve(tx, call, token)
        count(tx, call)
        if call.method.startswith(PLAIN):
            own = {name: value for name, value in call.params.items() if name not in COMMON}
            call.biz = {**own, **call.biz}
        return METHODS[call.method](tx, call)
    except Refused as refused:
        return business_refusal(
            call.method,
            call.biz.get("out_trade_no"),
            refused.sub_code,
            code=refused.code,
            detail=refused.detail,
        )
