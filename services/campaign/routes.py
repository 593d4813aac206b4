"""The HTTP routes: the device's rewards and draws, the merchant's campaign."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.campaign import service
from services.campaign.deps import Deps
from services.campaign.domain import Limits
from services.campaign.schemas import CampaignOut, DrawOut, LimitsBody, RewardOut
from services.campaign.service import RequestingDevice
from shared.contracts.fields import PathPart
from shared.contracts.principal import Principal
from shared.errors import Forbidden, NotFound, Unauthorized
from shared.serve import json_response
from shared.web import guard, principal

router = APIRouter()


def _payment_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def _device_of(caller: Principal) -> RequestingDevice:
    try:
        return RequestingDevice(caller.tenant, UUID(caller.subject), caller.store_id)
    except ValueError:
        raise Forbidden("the token names no device") from None


@router.get(
    "/api/device/v1/rewards/{payment_id}",
    dependencies=[guard("device")],
    response_model=RewardOut,
)
async def show_reward(request: Request, payment_id: PathPart) -> Response:
    deps: Deps = request.app.state.deps
    device, payment = _device_of(principal(request)), _payment_id(payment_id)
    row = await service.find_reward(deps, device, payment)
    shown = RewardOut.of(payment, row)
    return json_response(shown.model_dump_json().encode())


@router.post(
    "/api/device/v1/rewards/{payment_id}/draw",
    dependencies=[guard("device")],
    response_model=DrawOut,
)
async def draw(request: Request, payment_id: PathPart) -> Response:
    deps: Deps = request.app.state.deps
    caller = principal(request)
    device, payment = _device_of(caller), _payment_id(payment_id)
    if caller.nonce is None:
        raise Unauthorized("a request that changes something carries a nonce")
    row = await service.draw_on_device(deps, device, payment, caller.nonce)
    shown = DrawOut.of(payment, row)
    return json_response(shown.model_dump_json().encode())


@router.get(
    "/api/merchant/v1/campaign",
    dependencies=[guard("user", "campaigns.read")],
    response_model=CampaignOut,
)
async def show_campaign(request: Request) -> Response:
    deps: Deps = request.app.state.deps
    shown = CampaignOut.of(*await service.present_campaign(deps, principal(request).tenant))
    return json_response(shown.model_dump_json().encode())


@router.put(
    "/api/merchant/v1/campaign/limits",
    dependencies=[guard("user", "campaigns.write")],
    response_model=CampaignOut,
)
async def change_limits(request: Request, body: LimitsBody) -> Response:
    """Sets how many rewards one buyer, one device and all buyers together get in a day. Returns 409
    if somebody else has changed the campaign since `version`."""
    deps: Deps = request.app.state.deps
    caller = principal(request)
    limits = Limits(body.buyer_daily_max, body.device_daily_max, body.daily_max)
    actor = f"user:{caller.subject}"
    changed = await service.change_limits(deps, caller.tenant, body.version, limits, actor=actor)
    return json_response(CampaignOut.of(*changed).model_dump_json().encode())
