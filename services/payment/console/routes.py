"""The HTTP route of one payment for the merchant's people."""

from uuid import UUID

from fastapi import APIRouter, Request

from services.payment.callers import deps_of
from services.payment.console import service
from services.payment.console.schemas import PaymentOut
from services.payment.notices import service as notice_service
from services.payment.refunds.routes import PAYMENT, of_its_store
from shared.web import guard, principal

router = APIRouter()


@router.get(
    PAYMENT,
    dependencies=[guard("user", "payments.read"), of_its_store],
    # Members that do not apply to its state are left out, as in the device's response.
    response_model_exclude_unset=True,
)
async def show_payment(request: Request, payment_id: UUID) -> PaymentOut:
    """One payment with its refunds, what may still be asked back, and what Alipay told of it."""
    caller, deps = principal(request), deps_of(request)
    payment, done = await service.get_payment_with_refunds(deps, caller.tenant, payment_id)
    notices = await notice_service.notices_of(deps.db, caller.tenant, payment.out_trade_no)
    return PaymentOut.from_rows(payment, done, notices, shows_people=caller.sees_people)
