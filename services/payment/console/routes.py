"""The HTTP route of one payment for the merchant's people."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.payment.console import service
from services.payment.console.schemas import PaymentOut
from services.payment.deps import Deps
from services.payment.notices import service as notice_service
from services.payment.refunds.routes import PAYMENT, of_its_store
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
    payment, done = await service.get_payment_with_refunds(deps, caller.tenant, payment_id)
    notices = await notice_service.notices_of(deps.db, caller.tenant, payment.out_trade_no)
    body = PaymentOut.from_rows(payment, done, notices, shows_people=caller.sees_people)
    # Members that do not apply to its state are left out, as in the device's response.
    return json_response(body.model_dump_json(exclude_unset=True).encode())
