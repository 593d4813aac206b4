"""The rules of orders, and how facts about a payment are merged. No framework is used here.

Facts may come in any order and any number of times. So an order keeps the strongest outcome and the
largest refund that were reported. Its two states follow from those (generated columns):

    outcome                          order_state   pay_state
    UNKNOWN   only a refund so far   completed     as refunded
    CANCELLED failed or closed       cancelled     unpaid      (a refund proves a late success)
    PAID      succeeded              completed     paid, partially_refunded or refunded
    LATE      captured after closing completed     paid, partially_refunded or refunded
    REVERSED  captured, given back   cancelled     refunded

An order number is a letter and 14 digits (S94): D for face pay, O for goods; the day in China, then
eight digits that do not reveal the number of orders (store.sql).
"""

import re
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Literal

from shared.contracts.instants import BEIJING_OFFSET

DASHBOARD_DAYS = 7
"""today and the six days before it"""

ORDER_NO = re.compile(r"[DO][0-9]{14}", re.ASCII)

OrderState = Literal["completed", "cancelled"]
PayState = Literal["paid", "unpaid", "refunded", "partially_refunded"]
OrderType = Literal["face_pay", "goods"]
SubType = Literal["alipay_face", "alipay_code", "normal"]
PayMethod = Literal["online"]

_SUB_TYPES: dict[tuple[str, str], SubType] = {
    ("alipay", "face"): "alipay_face",
    ("alipay", "code"): "alipay_code",
}


class Outcome(IntEnum):
    """How a payment ended, weakest first. The strongest that was reported is stored."""

    UNKNOWN = 0
    CANCELLED = 1
    PAID = 2
    LATE = 3
    REVERSED = 4


def sub_type(channel: str, scene: str) -> SubType:
    """S95: how the buyer paid; `normal` for WeChat codes and for sales of 0.00."""
    return _SUB_TYPES.get((channel, scene), "normal")


def net_fen(pay_state: str, payable_fen: int, refunded_fen: int) -> int:
    """What the merchant keeps of an order, in fen; 0 for an unpaid one."""
    return 0 if pay_state == "unpaid" else payable_fen - refunded_fen


def order_day(ordered_at: datetime) -> str:
    """The six digits of the day in China on which the order was made."""
    day = ordered_at + BEIJING_OFFSET
    # Takes a third of the time of strftime; it runs once per payment.
    return f"{day.year % 100:02d}{day.month:02d}{day.day:02d}"


def is_order_no(text: str) -> bool:
    return ORDER_NO.fullmatch(text) is not None


def china_day(at: datetime) -> date:
    """The calendar day in China at that moment."""
    return (at + BEIJING_OFFSET).date()


def day_start(day: date) -> datetime:
    """The first moment of a calendar day in China."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - BEIJING_OFFSET
