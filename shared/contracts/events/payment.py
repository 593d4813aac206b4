"""Events of the payment service: one terminal fact per payment, then its refunds."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.events.base import Event
from shared.contracts.instants import Instant
from shared.contracts.money import Fen

Channel = Literal["alipay", "wechat", "none"]
Scene = Literal["face", "code", "none"]


class PaymentFact(Event):
    """The members that each payment event repeats, so that no consumer has to query the payment."""

    topic: ClassVar[str] = "payment.events"
    key_field: ClassVar[str] = "payment_id"

    payment_id: UUID
    store_id: UUID
    device_id: UUID | None = None
    out_trade_no: str
    pay_request_id: str
    channel: Channel
    scene: Scene
    subject_text: str
    total_fen: Fen
    payable_fen: Fen
    created_at: Instant


class PaymentSucceeded(PaymentFact):
    """Confirmed captured (or nothing was payable): rewards may follow."""

    type: ClassVar[str] = "payment.succeeded.v1"

    trade_no: str | None = None
    buyer_id: str | None = None
    buyer_logon_id: str | None = None
    paid_at: Instant


class PaymentFailed(PaymentFact):
    """Definitely refused by the channel; nothing was captured."""

    type: ClassVar[str] = "payment.failed.v1"

    reason_code: str
    finished_at: Instant


class PaymentClosed(PaymentFact):
    """Cancelled before anything was captured."""

    type: ClassVar[str] = "payment.closed.v1"

    finished_at: Instant


class PaymentReversed(PaymentFact):
    """Captured, then refunded in full by our cancel."""

    type: ClassVar[str] = "payment.reversed.v1"

    trade_no: str | None = None
    finished_at: Instant


class PaymentRefunded(PaymentFact):
    """One refund went through."""

    type: ClassVar[str] = "payment.refunded.v1"

    refund_id: UUID
    refund_fen: Fen
    refunded_total_fen: Fen
    is_full: bool
    refunded_at: Instant
    refund_request_id: str | None = None
    requested_by: str | None = None
    """the user's id; None: the platform itself"""
    reason: str | None = None
    asked_at: Instant | None = None
    """time, request id and address of this try's request; None: no person requested it, or
    unknown"""
    request_id: str | None = None
    address: str | None = None


class PaymentLateSuccess(PaymentFact):
    """The channel captured the money after we had closed the payment. A case is opened for it."""

    type: ClassVar[str] = "payment.late_success.v1"

    trade_no: str | None = None
    detected_at: Instant
