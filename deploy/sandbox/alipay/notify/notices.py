"""Trade notices: which events have one, with which fields, and how a notify is signed."""

import json
import secrets
from urllib.parse import quote_plus

from deploy.sandbox.alipay.apps.registry import App
from deploy.sandbox.alipay.books.trade_row import Trade
from deploy.sandbox.alipay.wire.money import yuan
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Tx
from deploy.sandbox.kit.notifies import enqueue

Fields = dict[str, str]

CONTENT_TYPE = "application/x-www-form-urlencoded; text/html; charset=utf-8"
_ESCAPES = {
    code: quote_plus(chr(code)) for code in range(128) if quote_plus(chr(code)) != chr(code)
}
IS_MESSAGE = "msg_method"  # of the app gateway's family: sign_type is under the signature


def new_notify_id(now_ms: int) -> str:
    """34 digits; the same on every resend of one event."""
    return f"{clock.beijing(now_ms)[:10].replace('-', '')}00222{secrets.randbelow(10**21):021d}"


def notified_app_id(trade: Trade) -> str:
    """The app that took the payment, an ISV's where there is one; its keys sign the notice."""
    return trade.extras.get("isv_app_id", trade.app_id)


def trade_fields(trade: Trade) -> Fields:
    """What every notice about a trade says; time of sending and signature come later."""
    fields = {
        "notify_type": "trade_status_sync",
        "app_id": notified_app_id(trade),
        "auth_app_id": trade.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "seller_id": trade.seller_id,
        "trade_status": trade.status,
        "total_amount": yuan(trade.total_fen),
        "subject": trade.subject,
        "gmt_create": clock.beijing(trade.created_ms),
        "buyer_logon_id": trade.buyer_logon_id,
        **trade.buyer("buyer_id"),
    }
    for name in ("body", "passback_params"):
        if name in trade.extras:
            fields[name] = trade.extras[name]
    if trade.paid_ms is not None:
        fields["gmt_payment"] = clock.beijing(trade.paid_ms)
    if trade.closed_ms is not None:
        fields["gmt_close"] = clock.beijing(trade.closed_ms)
    return fields


def paid_fields(trade: Trade) -> Fields:
    total = yuan(trade.total_fen)
    bill = [{"amount": total, "fundChannel": "ALIPAYACCOUNT"}]  # camel case only here
    return {
        **trade_fields(trade),
        "receipt_amount": total,
        "invoice_amount": total,
        "buyer_pay_amount": total,
        "point_amount": "0.00",
        "fund_bill_list": json.dumps(bill, separators=(",", ":")),
    }


def refund_fields(trade: Trade, out_biz_no: str, refund_fen: int, at_ms: int) -> Fields:
    """A refund's notice has the payment's status; refund_fee is the sum of refunds so far."""
    return {
        **trade_fields(trade),
        "out_biz_no": out_biz_no,
        "refund_fee": yuan(trade.refunded_fen),
        "send_back_fee": yuan(refund_fen),
        "gmt_refund": clock.beijing_with_ms(at_ms),
    }


def paid(tx: Tx, trade: Trade) -> None:
    if trade.notify_url:
        _enqueue(tx, trade, "alipay.trade.pay", paid_fields(trade))


def refunded(tx: Tx, trade: Trade, method: str, out_biz_no: str, refund_fen: int) -> None:
    """Sent to the payment's notify_url, because a refund has none of its own."""
    if trade.notify_url:
        _enqueue(tx, trade, method, refund_fields(trade, out_biz_no, refund_fen, tx.now_ms))


def _enqueue(tx: Tx, trade: Trade, method: str, fields: Fields) -> None:
    notify_id = new_notify_id(tx.now_ms)
    receiver, url = notified_app_id(trade), trade.notify_url
    enqueue(tx, notify_id, receiver, trade.out_trade_no, method, url, fields)


def _keeps_sign_type(fields: Fields) -> bool:
    """Whether `sign_type` is signed: in messages to an app's gateway, not in other notices."""
    return IS_MESSAGE in fields or fields.get("notify_type") == "servicemarket_order_notify"


def content_to_sign(
    fields: Fields, *, keeps_sign_type: bool | None = None, keeps_empty: bool = False
) -> str:
    """Without `sign`, and without `sign_type` unless it is kept (None: by the kind of notify)."""
    is_kept = _keeps_sign_type(fields) if keeps_sign_type is None else keeps_sign_type
    left_out = {"sign"} if is_kept else {"sign", "sign_type"}
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(fields.items())
        if name not in left_out and (value or keeps_empty)
    )


def form(fields: Fields, notify_id: str) -> Fields:
    """Complete but for the signature."""
    if IS_MESSAGE in fields:  # those carry the time of the event, not of the send
        return {**fields, "notify_id": notify_id, "sign_type": "RSA2"}
    return {
        **fields,
        "notify_id": notify_id,
        "notify_time": clock.beijing(clock.now_ms()),
        "sign_type": "RSA2",
    }


def signed_body(app: App, complete: Fields) -> bytes:
    sign = app.sign(content_to_sign(complete).encode())
    return form_encoded({**complete, "sign": sign})


def form_encoded(fields: Fields) -> bytes:
    """As urllib's urlencode, at a fifth of its cost: names are plain, most values nearly so."""
    return "&".join(f"{name}={_quoted(value)}" for name, value in fields.items()).encode()


def _quoted(value: str) -> str:
    return value.translate(_ESCAPES) if value.isascii() else quote_plus(value)
