"""What operators see of merchants without acting for them: how far each one is, and where it is
stuck; and of one merchant its stores, its size, and who owns it. Figures and devices are the
order and the device service's to tell; the console puts them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.binding.deps import Deps
from services.binding.models import Merchant, User
from services.binding.onboarding.facts import facts_of
from services.binding.onboarding.map import Facts, Line, Map, map_of
from services.binding.oversight import repo
from services.binding.oversight.repo import Wanted
from services.binding.tenancy import repo as tenancy_repo
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the setup is; `step`: the row at which it stands, None: nothing is left."""

    percent: int
    is_ready: bool
    step: Line | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A merchant as the list shows it."""

    merchant: Merchant
    progress: Progress
    namesakes: int
    """how many others are called the same"""


async def list_merchants(
    deps: Deps, wanted: Wanted, *, page: int, page_size: int
) -> tuple[Sequence[Listed], int]:
    """One page, newest first, and how many there are in all."""
    async with deps.db.read(None) as tx:
        found, total = await repo.merchants(tx, wanted, page=page, page_size=page_size)
        tenants = [merchant.tenant_id for merchant in found]
        shared = await repo.names_shared(tx, [merchant.name for merchant in found])
        apps = await repo.newest_apps(tx, tenants)
        suspended = {one.tenant_id for one in found if one.suspended_at is not None}
        facts = await facts_of(deps, tx, {one: apps.get(one) for one in tenants}, suspended)
    listed = [
        Listed(
            merchant,
            _progress(facts[merchant.tenant_id]),
            shared.get(merchant.name.lower(), 1) - 1,
        )
        for merchant in found
    ]
    return listed, total


async def show_merchant(deps: Deps, merchant_id: UUID) -> tuple[Listed, tuple[int, int, int]]:
    """One merchant as in the list, and its size: stores, accounts, apps."""
    found, _ = await list_merchants(deps, Wanted(ids=(merchant_id,)), page=1, page_size=1)
    if not found:
        raise NotFound
    async with deps.db.read(merchant_id) as tx:
        return found[0], await repo.size(tx, merchant_id)


async def owners(deps: Deps, merchant_id: UUID) -> Sequence[tuple[User, datetime | None]]:
    """Who owns it, each with the time until which a one-time link waits."""
    async with deps.db.read(merchant_id) as tx:
        if await tenancy_repo.merchant(tx, merchant_id) is None:
            raise NotFound
        return await repo.owners(tx, merchant_id, deps.clock.now())


def _progress(facts: Facts) -> Progress:
    found = map_of(facts, ())
    return Progress(found.percent, found.is_ready, _stuck(found))


def _stuck(found: Map) -> Line | None:
    """What failed comes before what runs, and that before what is to be done next."""
    for state in ("failed", "running"):
        for line in found.lines:
            if line.state == state:
                return line
    return next((line for line in found.lines if line.row.row == found.next_row), None)
