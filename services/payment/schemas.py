"""Bodies of requests and answers. Amounts are strict integers: 1.00 and "1" are not 1."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.payment.domain import NO_DEVICE, PUBLIC_STATUS, Payment
from services.payment.models import RefundRow
from services.payment.wording import WAITING_FOR, failure_text, status_text
from shared.fields import Text
from shared.money import FEN_MAX, Fen

RETRY_AFTER_MS = 1_000
RequestId = Annotated[str, Text(64, min=8, pattern=r"^[A-Za-z0-9_-]+$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PayBody(_Body):
    """POST /api/device/v1/payments"""

    pay_request_id: RequestId
    amount_fen: Fen
    auth_code: Annotated[str, Text(128)] | None = None
    subject: Annotated[str, Text(128)] | None = None
    store_id: UUID | None = None
    order_ref: Annotated[str, Text(64, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    terminal_params: Annotated[str, Text(4096, lines=True)] | None = None


class RefundBody(_Body):
    """POST /api/merchant/v1/payments/{payment_id}/refunds"""

    refund_request_id: RequestId
    amount_fen: Annotated[int, Field(ge=1, le=FEN_MAX)]
    reason: Annotated[str, Text(128)] | None = None


def instant(value: Any) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value is not None else None


def device_view(payment: Payment) -> dict[str, Any]:
    """What a device is told."""
    status = PUBLIC_STATUS[payment.state]
    view: dict[str, Any] = {
        "payment_id": str(payment.payment_id),
        "pay_request_id": payment.pay_request_id,
        "out_trade_no": payment.out_trade_no,
        "status": status,
        "amount_fen": payment.payable_fen,
        "scene": payment.scene,
        "channel": payment.channel,
        "message": status_text(payment),
        "created_at": instant(payment.created_at),
        "paid_at": instant(payment.paid_at),
        "refunded_fen": payment.refunded_fen,
    }
    if status == "pending":
        view["retry_after_ms"] = RETRY_AFTER_MS
        view["waiting_for"] = WAITING_FOR[payment.state]
    elif status == "failed":
        code = payment.reason_code or "unknown"
        view["reason"] = {"code": code, "message": failure_text(code)}
    return view


def merchant_view(payment: Payment, refunds: list[RefundRow]) -> dict[str, Any]:
    """What the console is told: the same, and what only the merchant may know."""
    return device_view(payment) | {
        "store_id": str(payment.store_id),
        "device_id": str(payment.device_id) if payment.device_id != NO_DEVICE else None,
        "order_ref": payment.order_ref,
        "subject": payment.subject,
        "trade_no": payment.trade_no,
        "buyer_logon_id": payment.buyer_logon_id,
        "refundable_fen": payment.payable_fen - payment.refund_reserved_fen
        if payment.paid_at is not None
        else 0,
        "refunds": [refund_view(refund) for refund in refunds],
    }


_REFUND_STATUS = {"DONE": "done", "REJECTED": "rejected"}


def refund_view(refund: RefundRow) -> dict[str, Any]:
    """A refund; `rejected` carries the channel's reason."""
    status = _REFUND_STATUS.get(refund.state, "pending")
    view: dict[str, Any] = {
        "refund_id": str(refund.refund_id),
        "payment_id": str(refund.payment_id),
        "refund_request_id": refund.refund_request_id,
        "amount_fen": refund.amount_fen,
        "reason": refund.reason,
        "origin": refund.origin,
        "status": status,
        "created_at": instant(refund.created_at),
        "finished_at": instant(refund.finished_at),
    }
    if status == "rejected":
        code = refund.reason_code or "unknown"
        view["rejection"] = {"code": code, "message": failure_text(code)}
    return view
