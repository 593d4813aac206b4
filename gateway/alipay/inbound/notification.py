"""Converts a verified trade notice to our own terms.

The fields of Alipay's form are read only here: yuan text, Beijing time, and the meaning of a
trade_status. A value that cannot be read becomes None or a fault. Nothing is refused here, because
a genuine notice is stored whatever it contains.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from gateway.alipay.inbound.signed import Delivery
from gateway.alipay.protocol.envelope import parse_beijing
from shared.contracts.fields import YEARS
from shared.contracts.money import parse_yuan
from shared.contracts.notices import Notice, NoticeFault, NoticeKind

CHANNEL = "alipay"
CURRENCIES = ("currency", "trans_currency", "settle_currency", "pay_currency")
_KINDS: dict[str, NoticeKind] = {
    "TRADE_SUCCESS": "paid",
    "TRADE_FINISHED": "paid",
    "TRADE_CLOSED": "closed",
    "WAIT_BUYER_PAY": "waiting",
}
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def read_notice(delivery: Delivery) -> Notice:
    """The document about this delivery that payment receives."""
    fields = delivery.fields
    return {
        "channel": CHANNEL,
        "tenant_id": delivery.tenant_id,
        "app_id": delivery.app_id,
        "notify_id": _notify_id(fields.get("notify_id", ""), delivery.body),
        "kind": _kind(fields),
        "fault": _fault(fields),
        "out_trade_no": fields.get("out_trade_no", ""),
        "trade_no": fields.get("trade_no") or None,
        "out_request_no": fields.get("out_biz_no") or None,
        "seller_id": fields.get("seller_id") or None,
        "buyer_id": fields.get("buyer_open_id") or fields.get("buyer_id") or None,
        "buyer_logon_id": fields.get("buyer_logon_id") or None,
        "total_fen": _fen(fields.get("total_amount", "")),
        "refunded_fen": _fen(fields.get("refund_fee", "")),
        "paid_at": _beijing(fields.get("gmt_payment", "")),
        "body_b64": delivery.body,
        "received_at": delivery.received_at,
        "request_id": delivery.request_id,
    }


def _fault(fields: Mapping[str, str]) -> NoticeFault | None:
    """What is wrong with the form itself, before payment compares it with its records."""
    if not fields.get("out_trade_no"):
        return "no_trade"
    if any(fields.get(name, "CNY") != "CNY" for name in CURRENCIES):
        return "other_currency"
    if fields.get("trade_status") not in _KINDS:
        return "unknown_status"
    return None


def _notify_id(given: str, body: bytes) -> str:
    """Alipay's own id; a digest if there is none, or if it could not stand in a URL."""
    if not given:
        return hashlib.sha256(body).hexdigest()
    return given if _PLAIN_ID.fullmatch(given) else hashlib.sha256(given.encode()).hexdigest()


def _kind(fields: Mapping[str, str]) -> NoticeKind:
    """A TRADE_SUCCESS with refund members is a refund, not a second payment, and a TRADE_CLOSED
    with them is a refund, not a timeout (alipay-protocol §3.6)."""
    if any(fields.get(name) for name in ("refund_fee", "gmt_refund", "out_biz_no")):
        return "refund"
    return _KINDS.get(fields.get("trade_status", ""), "other")


def _fen(text: str) -> int | None:
    try:
        return parse_yuan(text)
    except ValueError:
        return None


def _beijing(text: str) -> datetime | None:
    try:
        instant = parse_beijing(text)
    except ValueError:
        return None
    return instant if instant.year in YEARS else None
