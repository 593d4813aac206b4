"""The HTTP door of a merchant's own record."""

from typing import Any

from fastapi import APIRouter, Request

from services.binding import (
    acting_grant_schemas,
    approvals,
    merchants,
    settings_schemas,
    settings_views,
)
from services.binding.acting_routes import operators_acting
from services.binding.callers import MERCHANT, deps_of
from services.binding.merchants import MerchantChange
from services.binding.models import AppChangeRequest, Merchant
from services.binding.settings_views import asker_of
from services.binding.store_routes import merchant_out
from shared.serve import json_response
from shared.web import guard, principal, require_step_up

router = APIRouter()


@router.get(f"{MERCHANT}/merchant", dependencies=[guard("user")])
async def show_merchant(request: Request) -> acting_grant_schemas.MerchantShownOut:
    merchant = await merchants.get_merchant(deps_of(request), principal(request).tenant)
    return await _shown(request, merchant)


@router.patch(
    f"{MERCHANT}/merchant",
    dependencies=[guard("user", "merchant.write")],
    response_model=acting_grant_schemas.MerchantShownOut,
    responses={202: {"model": settings_schemas.AppChangeOut}},
)
async def change_merchant(request: Request, body: settings_schemas.MerchantChangeBody) -> Any:
    """Switching the second approver off answers 202 and waits for somebody else."""
    caller = principal(request)
    values = body.model_dump(exclude={"version"}, exclude_none=True)
    if "dual_control" in values:
        require_step_up(request)  # it decides whether one person may change keys alone
    found = await approvals.change_merchant_or_ask(
        deps_of(request), caller.tenant, MerchantChange(values, body.version), asker_of(caller)
    )
    if isinstance(found, AppChangeRequest):
        return json_response(settings_views.change_out(found).model_dump(mode="json"), 202)
    return await _shown(request, found)


async def _shown(request: Request, row: Merchant) -> acting_grant_schemas.MerchantShownOut:
    return acting_grant_schemas.MerchantShownOut(
        **dict(merchant_out(row)), operators_acting=await operators_acting(request, row.tenant_id)
    )
