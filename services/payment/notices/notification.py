"""A verified asynchronous notification in our own words.

The edge hands over Alipay's fields as they were signed; here, and nowhere else in this service,
they are read: yuan text, Beijing time, and what a trade_status amounts to.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal
from uuid import UUID

from services.payment.notices.rules import BadNotice
from shared.contracts.money import parse_yuan

BEIJING = timezone(timedelta(hours=8))

NoticeKind = Literal["paid", "closed", "refund", "waiting", "other"]
NoticeFault = Literal["no_trade", "other_currency", "unknown_status"]

CURRENCIES = ("currency", "trans_currency", "settle_currency", "pay_currency")
_KINDS: dict[str, NoticeKind] = {
    "TRADE_SUCCESS": "paid",
    "TRADE_FINISHED": "paid",
    "TRADE_CLOSED": "closed",
    "WAIT_BUYER_PAY": "waiting",
}
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified notification in our own words."""

    tenant_id: UUID
    app_id: str
    notify_id: str
    kind: NoticeKind
    out_trade_no: str
    trade_no: str | None
    out_biz_no: str | None
    seller_id: str | None
    total_fen: int | None
    buyer_id: str | None
    buyer_logon_id: str | None
    paid_at: datetime | None


def read_notice(tenant_id: UUID, app_id: str, fields: Mapping[str, str], body: bytes) -> Notice:
    """A verified notify's fields in our own words; BadNotice when it is about another app."""
    if fields.get("app_id", app_id) != app_id:
        raise BadNotice
    return Notice(
        tenant_id=tenant_id,
        app_id=app_id,
        notify_id=_notify_id(fields.get("notify_id", ""), body),
        kind=_notice_kind(fields),
        out_trade_no=fields.get("out_trade_no", ""),
        trade_no=fields.get("trade_no") or None,
        out_biz_no=fields.get("out_biz_no") or None,
        seller_id=fields.get("seller_id") or None,
        total_fen=_fen(fields.get("total_amount", "")),
        buyer_id=fields.get("buyer_open_id") or fields.get("buyer_id") or None,
        buyer_logon_id=fields.get("buyer_logon_id") or None,
        paid_at=_beijing(fields.get("gmt_payment", "")),
    )


def notice_fault(fields: Mapping[str, str]) -> NoticeFault | None:
    """What is wrong with its words alone, before they are held against our books."""
    if not fields.get("out_trade_no"):
        return "no_trade"
    if any(fields.get(name, "CNY") != "CNY" for name in CURRENCIES):
        return "other_currency"
    if fields.get("trade_status") not in _KINDS:
        return "unknown_status"
    return None


def _notify_id(given: str, body: bytes) -> str:
    """Alipay's own; a digest where it gave none, or one that no address could hold."""
    if not given:
        return hashlib.sha256(body).hexdigest()
    return given if _PLAIN_ID.fullmatch(given) else hashlib.sha256(given.encode()).hexdigest()


def _notice_kind(fields: Mapping[str, str]) -> NoticeKind:
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
        return datetime.fromisoformat(text).replace(tzinfo=BEIJING).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
