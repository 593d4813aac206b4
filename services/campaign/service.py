"""The use cases: give and take back rewards, show them, draw, and keep house."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.campaign import draw, repo
from services.campaign.domain import (
    DEFAULT_OFFER,
    NONCE_KEEP_S,
    NoDrawLeft,
    NonceReplayed,
    RewardPending,
    RewardRevoked,
)
from services.campaign.models import Campaign, Prize
from shared import inbox
from shared.clock import Clock
from shared.db import Database
from shared.errors import NotFound
from shared.events.binding import MerchantCreated
from shared.events.payment import PaymentRefunded, PaymentReversed, PaymentSucceeded

EXPIRE_BATCH = 500


@dataclass(frozen=True, slots=True)
class Deps:
    """What the use cases stand on."""

    db: Database
    clock: Clock
    public_url: str


async def open_campaigns(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[MerchantCreated]
) -> None:
    """A new merchant's buyers are thanked from the first payment on."""
    tenants = list(dict.fromkeys(event.tenant_id for event in events))
    await repo.create_campaigns(pg, tenants, DEFAULT_OFFER, deps.clock)


async def grant_rewards(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[PaymentSucceeded]
) -> None:
    """Exactly one coupon and the campaign's draws for each payment (S72-S74, S128)."""
    rows = {
        (event.tenant_id, event.payment_id): (
            event.tenant_id,
            event.payment_id,
            event.event_id,
            event.store_id,
            event.device_id,
            event.buyer_id,
            event.paid_at,
        )
        for event in events
    }
    without = await repo.grant(pg, list(rows.values()))
    if without:
        # The merchant's creation has not been heard yet. What the first pass granted stays as
        # it is: the second one finds it there.
        await repo.create_campaigns(pg, without, DEFAULT_OFFER, deps.clock)
        await repo.grant(pg, list(rows.values()))


async def revoke_rewards(
    pg: "asyncpg.Connection[Any]", events: Sequence[PaymentRefunded | PaymentReversed]
) -> None:
    """Takes back the unused coupon and the draws that are left. A partial refund takes nothing."""
    rows = {}
    for event in events:
        if isinstance(event, PaymentReversed):
            at = event.finished_at
        elif event.is_full:
            at = event.refunded_at
        else:
            continue
        rows[(event.tenant_id, event.payment_id)] = (
            event.tenant_id,
            event.payment_id,
            event.store_id,
            event.device_id,
            at,
        )
    if rows:
        await repo.revoke(pg, list(rows.values()))


@dataclass(frozen=True, slots=True)
class Asker:
    """The device that asks, as its token names it."""

    tenant_id: UUID
    device_id: UUID
    store_id: UUID | None


async def find_reward(deps: Deps, asker: Asker, payment_id: UUID) -> asyncpg.Record | None:
    """The reward of a payment taken on this device; None while there is none to see."""
    row = await repo.reward(deps.db, asker.tenant_id, payment_id)
    if row is None:
        return None
    # A payment without a device (taken by a till) is shown on any device of its store.
    if row["device_id"] is None:
        return row if row["store_id"] == asker.store_id else None
    return row if row["device_id"] == asker.device_id else None


async def draw_on_device(deps: Deps, asker: Asker, payment_id: UUID, nonce: str) -> asyncpg.Record:
    """Spends the device's one draw; asked again, gives the same answer (F26)."""
    offered = await repo.odds(deps.db, asker.tenant_id, payment_id)
    prize_id = None
    if offered:
        index = draw.pick([weight for _, weight in offered], secrets.randbits(draw.BITS))
        prize_id = offered[index][0]
    row = await repo.draw_on_device(
        deps.db,
        asker.tenant_id,
        payment_id,
        asker.device_id,
        asker.store_id,
        nonce,
        prize_id,
        deps.clock.now(),
    )
    match row["outcome"]:
        case "replayed":
            raise NonceReplayed("this signed request has been used")
        case "pending":
            raise RewardPending(retry_after_s=1)
        case "revoked":
            raise RewardRevoked
        case "spent":
            raise NoDrawLeft
    return row


async def present_campaign(deps: Deps, tenant_id: UUID) -> tuple[Campaign, Sequence[Prize]]:
    """The merchant's active campaign with its prizes."""
    async with deps.db.read(tenant_id) as session:
        campaign = await repo.active_campaign(session, tenant_id)
        if campaign is None:
            raise NotFound("no active campaign")
        return campaign, await repo.prizes_of(session, campaign)


async def expire_coupons(deps: Deps) -> int:
    """Ends the coupons whose time is over, in short transactions; returns how many."""
    total = 0
    while True:
        async with deps.db.pg(None) as pg:
            ended = await repo.expire_coupons(pg, deps.clock.now(), EXPIRE_BATCH)
        total += ended
        if ended < EXPIRE_BATCH:
            return total


async def keep_house(deps: Deps) -> None:
    """Forgets nonces no signature can use any more, and events that cannot come back."""
    await repo.forget_nonces(deps.db, deps.clock.now() - timedelta(seconds=NONCE_KEEP_S))
    await inbox.purge(deps.db)
