"""The HTTP door of a merchant's own record, stores and settings."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from services.binding import (
    acting,
    answers,
    approvals,
    merchant_schemas,
    schemas,
    service,
    settings,
)
from services.binding.callers import actor_of, asker_of, deps_of, whole_merchant
from services.binding.models import (
    Acting,
    AppChangeRequest,
    Merchant,
    Store,
)
from services.binding.session_routes import MERCHANT
from services.binding.settings import MerchantChange
from shared.errors import NotFound
from shared.fields import PageNumber, PageSize
from shared.serve import json_response
from shared.web import guard, principal, require_step_up, within_stores

router = APIRouter()


async def _store_in_path(request: Request) -> list[UUID]:
    try:
        return [UUID(request.path_params["store_id"])]
    except ValueError:
        raise NotFound from None


that_store = within_stores(_store_in_path)


@router.get(f"{MERCHANT}/merchant", dependencies=[guard("user")])
async def show_merchant(request: Request) -> merchant_schemas.MerchantShownOut:
    merchant = await service.get_merchant(deps_of(request), principal(request).tenant)
    return await _shown(request, merchant)


@router.patch(
    f"{MERCHANT}/merchant",
    dependencies=[guard("user", "merchant.write")],
    response_model=merchant_schemas.MerchantShownOut,
    responses={202: {"model": schemas.AppChangeOut}},
)
async def change_merchant(request: Request, body: merchant_schemas.MerchantChangeBody) -> Any:
    """Switching the second approver off answers 202 and waits for somebody else."""
    caller = principal(request)
    values = body.model_dump(exclude={"version"}, exclude_none=True)
    if "dual_control" in values:
        require_step_up(request)  # it decides whether one person may change keys alone
    found = await approvals.change_merchant_or_ask(
        deps_of(request), caller.tenant, MerchantChange(values, body.version), asker_of(caller)
    )
    if isinstance(found, AppChangeRequest):
        return json_response(answers.change_out(found).model_dump(mode="json"), 202)
    return await _shown(request, found)


@router.delete(
    f"{MERCHANT}/acting/{{acting_id}}",
    dependencies=[guard("user", "acting.end")],
    status_code=204,
)
async def end_acting(request: Request, acting_id: UUID) -> None:
    """An owner sends an operator away who acts for the merchant."""
    await acting.end_acting(deps_of(request), principal(request), acting_id)


@router.get(f"{MERCHANT}/stores", dependencies=[guard("user", "stores.read")])
async def list_stores(
    request: Request, page: PageNumber = 1, page_size: PageSize = 100
) -> merchant_schemas.StorePage:
    caller = principal(request)
    rows, total = await service.list_stores(
        deps_of(request), caller.tenant, page=page, page_size=page_size, only=caller.store_ids
    )
    items = [store_out(row) for row in rows]
    return merchant_schemas.StorePage(items=items, total=total, page=page, page_size=page_size)


@router.post(
    f"{MERCHANT}/stores",
    dependencies=[guard("user", "stores.write"), whole_merchant],
    status_code=201,
)
async def create_store(
    request: Request, body: merchant_schemas.StoreBody
) -> merchant_schemas.StoreOut:
    caller = principal(request)
    store = await service.create_store(
        deps_of(request), caller.tenant, name=body.name, actor=actor_of(caller)
    )
    return store_out(store)


@router.get(
    f"{MERCHANT}/stores/{{store_id}}", dependencies=[guard("user", "stores.read"), that_store]
)
async def show_store(request: Request, store_id: UUID) -> merchant_schemas.StoreOut:
    caller = principal(request)
    store = await service.get_store(deps_of(request), caller.tenant, store_id)
    return store_out(store)


@router.patch(
    f"{MERCHANT}/stores/{{store_id}}", dependencies=[guard("user", "stores.write"), that_store]
)
async def rename_store(
    request: Request, store_id: UUID, body: merchant_schemas.StoreChangeBody
) -> merchant_schemas.StoreOut:
    caller = principal(request)
    store = await settings.rename_store(
        deps_of(request),
        caller.tenant,
        store_id,
        name=body.name,
        version=body.version,
        actor=actor_of(caller),
    )
    return store_out(store)


# --- rows to answers


def merchant_out(row: Merchant) -> merchant_schemas.MerchantOut:
    return merchant_schemas.MerchantOut(
        merchant_id=row.tenant_id,
        name=row.name,
        handle=row.handle,
        edition=row.edition,
        dual_control=row.dual_control,
        support_contact=row.support_contact,
        version=row.version,
        created_at=row.created_at,
        suspended_at=row.suspended_at,
        suspended_reason=row.suspended_reason,
    )


async def _shown(request: Request, row: Merchant) -> merchant_schemas.MerchantShownOut:
    return merchant_schemas.MerchantShownOut(
        **dict(merchant_out(row)), operators_acting=await operators_acting(request, row.tenant_id)
    )


async def operators_acting(
    request: Request, tenant_id: UUID
) -> list[merchant_schemas.OperatorActingOut]:
    rows = await acting.acting_for(deps_of(request), tenant_id)
    return [_acting_out(row) for row in rows]


def _acting_out(row: Acting) -> merchant_schemas.OperatorActingOut:
    return merchant_schemas.OperatorActingOut(
        acting_id=row.acting_id,
        operator_name=row.operator_name,
        reason=row.reason,
        until=row.until,
    )


def store_out(row: Store) -> merchant_schemas.StoreOut:
    return merchant_schemas.StoreOut(
        store_id=row.store_id, name=row.name, version=row.version, created_at=row.created_at
    )
