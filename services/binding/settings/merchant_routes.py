"""The HTTP routes of a merchant's own record."""

from typing import Any

from fastapi import APIRouter, Request

from services.binding.acting import schemas as acting_schemas
from services.binding.acting.views import operators_acting
from services.binding.callers import MERCHANT, deps_of
from services.binding.models import AppChangeRequest, Merchant
from services.binding.settings import approvals, schemas, views
from services.binding.settings.views import requester_of
from services.binding.tenancy import merchants
from services.binding.tenancy.merchants import MerchantChange
from services.binding.tenancy.views import merchant_out
from shared.serve import json_response
from shared.web import guard, principal, require_step_up

router = APIRouter()


@router.get(f"{MERCHANT}/merchant", dependencies=[guard("user")])
async def show_merchant(request: Request) -> acting_schemas.MerchantShownOut:
    merchant = await merchants.get_merchant(deps_of(request), principal(request).tenant)
    return await _shown(request, merchant)


@router.patch(
    f"{MERCHANT}/merchant",
    dependencies=[guard("user", "merchant.write")],
    response_model=acting_schemas.MerchantShownOut,
    responses={202: {"model": schemas.AppChangeOut}},
)
async def change_merchant(request: Request, body: schemas.MerchantChangeBody) -> Any:
    """Changes the merchant's settings. Switching dual control off returns 202 and waits for a
    second approver."""
    caller = principal(request)
    values = body.model_dump(exclude={"version"}, exclude_none=True)
    if "dual_control" in values:
        require_step_up(request)  # it decides whether one person may change keys alone
    found = await approvals.change_merchant_or_request(
        deps_of(request), caller.tenant, MerchantChange(values, body.version), requester_of(caller)
    )
    if isinstance(found, AppChangeRequest):
        return json_response(views.change_out(found).model_dump(mode="json"), 202)
    return await _shown(request, found)


async def _shown(request: Request, row: Merchant) -> acting_schemas.MerchantShownOut:
    return acting_schemas.MerchantShownOut(
        **dict(merchant_out(row)), operators_acting=await operators_acting(request, row.tenant_id)
    )
