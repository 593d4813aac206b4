"""The use cases of a merchant's stores."""

from collections.abc import Collection, Sequence
from uuid import UUID

from services.binding import queries
from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import Store
from services.binding.tenancy import repo, rules
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated, StoreRenamed
from shared.errors import NotFound
from shared.ids import uuid7


async def create_store(
    deps: Deps, tenant_id: UUID, *, name: str, actor: str, store_id: UUID | None = None
) -> Store:
    now = deps.clock.now()
    store = Store(
        tenant_id=tenant_id,
        store_id=store_id or uuid7(deps.clock),
        name=name,
        created_at=now,
        version=1,
    )
    async with deps.db.tx(tenant_id) as tx:
        if await repo.merchant(tx, tenant_id) is None:
            raise NotFound
        await queries.lock(tx, f"stores:{tenant_id}")
        if await repo.store_by_name(tx, tenant_id, name) is not None:
            raise rules.StoreNameTaken
        tx.add(store)
        await tx.flush()
        entry = (actor, "store.create", str(store.store_id))
        await audit(deps, tx, tenant_id, entry, after={"name": name})
        event = StoreCreated(**stamp(tenant_id, deps.clock), store_id=store.store_id, name=name)
        await outbox.add(tx, event)
    return store


async def list_stores(
    deps: Deps, tenant_id: UUID, *, page: int, page_size: int, only: Collection[UUID] = ()
) -> tuple[Sequence[Store], int]:
    """All stores, or only those in `only`, to which a cashier is bound."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.stores(tx, tenant_id, page=page, page_size=page_size, only=only)


async def get_store(deps: Deps, tenant_id: UUID, store_id: UUID) -> Store:
    async with deps.db.read(tenant_id) as tx:
        found = await repo.store(tx, tenant_id, store_id)
    if found is None:
        raise NotFound
    return found


async def find_store(deps: Deps, tenant_id: UUID, name: str) -> Store | None:
    async with deps.db.read(tenant_id) as tx:
        return await repo.store_by_name(tx, tenant_id, name)


async def rename_store(
    deps: Deps, tenant_id: UUID, store_id: UUID, *, name: str, version: int, actor: str
) -> Store:
    async with deps.db.tx(tenant_id) as tx:
        await queries.lock(tx, f"stores:{tenant_id}")
        store = await repo.store_for_update(tx, tenant_id, store_id)
        if store is None:
            raise NotFound
        if store.name == name:
            return store
        if version != store.version:
            raise rules.StaleVersion(current_version=store.version)
        if await repo.store_by_name(tx, tenant_id, name) is not None:
            raise rules.StoreNameTaken
        entry = (actor, "store.rename", str(store_id))
        await audit(deps, tx, tenant_id, entry, before={"name": store.name}, after={"name": name})
        store.name = name
        store.version += 1
        event = StoreRenamed(**stamp(tenant_id, deps.clock), store_id=store_id, name=name)
        await outbox.add(tx, event)
    return store
