"""The HTTP routes of devices: caller and body in, one use case, one view out."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.payment.callers import deps_of, taking
from services.payment.payments import service
from services.payment.payments.schemas import DevicePaymentOut, PayBody, device_view
from shared.contracts.fields import Word
from shared.contracts.principal import Principal
from shared.errors import Forbidden
from shared.serve import json_response
from shared.web import guard, parse, principal

router = APIRouter()


def _device_id(caller: Principal) -> UUID:
    try:
        return UUID(caller.subject)
    except ValueError:
        raise Forbidden("the token names no device") from None


@router.post(
    "/api/device/v1/payments",
    dependencies=[guard("device")],
    response_model=DevicePaymentOut,
    openapi_extra=taking(PayBody),
)
async def start_payment(request: Request) -> Response:
    """Takes a payment; the same pay_request_id again tells what became of it."""
    caller = principal(request)
    body = await parse(request, PayBody)
    deps = deps_of(request)
    new = service.new_payment(
        deps,
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
    payment = await service.start_payment(deps, new, body.auth_code, body.terminal_params)
    return json_response(device_view(payment))


@router.get(
    "/api/device/v1/payments/{pay_request_id}",
    dependencies=[guard("device")],
    response_model=DevicePaymentOut,
)
async def get_payment(request: Request, pay_request_id: Word) -> Response:
    caller = principal(request)
    found = await service.get_payment(
        deps_of(request), caller.tenant, _device_id(caller), pay_request_id
    )
    return json_response(device_view(found))


@router.post(
    "/api/device/v1/payments/{pay_request_id}/cancel",
    dependencies=[guard("device")],
    response_model=DevicePaymentOut,
)
async def stop_payment(request: Request, pay_request_id: Word) -> Response:
    """The clerk stops it: paid stays paid, anything else is cancelled at the channel."""
    caller = principal(request)
    stopped = await service.stop_payment(
        deps_of(request), caller.tenant, _device_id(caller), pay_request_id, caller.nonce
    )
    return json_response(device_view(stopped))
