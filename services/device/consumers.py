"""Event consumers: stores that binding creates; people who leave a role or have a new password;
merchants that are suspended or resumed; requested steps of a mini program's release."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.device.deps import Deps
from services.device.devices import leaving
from services.device.devices.service import record_stores
from services.device.releases import service as releases
from shared.consumer import Handlers
from shared.contracts.events.binding import (
    MerchantResumed,
    MerchantSuspended,
    PasswordRenewed,
    ReleaseRequested,
    RoleLeft,
    StoreCreated,
    StoreRenamed,
)

handlers = Handlers("device")


@handlers.on(StoreCreated, StoreRenamed)
async def learn_stores(
    _deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    await record_stores(pg, events)


@handlers.on(RoleLeft)
async def end_with_role(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[RoleLeft]
) -> None:
    await leaving.record_left(deps, pg, events)


@handlers.on(PasswordRenewed)
async def end_codes(
    _deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[PasswordRenewed]
) -> None:
    await leaving.record_renewed(pg, events)


@handlers.on(MerchantSuspended, MerchantResumed)
async def end_all_codes(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[MerchantSuspended | MerchantResumed]
) -> None:
    await leaving.record_standings(deps, pg, events)


@handlers.on(ReleaseRequested)
async def take_requests(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[ReleaseRequested]
) -> None:
    await releases.take_requests(deps, pg, events)
