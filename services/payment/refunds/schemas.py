"""Refunds as the merchant's people see them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast
from uuid import UUID

from pydantic import BaseModel, Field

from services.payment.models import RefundRow
from services.payment.payments.schemas import ReasonOut, RequestId, StrictBody
from services.payment.payments.wording import rejection_text
from services.payment.refunds.repo import STATES, ListedRefund, RefundState
from shared.contracts.fields import Text
from shared.contracts.money import FEN_MAX

_STATE_OF: dict[str, RefundState] = {
    stored: state for state, kept in STATES.items() for stored in kept
}


class RefundBody(StrictBody):
    """POST /api/merchant/v1/payments/{payment_id}/refunds"""

    refund_request_id: RequestId
    amount_fen: Annotated[int, Field(ge=1, le=FEN_MAX)]
    reason: Annotated[str, Text(128)] | None = None


class RefundOut(BaseModel):
    """A refund; one that is `rejected` says why."""

    refund_id: UUID
    payment_id: UUID
    refund_request_id: str
    amount_fen: int
    reason: str | None
    """what the buyer may read on the bill"""
    origin: Literal["console", "cancel"]
    """`cancel`: the platform stopped a payment that had been captured"""
    status: Literal["pending", "done", "rejected"]
    """`pending` until the channel has reported the outcome; nobody needs to do anything"""
    state: RefundState
    """the same, but a refund that was sent to the channel without a clear result is `unknown`"""
    next_check_at: datetime | None
    """when the platform queries the channel next, or a moment after; only while pending"""
    requested_by_name: str | None
    """name of the person of the last request, as it was then; null for the platform itself, for
    refunds older than this member, and for callers who may not see the merchant's people"""
    created_at: datetime
    """time of the last request"""
    first_requested_by_name: str | None
    """name of the person of the first request, if the refund was retried; null as above"""
    first_requested_at: datetime | None
    """time of the first request; null: there was only one"""
    finished_at: datetime | None
    rejection: ReasonOut | None = None

    @classmethod
    def of(cls, refund: RefundRow, *, shows_people: bool) -> Self:
        return cls(**_members(refund, shows_people=shows_people))


class ListedRefundOut(RefundOut):
    """A refund in the list, beside the payment that it is of."""

    store_id: UUID
    store_name: str | None
    out_trade_no: str
    trade_no: str | None
    payable_fen: int
    """what the buyer paid"""
    refunded_fen: int
    """how much of it all refunds have returned"""

    @classmethod
    def from_rows(cls, row: ListedRefund, *, shows_people: bool) -> Self:
        payment = row.payment
        return cls(
            **_members(row.refund, shows_people=shows_people),
            store_id=payment.store_id,
            store_name=row.store_name,
            out_trade_no=payment.out_trade_no,
            trade_no=payment.trade_no,
            payable_fen=payment.payable_fen,
            refunded_fen=payment.refunded_fen,
        )


class RefundList(BaseModel):
    items: list[ListedRefundOut]
    next: str | None
    """the `cursor` of the page after; null on the last"""
    previous: str | None
    """the `before` of the page before; null on the first"""


def _members(refund: RefundRow, *, shows_people: bool) -> dict[str, Any]:
    state = _STATE_OF[refund.state]
    code = refund.reason_code or "unknown"
    is_over = state in ("done", "rejected")
    return {
        "refund_id": refund.refund_id,
        "payment_id": refund.payment_id,
        "refund_request_id": refund.refund_request_id,
        "amount_fen": refund.amount_fen,
        "reason": refund.reason,
        "origin": cast(Any, refund.origin),
        "status": state if is_over else "pending",
        "state": state,
        "next_check_at": refund.next_poll_at,
        "requested_by_name": refund.requested_by_name if shows_people else None,
        "created_at": refund.created_at,
        "first_requested_by_name": refund.first_requested_by_name if shows_people else None,
        "first_requested_at": refund.first_requested_at,
        "finished_at": refund.finished_at,
        "rejection": ReasonOut(code=code, message=rejection_text(code))
        if state == "rejected"
        else None,
    }
