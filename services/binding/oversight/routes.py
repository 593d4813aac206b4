"""The HTTP routes of the operators' view of merchants."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from services.binding.acting.views import operators_acting
from services.binding.callers import OPERATOR, actor_of, deps_of
from services.binding.models import User
from services.binding.onboarding.remedies import REMEDIES
from services.binding.oversight import schemas, service, suspension
from services.binding.oversight.repo import MerchantFilter
from services.binding.oversight.schemas import OwnerOut
from services.binding.oversight.service import MerchantSummary
from services.binding.people import links
from services.binding.people import schemas as people_schemas
from services.binding.people.links import ByOperator
from services.binding.people.views import link_out
from services.binding.sign_in.second_factor import has_second_factor
from services.binding.tenancy import merchants
from services.binding.tenancy import stores as tenancy_stores
from services.binding.tenancy.schemas import MerchantOut, StorePage
from services.binding.tenancy.views import merchant_out, store_out
from shared.contracts.fields import Id, PageNumber, PageSize, Text
from shared.web import guard, principal

MERCHANTS = f"{OPERATOR}/merchants"
ONE = f"{MERCHANTS}/{{merchant_id}}"
IDS_MAX = 100

router = APIRouter()


@router.get(MERCHANTS, dependencies=[guard("user", "merchants.read")])
async def list_merchants(
    request: Request,
    q: Annotated[str, Text(64)] | None = None,
    merchant_id: Annotated[list[Id] | None, Query(max_length=IDS_MAX)] = None,
    suspended: schemas.SuspendedFilter | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 20,
) -> schemas.MerchantPage:
    """All merchants with the progress of their setup. `q`: part of a name, a handle or an id."""
    is_suspended = None if suspended is None else suspended == "yes"
    wanted = MerchantFilter(
        q=q.strip() if q else None, ids=merchant_id or (), is_suspended=is_suspended
    )
    rows, total = await service.list_merchants(
        deps_of(request), wanted, page=page, page_size=page_size
    )
    items = [_summary_out(row) for row in rows]
    return schemas.MerchantPage(items=items, total=total, page=page, page_size=page_size)


@router.post(MERCHANTS, dependencies=[guard("user", "merchants.write")], status_code=201)
async def create_merchant(
    request: Request, body: schemas.MerchantBody
) -> schemas.MerchantCreatedOut:
    """Creates a merchant and the account of its owner. The owner chooses a password with the
    one-time link, which is in this response only."""
    deps, caller = deps_of(request), principal(request)
    actor = actor_of(caller)
    merchant, owner = await merchants.create_merchant(
        deps, name=body.name, login=body.login, password=None, actor=actor, handle=body.handle,
        operators=caller.tenant,
    )  # fmt: skip
    link = await links.make(deps, owner.tenant_id, owner.user_id, actor=actor, maker=caller)
    owner_out = OwnerOut(user_id=owner.user_id, login=owner.login, role=owner.role)
    return schemas.MerchantCreatedOut(
        owner=owner_out, link=link_out(link), **dict(merchant_out(merchant))
    )


@router.get(ONE, dependencies=[guard("user", "merchants.read")])
async def show_merchant_detail(request: Request, merchant_id: UUID) -> schemas.MerchantDetailOut:
    found, (stores, staff, apps) = await service.show_merchant(deps_of(request), merchant_id)
    return schemas.MerchantDetailOut(
        **dict(_summary_out(found)),
        operators_acting=await operators_acting(request, merchant_id),
        stores=stores,
        staff=staff,
        apps=apps,
    )


@router.patch(ONE, dependencies=[guard("user", "merchants.write")])
async def rename_merchant(
    request: Request, merchant_id: UUID, body: schemas.RenameBody
) -> MerchantOut:
    found = await suspension.rename(
        deps_of(request), principal(request), merchant_id, name=body.name, version=body.version
    )
    return merchant_out(found)


@router.post(f"{ONE}/suspend", dependencies=[guard("user", "merchants.write", step_up=True)])
async def suspend_merchant(
    request: Request, merchant_id: UUID, body: schemas.ReasonBody
) -> MerchantOut:
    """While a merchant is suspended, its people cannot sign in and its devices take no new
    payments. Payments and refunds under way are finished."""
    found = await suspension.suspend(deps_of(request), principal(request), merchant_id, body.reason)
    return merchant_out(found)


@router.post(f"{ONE}/resume", dependencies=[guard("user", "merchants.write", step_up=True)])
async def resume_merchant(
    request: Request, merchant_id: UUID, body: schemas.ReasonBody
) -> MerchantOut:
    found = await suspension.resume(deps_of(request), principal(request), merchant_id, body.reason)
    return merchant_out(found)


@router.get(f"{ONE}/stores", dependencies=[guard("user", "merchants.read")])
async def list_stores_of_merchant(
    request: Request, merchant_id: UUID, page: PageNumber = 1, page_size: PageSize = 100
) -> StorePage:
    deps = deps_of(request)
    await merchants.get_merchant(deps, merchant_id)
    rows, total = await tenancy_stores.list_stores(
        deps, merchant_id, page=page, page_size=page_size
    )
    items = [store_out(row) for row in rows]
    return StorePage(items=items, total=total, page=page, page_size=page_size)


@router.get(f"{ONE}/owners", dependencies=[guard("user", "merchants.write")])
async def list_owners(request: Request, merchant_id: UUID) -> schemas.MerchantOwnerList:
    """The merchant's owners. Only for operators who may create a password link for them."""
    rows = await service.owners(deps_of(request), merchant_id)
    return schemas.MerchantOwnerList(items=[_owner_out(*row) for row in rows])


@router.post(
    f"{ONE}/owners/{{user_id}}/password-link",
    dependencies=[guard("user", "merchants.write", step_up=True)],
    status_code=201,
)
async def make_owner_password_link(
    request: Request, merchant_id: UUID, user_id: UUID, body: schemas.OwnerLinkBody
) -> people_schemas.LinkOut:
    """Creates a link for an owner who forgot the password or lost the first link. It is shown once
    and can be used once. If anybody of the merchant has ever had a password, the owner's
    permissions are limited for a while after its use."""
    caller = principal(request)
    link = await links.make(
        deps_of(request),
        merchant_id,
        user_id,
        actor=actor_of(caller),
        maker=caller,
        removes_second_factor=body.remove_second_factor,
        helped=ByOperator(caller.tenant, body.reason),
    )
    return link_out(link)


# --- rows to response models


def _summary_out(row: MerchantSummary) -> schemas.MerchantListedOut:
    found = row.progress
    step = None
    if found.step is not None:
        line = found.step
        remedy = REMEDIES.get(line.remedy or "")
        step = schemas.StuckOut(
            row=line.row.row,
            state=line.state,
            title_zh=line.row.title.zh,
            title_en=line.row.title.en,
            remedy_zh=remedy.zh if remedy else None,
            remedy_en=remedy.en if remedy else None,
            at=line.at,
        )
    progress = schemas.ProgressOut(percent=found.percent, is_ready=found.is_ready, step=step)
    return schemas.MerchantListedOut(
        **dict(merchant_out(row.merchant)), namesakes=row.namesakes, progress=progress
    )


def _owner_out(user: User, link_until: datetime | None) -> schemas.MerchantOwnerOut:
    return schemas.MerchantOwnerOut(
        user_id=user.user_id,
        login=user.login,
        name=user.name,
        is_enabled=user.is_enabled,
        has_password=bool(user.password_hash),
        has_second_factor=has_second_factor(user),
        link_until=link_until,
        limited_until=user.limited_until,
    )
