"""Suspending and resuming a merchant: by an operator, with a reason (ADR 0021).

While a merchant is suspended, its people can neither sign in nor choose a password, its API keys
are not valid, and payment, which consumes the event, takes no new payments of its devices. What was
under way goes on: payments, refunds, Alipay's notices, orders.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.acting import grants as acting_grants
from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import Merchant
from services.binding.sessions import repo as sessions_repo
from services.binding.sessions import service as sessions
from services.binding.tenancy import authorization
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy.rules import StaleVersion
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantResumed, MerchantSuspended
from shared.contracts.principal import Principal
from shared.errors import NotFound

NEEDED = "merchants.write"


async def suspend(deps: Deps, caller: Principal, merchant_id: UUID, reason: str) -> Merchant:
    """Suspends the merchant now. Its people are signed out, and the operators' grants there end. A
    second call changes nothing; the first reason stays."""
    now, actor = deps.clock.now(), f"user:{caller.subject}"
    # System scope: the merchant's rows, and the operators who hold a grant there.
    async with deps.db.tx(None) as tx:
        merchant = await _locked(tx, caller, merchant_id)
        if merchant.suspended_at is not None:
            return merchant
        merchant.suspended_at, merchant.suspended_reason = now, reason
        # The usual order of locks: grants, then sessions, and only then the first audit entry.
        grants = await acting_grants.locked_at(deps, tx, merchant_id)
        active = await sessions_repo.sessions_at(tx, merchant_id, now)
        for session in active:
            await sessions.end(deps, tx, session)
        await acting_grants.end_with_powers(deps, tx, grants, actor=actor)
        facts = {"name": merchant.name, "sessions_ended": len(active)}
        await _audit_both(deps, tx, caller, merchant, "merchant.suspend", reason, facts)
        await outbox.add(tx, MerchantSuspended(**stamp(merchant_id, deps.clock)))
    return merchant


async def resume(deps: Deps, caller: Principal, merchant_id: UUID, reason: str) -> Merchant:
    """Ends the suspension; the merchant's people sign in again. A second call changes nothing."""
    async with deps.db.tx(None) as tx:
        merchant = await _locked(tx, caller, merchant_id)
        if merchant.suspended_at is None:
            return merchant
        facts = {"name": merchant.name, "suspended_for": merchant.suspended_reason}
        merchant.suspended_at, merchant.suspended_reason = None, ""
        await _audit_both(deps, tx, caller, merchant, "merchant.resume", reason, facts)
        await outbox.add(tx, MerchantResumed(**stamp(merchant_id, deps.clock)))
    return merchant


async def rename(
    deps: Deps, caller: Principal, merchant_id: UUID, *, name: str, version: int
) -> Merchant:
    """Renames a merchant, with an entry in both audit logs. Raises StaleVersion. The same name
    changes nothing."""
    async with deps.db.tx(None) as tx:
        merchant = await _locked(tx, caller, merchant_id)
        if merchant.name == name:
            return merchant
        if version != merchant.version:
            raise StaleVersion(current_version=merchant.version)
        before = {"name": merchant.name}
        merchant.name = name
        merchant.version += 1
        for tenant_id in (caller.tenant, merchant_id):
            entry = (f"user:{caller.subject}", "merchant.rename", str(merchant_id))
            await audit(deps, tx, tenant_id, entry, before=before, after={"name": name})
    return merchant


async def _locked(tx: AsyncSession, caller: Principal, merchant_id: UUID) -> Merchant:
    """The merchant, locked. Forbidden unless the caller still has the permission to change it."""
    await authorization.require(tx, caller.tenant, UUID(caller.subject), NEEDED)
    merchant = await tenancy_repo.merchant_for_update(tx, merchant_id)
    if merchant is None:
        raise NotFound
    return merchant


async def _audit_both(
    deps: Deps, tx: AsyncSession, caller: Principal, merchant: Merchant,
    action: str, reason: str, facts: dict[str, Any],
) -> None:  # fmt: skip
    """Adds an entry to the logs of the operators and of the merchant, with the reason."""
    for tenant_id in (caller.tenant, merchant.tenant_id):
        entry = (f"user:{caller.subject}", action, str(merchant.tenant_id))
        await audit(deps, tx, tenant_id, entry, after=facts, reason=reason)
