"""The consumers of Kafka events: payments become rewards, new merchants get a campaign."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.campaign import service
from services.campaign.deps import Deps
from shared.consumer import Handlers
from shared.contracts.events.binding import MerchantCreated
from shared.contracts.events.payment import PaymentRefunded, PaymentReversed, PaymentSucceeded

handlers = Handlers("campaign")


@handlers.on(MerchantCreated)
async def open_campaigns(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[MerchantCreated]
) -> None:
    await service.open_campaigns(deps, pg, events)


@handlers.on(PaymentSucceeded, at_once=service.grant_rewards_at_once)
async def grant_rewards(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[PaymentSucceeded]
) -> None:
    await service.grant_rewards(deps, pg, events)


@handlers.on(PaymentRefunded, PaymentReversed)
async def revoke_rewards(
    _deps: Deps,
    pg: "asyncpg.Connection[Any]",
    events: Sequence[PaymentRefunded | PaymentReversed],
) -> None:
    await service.revoke_rewards(pg, events)
