"""Event consumers: binding's events update the read models that a payment needs."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.payment.deps import Deps
from services.payment.payments import repo
from shared.consumer import Handlers
from shared.contracts.events.binding import (
    AppBound,
    MerchantResumed,
    MerchantSuspended,
    StoreCreated,
    StoreRenamed,
)
from shared.standings import note_standings

handlers = Handlers("payment")


@handlers.on(AppBound)
async def keep_app(_deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[AppBound]) -> None:
    """Keeps the seller account of each app, and whether the binding is switched on."""
    await repo.upsert_apps(pg, events)


@handlers.on(MerchantSuspended, MerchantResumed)
async def keep_standing(
    _deps: Deps,
    pg: "asyncpg.Connection[Any]",
    events: Sequence[MerchantSuspended | MerchantResumed],
) -> None:
    """Keeps which merchants take no new payments."""
    await note_standings(pg, events)


@handlers.on(StoreCreated, StoreRenamed)
async def keep_store(
    _deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    """Keeps the stores of each merchant."""
    await repo.upsert_stores(pg, events)
