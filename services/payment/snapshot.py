"""A payment as its row is inserted, a payment as it was read, its states, and its number."""

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.clock import Clock

_ALPHABET = string.digits + string.ascii_uppercase
ChannelName = Literal["alipay", "wechat"]
Scene = Literal["face", "code"]

NO_DEVICE = UUID(int=0)  # of payments without a device: key columns hold no NULL


class State(StrEnum):
    SUBMITTED = "SUBMITTED"
    PAYING = "PAYING"
    UNKNOWN = "UNKNOWN"
    CANCELLING = "CANCELLING"
    SUCCESS = "SUCCESS"
    PARTIAL_REFUND = "PARTIAL_REFUND"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"
    CLOSED = "CLOSED"
    REVERSED = "REVERSED"
    SUCCESS_LATE = "SUCCESS_LATE"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """A device's payment request as it is stored. The fields are the members of the type
    new_payment, in order."""

    tenant_id: UUID
    payment_id: UUID
    store_id: UUID
    is_own_store: bool
    """the device's own store: its token proves it, so the read model is not queried"""
    device_id: UUID
    nonce: str | None
    pay_request_id: str
    request_hash: bytes = field(repr=False)
    order_ref: str | None
    out_trade_no: str
    channel: Literal[ChannelName, "none"]
    scene: Literal[Scene, "none"]
    subject: str
    total_fen: int
    payable_fen: int
    stored_value_fen: int = 0
    created_at: datetime
    poll_s: float
    """if the pay call's end is not reported by then, the sweeper looks: its process may have
    died"""
    deadline_s: float
    open_s: float
    """for so long the pay request may still be on its way"""


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt as its row was read; the fields are the columns, in order."""

    tenant_id: UUID
    payment_id: UUID
    store_id: UUID
    device_id: UUID
    pay_request_id: str
    request_hash: bytes = field(repr=False)
    order_ref: str | None
    out_trade_no: str
    channel: Literal[ChannelName, "none"]
    scene: Literal[Scene, "none"]
    subject: str
    total_fen: int
    payable_fen: int
    app_id: str | None
    seller_id: str | None
    key_version: int | None
    state: State
    version: int
    reason_code: str | None
    reason: str | None
    trade_no: str | None
    buyer_id: str | None
    buyer_logon_id: str | None
    refund_reserved_fen: int
    refunded_fen: int
    created_at: datetime
    paid_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime
    pay_open_until: datetime | None
    """until then our pay request may still be on its way; None after its end was seen"""
    cancelling_at: datetime | None
    next_poll_at: datetime | None
    attempts: int
    """leases taken in the present state, counted before the call"""
    lease_until: datetime | None
    lease_token: UUID | None
    stored_value_fen: int = 0
    """taken from the buyer's stored value, beside what the channel takes"""


def trade_no(clock: Clock) -> str:
    """An out_trade_no: 32 digits and capitals, which fits both Alipay (64) and WeChat (32).

    14 characters of UTC time keep the numbers readable in a bill; 18 random ones (93 bits) keep
    them unique without a central counter. They are the digits of one random number, because a
    random number for each would take a third of the time of the payment service's own code.
    """
    drawn = secrets.randbelow(36**18)
    tail = "".join([_ALPHABET[drawn // 36**place % 36] for place in range(18)])
    return clock.now().strftime("%Y%m%d%H%M%S") + tail
