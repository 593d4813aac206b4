"""The HTTP door to one payment for the merchant's people."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.payment import console_service, inbox
from services.payment.console_schemas import PaymentOut, merchant_view
from services.payment.deps import Deps
from services.payment.refund_routes import PAYMENT, of_its_store
from shared.serve import json_response
from shared.web import guard, principal

router = APIRouter()


def _deps(request: Request) -> Deps:
    deps: Deps = request.app.state.deps
    return deps


@router.get(
    PAYMENT,
    dependencies=[guard("user", "payments.read"), of_its_store],
    response_model=PaymentOut,
)
async def show_payment(request: Request, payment_id: UUID) -> Response:
    """One payment with its refunds, what may still be asked back, and what Alipay told of it."""
    caller, deps = principal(request), _deps(request)
    payment, done = await console_service.get_payment_with_refunds(deps, caller.tenant, payment_id)
    heard = await inbox.notices_of(deps.db, caller.tenant, payment.out_trade_no)
    return json_response(merchant_view(payment, done, heard, shows_people=caller.sees_people))
