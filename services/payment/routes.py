"""The HTTP door: who asks, what for, one use case, one view."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.payment import hot, refunds, service
from services.payment.deps import Deps
from services.payment.refunds import RefundOrder
from services.payment.schemas import (
    PayBody,
    RefundBody,
    device_view,
    merchant_view,
    refund_view,
)
from services.payment.service import PayOrder
from shared.errors import Forbidden, NotFound
from shared.fields import Word
from shared.serve import json_response
from shared.tokens import Principal
from shared.web import guard, parse, principal, within_stores

router = APIRouter()


def _deps(request: Request) -> Deps:
    deps: Deps = request.app.state.deps
    return deps


async def _store_of_payment(request: Request) -> list[UUID]:
    try:
        payment_id = UUID(request.path_params["payment_id"])
    except ValueError:
        raise NotFound from None
    payment = await hot.load(_deps(request).db, principal(request).tenant, payment_id)
    return [payment.store_id] if payment is not None else []


of_its_store = within_stores(_store_of_payment)


def _device_id(caller: Principal) -> UUID:
    try:
        return UUID(caller.subject)
    except ValueError:
        raise Forbidden("the token names no device") from None


@router.post("/api/device/v1/payments", dependencies=[guard("device")])
async def start_payment(request: Request) -> Response:
    """Takes a payment; the same pay_request_id again tells what became of it."""
    caller = principal(request)
    body = await parse(request, PayBody)
    order = PayOrder(
        tenant_id=caller.tenant,
        device_id=_device_id(caller),
        own_store_id=caller.store_id,
        nonce=caller.nonce,
        pay_request_id=body.pay_request_id,
        amount_fen=body.amount_fen,
        auth_code=body.auth_code,
        subject=body.subject,
        store_id=body.store_id,
        order_ref=body.order_ref,
        terminal_params=body.terminal_params,
    )
    return json_response(device_view(await service.start_payment(_deps(request), order)))


@router.get("/api/device/v1/payments/{pay_request_id}", dependencies=[guard("device")])
async def get_payment(request: Request, pay_request_id: Word) -> Response:
    caller = principal(request)
    found = await service.get_payment(
        _deps(request), caller.tenant, _device_id(caller), pay_request_id
    )
    return json_response(device_view(found))


@router.post("/api/device/v1/payments/{pay_request_id}/cancel", dependencies=[guard("device")])
async def stop_payment(request: Request, pay_request_id: Word) -> Response:
    """The clerk stops it: paid stays paid, anything else is cancelled at the channel."""
    caller = principal(request)
    stopped = await service.stop_payment(
        _deps(request), caller.tenant, _device_id(caller), pay_request_id, caller.nonce
    )
    return json_response(device_view(stopped))


@router.get(
    "/api/merchant/v1/payments/{payment_id}",
    dependencies=[guard("user", "payments.read"), of_its_store],
)
async def show_payment(request: Request, payment_id: UUID) -> Response:
    caller = principal(request)
    payment, done = await refunds.get_payment_with_refunds(
        _deps(request), caller.tenant, payment_id
    )
    return json_response(merchant_view(payment, done))


@router.post(
    "/api/merchant/v1/payments/{payment_id}/refunds",
    dependencies=[guard("user", "payments.refund", step_up=True), of_its_store],
)
async def refund_payment(request: Request, payment_id: UUID) -> Response:
    """Gives money back; the same refund_request_id again tells what became of it."""
    caller = principal(request)
    body = await parse(request, RefundBody)
    order = RefundOrder(
        tenant_id=caller.tenant,
        payment_id=payment_id,
        refund_request_id=body.refund_request_id,
        amount_fen=body.amount_fen,
        reason=body.reason,
        requested_by=caller.subject,
    )
    return json_response(refund_view(await refunds.refund_payment(_deps(request), order)))


@router.get(
    "/api/merchant/v1/payments/{payment_id}/refunds/{refund_request_id}",
    dependencies=[guard("user", "payments.read"), of_its_store],
)
async def show_refund(request: Request, payment_id: UUID, refund_request_id: Word) -> Response:
    caller = principal(request)
    found = await refunds.get_refund(_deps(request), caller.tenant, payment_id, refund_request_id)
    return json_response(refund_view(found))
