"""The HTTP routes of acting: an operator starts and stops it, an owner of the merchant ends it."""

from uuid import UUID

from fastapi import APIRouter, Request

from services.binding.acting import schemas, service
from services.binding.callers import MERCHANT, OPERATOR, deps_of
from services.binding.sign_in import schemas as sign_in_schemas
from services.binding.sign_in.views import session_out
from shared.web import guard, principal

router = APIRouter()
at_merchant = APIRouter()


@router.post(
    f"{OPERATOR}/acting",
    dependencies=[guard("user", "acting.use", step_up=True)],
    status_code=201,
)
async def start_acting(request: Request, body: schemas.ActingBody) -> sign_in_schemas.SessionOut:
    """From now on this session works at the merchant console, for that merchant."""
    shown = await service.start_acting(
        deps_of(request),
        principal(request),
        body.merchant_id,
        reason=body.reason,
        minutes=body.minutes,
    )
    return session_out(deps_of(request), shown, None)


@router.delete(f"{OPERATOR}/acting", dependencies=[guard("user", "acting.use")], status_code=204)
async def stop_acting(request: Request) -> None:
    await service.stop_acting(deps_of(request), principal(request))


@at_merchant.delete(
    f"{MERCHANT}/acting/{{acting_id}}",
    dependencies=[guard("user", "acting.end")],
    status_code=204,
)
async def end_acting(request: Request, acting_id: UUID) -> None:
    """An owner ends the acting of an operator for the merchant."""
    await service.end_acting(deps_of(request), principal(request), acting_id)
