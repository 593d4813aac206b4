"""The use cases of a merchant's own record: its creation, name, edition and rules (S38, S119)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import Merchant, User
from services.binding.tenancy import logins, repo, rules
from services.binding.tenancy.accounts import HANDLES, add_user, hashed_password
from services.binding.tenancy.rules import Role
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantCreated
from shared.errors import NotFound
from shared.ids import uuid7


async def create_merchant(
    deps: Deps,
    *,
    name: str,
    login: str,
    password: str | None,
    actor: str,
    merchant_id: UUID | None = None,
    handle: str | None = None,
    operators: UUID | None = None,
) -> tuple[Merchant, User]:
    """Creates a tenant and the account of its owner. Without a password the owner chooses one with
    a link (links.make). Without a handle one is generated. `operators`: the tenant of the operator
    who creates it; its audit log gets an entry, too. Raises LoginTaken, HandleTaken,
    ForeignHandle."""
    hashed = ""
    if password is not None:
        hashed = await hashed_password(deps, password, (*logins.words_of(login), name))
    tenant_id = merchant_id or uuid7(deps.clock)
    merchant = Merchant(
        tenant_id=tenant_id,
        name=name,
        created_at=deps.clock.now(),
        handle=handle or "",
        edition="flagship",
        dual_control=False,
        support_contact="",
        version=1,
    )
    async with deps.db.tx(None) as tx:
        if await repo.merchant(tx, tenant_id) is not None:
            raise rules.MerchantExists
        merchant.handle = await _free_handle(tx, handle)
        tx.add(merchant)
        await tx.flush()
        user = await add_user(deps, tx, tenant_id, Role.MERCHANT_OWNER, login, hashed, actor)
        entry = (actor, "merchant.create", str(tenant_id))
        facts = {"name": name, "handle": merchant.handle}
        await audit(deps, tx, tenant_id, entry, after=facts)
        if operators is not None:
            # After the merchant's own entries: no other transaction can wait for that new chain.
            await audit(deps, tx, operators, entry, after=facts | {"owner": login})
        await outbox.add(tx, MerchantCreated(**stamp(tenant_id, deps.clock), name=name))
    return merchant, user


async def _free_handle(tx: AsyncSession, wanted: str | None) -> str:
    """The wanted handle or a generated one, when no merchant has it and no existing login ends with
    it. Raises HandleTaken."""
    await queries.lock(tx, HANDLES)
    while True:
        handle = wanted or logins.new_handle()
        owner = await repo.merchant_by_handle(tx, handle)
        if owner is None and not await repo.has_login_under(tx, handle):
            return handle
        if wanted is not None:
            raise logins.HandleTaken


async def get_merchant(deps: Deps, tenant_id: UUID) -> Merchant:
    async with deps.db.read(tenant_id) as tx:
        found = await repo.merchant(tx, tenant_id)
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class MerchantChange:
    """New values by column, and the version of the record that they were made from."""

    values: dict[str, Any]
    version: int


async def change_merchant(
    deps: Deps, tenant_id: UUID, change: MerchantChange, *, actor: str, is_approved: bool
) -> Merchant:
    """Changes the merchant's record; the same values change nothing. Raises StaleVersion. Raises
    ApprovalNeeded when one person switches dual control off: that needs a second person itself."""
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
    """`change_merchant` in the caller's transaction."""
    merchant = await repo.merchant_for_update(tx, tenant_id)
    if merchant is None:
        raise NotFound
    before = {name: getattr(merchant, name) for name in change.values}
    if before == change.values:
        return merchant
    if change.version != merchant.version:
        raise rules.StaleVersion(current_version=merchant.version)
    was_dual = merchant.dual_control
    for name, value in change.values.items():
        setattr(merchant, name, value)
    merchant.version += 1
    if was_dual and not merchant.dual_control and not is_approved:
        raise rules.ApprovalNeeded
    entry = (actor, "merchant.change", str(tenant_id))
    await audit(deps, tx, tenant_id, entry, before=before, after=change.values)
    return merchant
