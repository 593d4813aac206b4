"""The use cases of a merchant's own record: its name and edition, its stores' names (S38, S119)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import domain, people_repo, repo
from services.binding.models import Merchant, Store
from services.binding.service import Deps, audit
from shared import outbox
from shared.errors import NotFound
from shared.events.base import stamp
from shared.events.binding import StoreRenamed


@dataclass(frozen=True, slots=True)
class MerchantChange:
    """New values by column, made from that version."""

    values: dict[str, Any]
    version: int


async def change_merchant(
    deps: Deps, tenant_id: UUID, change: MerchantChange, *, actor: str, is_approved: bool
) -> Merchant:
    """The same values again change nothing. Raises ApprovalNeeded when the second approver would
    be switched off by one person: what weakens a control is under that control."""
    async with deps.db.tx(tenant_id) as tx:
        return await put_merchant(deps, tx, tenant_id, change, actor, is_approved=is_approved)


async def put_merchant(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    change: MerchantChange,
    actor: str,
    *,
    is_approved: bool,
) -> Merchant:
    """The same within the caller's transaction."""
    merchant = await repo.merchant_for_update(tx, tenant_id)
    if merchant is None:
        raise NotFound
    before = {name: getattr(merchant, name) for name in change.values}
    if before == change.values:
        return merchant
    if change.version != merchant.version:
        raise domain.StaleVersion(current_version=merchant.version)
    was_dual = merchant.dual_control
    for name, value in change.values.items():
        setattr(merchant, name, value)
    merchant.version += 1
    if was_dual and not merchant.dual_control and not is_approved:
        raise domain.ApprovalNeeded
    what = (actor, "merchant.change", str(tenant_id))
    await audit(deps, tx, tenant_id, what, before=before, after=change.values)
    return merchant


async def rename_store(
    deps: Deps, tenant_id: UUID, store_id: UUID, *, name: str, version: int, actor: str
) -> Store:
    async with deps.db.tx(tenant_id) as tx:
        await repo.lock(tx, f"stores:{tenant_id}")
        store = await people_repo.store_for_update(tx, tenant_id, store_id)
        if store is None:
            raise NotFound
        if store.name == name:
            return store
        if version != store.version:
            raise domain.StaleVersion(current_version=store.version)
        if await repo.store_by_name(tx, tenant_id, name) is not None:
            raise domain.StoreNameTaken
        what = (actor, "store.rename", str(store_id))
        await audit(deps, tx, tenant_id, what, before={"name": store.name}, after={"name": name})
        store.name = name
        store.version += 1
        event = StoreRenamed(**stamp(tenant_id, deps.clock), store_id=store_id, name=name)
        await outbox.add(tx, event)
    return store
