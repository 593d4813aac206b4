"""The use cases: give and take back rewards, show them, draw, and keep house."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from structlog.contextvars import get_contextvars

from services.campaign import draw, repo
from services.campaign.deps import Deps
from services.campaign.domain import (
    DEFAULT_OFFER,
    NONCE_KEEP_S,
    CampaignChanged,
    Limits,
    NoDrawLeft,
    NonceReplayed,
    RewardPending,
    RewardRevoked,
    day_of,
    shares,
    withheld,
)
from services.campaign.models import Campaign, Prize
from shared import inbox, outbox
from shared.contracts.events.audit import CampaignAudited
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantCreated
from shared.contracts.events.payment import PaymentRefunded, PaymentReversed, PaymentSucceeded
from shared.errors import NotFound

EXPIRE_BATCH = 500
COUNTS_KEPT = timedelta(days=35)


async def open_campaigns(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[MerchantCreated]
) -> None:
    """A new merchant's buyers are thanked from the first payment on."""
    tenants = list(dict.fromkeys(event.tenant_id for event in events))
    await repo.create_campaigns(pg, tenants, DEFAULT_OFFER, deps.clock)


async def grant_rewards(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[PaymentSucceeded]
) -> None:
    """One coupon and the campaign's draws for each payment that earns them (S72-S74, S128): money
    was paid, and the day's limits are not reached. What a payment has got stays as it is."""
    paid = {(event.tenant_id, event.payment_id): event for event in events}
    tenants = list(dict.fromkeys(tenant for tenant, _ in paid))
    active = await repo.lock_limits(pg, tenants)
    if len(active) < len(tenants):
        # The merchant's creation has not been heard yet (or the campaign has ended).
        missing = [tenant for tenant in tenants if tenant not in active]
        await repo.create_campaigns(pg, missing, DEFAULT_OFFER, deps.clock)
        active = await repo.lock_limits(pg, tenants)
    known = await repo.decided(pg, list(paid))
    fresh = [e for key, e in paid.items() if key not in known and e.tenant_id in active]
    campaigns = {tenant: campaign_id for tenant, (campaign_id, _) in active.items()}
    wanted = {counted for event in fresh for counted in _counted(event)}
    so_far = await repo.counts(pg, campaigns, sorted(wanted))
    given: Counter[repo.Counted] = Counter()
    rows = []
    for event in fresh:
        mine = _counted(event)
        whose = shares(event.buyer_id, event.device_id)
        already = {
            share: so_far.get(counted, 0) + given[counted]
            for share, counted in zip(whose, mine, strict=True)
        }
        reason = withheld(event.payable_fen, active[event.tenant_id][1], already, whose)
        if reason is None:
            given.update(mine)
        rows.append(
            (
                event.tenant_id, event.payment_id, event.event_id, event.store_id,
                event.device_id, event.buyer_id, event.paid_at, reason,
            )
        )  # fmt: skip
    if rows:
        await repo.grant(pg, rows)
        await repo.add_counts(pg, campaigns, given)


def _counted(event: PaymentSucceeded) -> list[repo.Counted]:
    day = day_of(event.paid_at)
    return [
        (event.tenant_id, day, scope, subject)
        for scope, subject in shares(event.buyer_id, event.device_id)
    ]


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
    async with deps.db.pg(asker.tenant_id) as pg:
        row = await repo.draw_on_device(
            pg,
            asker.tenant_id,
            payment_id,
            asker.device_id,
            asker.store_id,
            nonce,
            prize_id,
            deps.clock.now(),
        )
        if row["is_new"]:
            await outbox.add(pg, _drawn(deps, asker, payment_id, row))
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


def _drawn(deps: Deps, asker: Asker, payment_id: UUID, row: asyncpg.Record) -> CampaignAudited:
    """Each draw is evidence (S132): who won what, and what was left of it."""
    what = (f"device:{asker.device_id}", "campaign.draw", str(payment_id))
    before = {"draws_used": row["draws_used"] - 1}
    won = orjson.loads(row["prize"]) if row["prize"] else None
    after = {"draws_used": row["draws_used"], "prize": won, "stock_left": row["stock_left"]}
    return _audited(deps, asker.tenant_id, what, before, after)


async def present_campaign(deps: Deps, tenant_id: UUID) -> tuple[Campaign, Sequence[Prize], int]:
    """The merchant's active campaign with its prizes, and how many rewards it gave today."""
    async with deps.db.read(tenant_id) as session:
        campaign = await repo.active_campaign(session, tenant_id)
        if campaign is None:
            raise NotFound("no active campaign")
        today = await repo.counts_today(session, campaign, day_of(deps.clock.now()))
        return campaign, await repo.prizes_of(session, campaign), today


async def change_limits(
    deps: Deps, tenant_id: UUID, version: int, limits: Limits, *, actor: str
) -> tuple[Campaign, Sequence[Prize], int]:
    """New limits, at once; who changed them is said for the audit log (S132)."""
    async with deps.db.tx(tenant_id) as session:
        before = await repo.active_campaign(session, tenant_id)
        if before is None:
            raise NotFound("no active campaign")
        old = _limits(before)
        if await repo.change_limits(session, tenant_id, version, limits) is None:
            raise CampaignChanged
        what = (actor, "campaign.limits", str(before.campaign_id))
        await outbox.add(session, _audited(deps, tenant_id, what, asdict(old), asdict(limits)))
    return await present_campaign(deps, tenant_id)


def _limits(campaign: Campaign) -> Limits:
    return Limits(campaign.buyer_daily_max, campaign.device_daily_max, campaign.daily_max)


def _audited(
    deps: Deps,
    tenant_id: UUID,
    what: tuple[str, str, str],
    before: dict[str, Any],
    after: dict[str, Any],
) -> CampaignAudited:
    """`what` is (actor, action, subject)."""
    actor, action, subject = what
    request = get_contextvars()
    return CampaignAudited(
        **stamp(tenant_id, deps.clock),
        actor=actor,
        action=action,
        subject_id=subject,
        before=before,
        after=after,
        request_id=request.get("request_id"),
        address=request.get("client_address"),
    )


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
    await repo.forget_counts(deps.db, day_of(deps.clock.now() - COUNTS_KEPT))
    await inbox.purge(deps.db)
