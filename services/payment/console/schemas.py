"""One payment with its refunds and notices as the merchant's people see it."""

from datetime import datetime
from typing import Any, Literal, Self, cast
from uuid import UUID

from pydantic import BaseModel

from services.payment.models import NoticeRow, RefundRow
from services.payment.payments.schemas import DevicePaymentOut, device_view
from services.payment.refunds.schemas import RefundOut
from services.payment.snapshot import NO_DEVICE, Payment


class PaymentNoticeOut(BaseModel):
    """A verified notice of Alipay about this payment."""

    received_at: datetime
    state: Literal["RECEIVED", "APPLIED", "DUPLICATE", "MISMATCH"]
    """waits, was booked, reports what the books already contain, or disagrees with them"""

    @classmethod
    def of(cls, row: NoticeRow) -> Self:
        return cls(received_at=row.received_at, state=cast(Any, row.state))


class PaymentOut(DevicePaymentOut):
    """One payment with everything that the merchant may know of it."""

    store_id: UUID
    device_id: UUID | None
    order_ref: str | None
    subject: str
    trade_no: str | None
    buyer_logon_id: str | None
    stored_value_fen: int
    """taken from the buyer's stored value, beside what the channel takes"""
    refundable_fen: int
    """what may still be refunded: paid, less refunds that are done or may still be done"""
    refunds: list[RefundOut]
    """oldest first"""
    notices: list[PaymentNoticeOut]
    """newest first, the last fifty"""

    @classmethod
    def from_rows(
        cls,
        payment: Payment,
        refunds: list[RefundRow],
        notices: list[NoticeRow],
        *,
        shows_people: bool,
    ) -> Self:
        """The members of the device's response, and those for the merchant only."""
        left_fen = payment.payable_fen - payment.refund_reserved_fen
        return cls(
            **device_view(payment),
            store_id=payment.store_id,
            device_id=payment.device_id if payment.device_id != NO_DEVICE else None,
            order_ref=payment.order_ref,
            subject=payment.subject,
            trade_no=payment.trade_no,
            buyer_logon_id=payment.buyer_logon_id,
            stored_value_fen=payment.stored_value_fen,
            refundable_fen=left_fen if payment.paid_at is not None else 0,
            refunds=[RefundOut.of(row, shows_people=shows_people) for row in refunds],
            notices=[PaymentNoticeOut.of(row) for row in notices],
        )
