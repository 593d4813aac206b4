"""The HTTP routes of a merchant's stores."""

from uuid import UUID

from fastapi import APIRouter, Request

from services.binding.callers import MERCHANT, actor_of, deps_of, whole_merchant
from services.binding.tenancy import schemas, stores
from services.binding.tenancy.views import store_out
from shared.contracts.fields import PageNumber, PageSize
from shared.errors import NotFound
from shared.web import guard, principal, within_stores

router = APIRouter()


async def _store_in_path(request: Request) -> list[UUID]:
    try:
        return [UUID(request.path_params["store_id"])]
    except ValueError:
        raise NotFound from None


that_store = within_stores(_store_in_path)


@router.get(f"{MERCHANT}/stores", dependencies=[guard("user", "stores.read")])
async def list_stores(
    request: Request, page: PageNumber = 1, page_size: PageSize = 100
) -> schemas.StorePage:
    caller = principal(request)
    rows, total = await stores.list_stores(
        deps_of(request), caller.tenant, page=page, page_size=page_size, only=caller.store_ids
    )
    items = [store_out(row) for row in rows]
    return schemas.StorePage(items=items, total=total, page=page, page_size=page_size)


@router.post(
    f"{MERCHANT}/stores",
    dependencies=[guard("user", "stores.write"), whole_merchant],
    status_code=201,
)
async def create_store(request: Request, body: schemas.StoreBody) -> schemas.StoreOut:
    caller = principal(request)
    store = await stores.create_store(
        deps_of(request), caller.tenant, name=body.name, actor=actor_of(caller)
    )
    return store_out(store)


@router.get(
    f"{MERCHANT}/stores/{{store_id}}", dependencies=[guard("user", "stores.read"), that_store]
)
async def show_store(request: Request, store_id: UUID) -> schemas.StoreOut:
    caller = principal(request)
    store = await stores.get_store(deps_of(request), caller.tenant, store_id)
    return store_out(store)


@router.patch(
    f"{MERCHANT}/stores/{{store_id}}", dependencies=[guard("user", "stores.write"), that_store]
)
async def rename_store(
    request: Request, store_id: UUID, body: schemas.StoreChangeBody
) -> schemas.StoreOut:
    caller = principal(request)
    store = await stores.rename_store(
        deps_of(request),
        caller.tenant,
        store_id,
        name=body.name,
        version=body.version,
        actor=actor_of(caller),
    )
    return store_out(store)
