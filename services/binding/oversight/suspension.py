"""Suspending a merchant, and lifting it: by an operator, with a reason (ADR 0021).

While it is suspended nobody of it signs in or chooses a password, its API keys count for nothing,
and payment, which hears of it by an event, takes no new payment of its devices. What was under way
goes on: payments, refunds, Alipay's notices, orders.
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
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import standing
from services.binding.tenancy.rules import StaleVersion
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantResumed, MerchantSuspended
from shared.contracts.principal import Principal
from shared.errors import NotFound

NEEDED = "merchants.write"


async def suspend(deps: Deps, caller: Principal, merchant_id: UUID, reason: str) -> Merchant:
    """From now on. Its people are signed out, and what operators were given there ends. Twice is
    once: the first reason stays."""
    now, actor = deps.clock.now(), f"user:{caller.subject}"
    # System scope: the merchant's rows, and the operators who hold a grant there.
    async with deps.db.tx(None) as tx:
        merchant = await _locked(tx, caller, merchant_id)
        if merchant.suspended_at is not None:
            return merchant
        merchant.suspended_at, merchant.suspended_reason = now, reason
        # Grants, then sessions, and only then the first entry of a log: as everywhere.
        grants = await acting_grants.locked_at(deps, tx, merchant_id)
        living = await sessions_repo.sessions_at(tx, merchant_id, now)
        for session in living:
            await sessions.end(deps, tx, session)
        await acting_grants.end_with_powers(deps, tx, grants, actor=actor)
        facts = {"name": merchant.name, "sessions_ended": len(living)}
        await _note(deps, tx, caller, merchant, "merchant.suspend", reason, facts)
        await outbox.add(tx, MerchantSuspended(**stamp(merchant_id, deps.clock)))
    return merchant


async def resume(deps: Deps, caller: Principal, merchant_id: UUID, reason: str) -> Merchant:
    """It is not suspended any longer; its people sign in anew. Twice is once."""
    async with deps.db.tx(None) as tx:
        merchant = await _locked(tx, caller, merchant_id)
        if merchant.suspended_at is None:
            return merchant
        facts = {"name": merchant.name, "suspended_for": merchant.suspended_reason}
        merchant.suspended_at, merchant.suspended_reason = None, ""
        await _note(deps, tx, caller, merchant, "merchant.resume", reason, facts)
        await outbox.add(tx, MerchantResumed(**stamp(merchant_id, deps.clock)))
    return merchant


async def rename(
    deps: Deps, caller: Principal, merchant_id: UUID, *, name: str, version: int
) -> Merchant:
    """By an operator; in both logs. Raises StaleVersion. The same name again changes nothing."""
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
            what = (f"user:{caller.subject}", "merchant.rename", str(merchant_id))
            await audit(deps, tx, tenant_id, what, before=before, after={"name": name})
    return merchant


async def _locked(tx: AsyncSession, caller: Principal, merchant_id: UUID) -> Merchant:
    """The merchant, held, for somebody who may still change it."""
    await standing.require(tx, caller.tenant, UUID(caller.subject), NEEDED)
    merchant = await tenancy_repo.merchant_for_update(tx, merchant_id)
    if merchant is None:
        raise NotFound
    return merchant


async def _note(
    deps: Deps, tx: AsyncSession, caller: Principal, merchant: Merchant,
    action: str, reason: str, facts: dict[str, Any],
) -> None:  # fmt: skip
    """In both logs, with the reason."""
    for tenant_id in (caller.tenant, merchant.tenant_id):
        what = (f"user:{caller.subject}", action, str(merchant.tenant_id))
        await audit(deps, tx, tenant_id, what, after=facts, reason=reason)
