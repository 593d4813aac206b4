"""What operators see of merchants without acting for them: the progress of each setup, the row at
which it is stuck, and of one merchant its size and its owners. Sales figures come from the order
service and devices from the device service; the console puts them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.binding.deps import Deps
from services.binding.models import Merchant, User
from services.binding.onboarding.facts import facts_of
from services.binding.onboarding.map import Facts, Line, Map, map_of
from services.binding.oversight import repo
from services.binding.oversight.repo import MerchantFilter
from services.binding.tenancy import repo as tenancy_repo
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of the setup; `step` is its current row, None when nothing is left to do."""

    percent: int
    is_ready: bool
    step: Line | None


@dataclass(frozen=True, slots=True)
class MerchantSummary:
    """A merchant in the operators' list."""

    merchant: Merchant
    progress: Progress
    namesakes: int
    """how many other merchants have the same name"""


async def list_merchants(
    deps: Deps, wanted: MerchantFilter, *, page: int, page_size: int
) -> tuple[Sequence[MerchantSummary], int]:
    """One page, newest first, and how many there are in all."""
    async with deps.db.read(None) as tx:
        found, total = await repo.merchants(tx, wanted, page=page, page_size=page_size)
        tenants = [merchant.tenant_id for merchant in found]
        shared = await repo.names_shared(tx, [merchant.name for merchant in found])
        apps = await repo.newest_apps(tx, tenants)
        suspended = {row.tenant_id for row in found if row.suspended_at is not None}
        facts = await facts_of(
            deps, tx, {tenant: apps.get(tenant) for tenant in tenants}, suspended
        )
    listed = [
        MerchantSummary(
            merchant,
            _progress(facts[merchant.tenant_id]),
            shared.get(merchant.name.lower(), 1) - 1,
        )
        for merchant in found
    ]
    return listed, total


async def show_merchant(
    deps: Deps, merchant_id: UUID
) -> tuple[MerchantSummary, tuple[int, int, int]]:
    """One merchant as in the list, and its numbers of stores, accounts and apps."""
    found, _ = await list_merchants(deps, MerchantFilter(ids=(merchant_id,)), page=1, page_size=1)
    if not found:
        raise NotFound
    async with deps.db.read(merchant_id) as tx:
        return found[0], await repo.size(tx, merchant_id)


async def owners(deps: Deps, merchant_id: UUID) -> Sequence[tuple[User, datetime | None]]:
    """(owner, until when an unused one-time link is valid)."""
    async with deps.db.read(merchant_id) as tx:
        if await tenancy_repo.merchant(tx, merchant_id) is None:
            raise NotFound
        return await repo.owners(tx, merchant_id, deps.clock.now())


def _progress(facts: Facts) -> Progress:
    found = map_of(facts, ())
    return Progress(found.percent, found.is_ready, _stuck(found))


def _stuck(found: Map) -> Line | None:
    """The first failed row, else the first running row, else the next row to do."""
    for state in ("failed", "running"):
        for line in found.lines:
            if line.state == state:
                return line
    return next((line for line in found.lines if line.row.row == found.next_row), None)
