"""The use cases: granting, revoking and showing rewards, draws, limits, and housekeeping."""

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
    NO_LIMITS,
    CampaignChanged,
    Limits,
    NoDrawLeft,
    NonceReplayed,
    RewardPending,
    RewardRevoked,
    day_of,
    limit_keys,
    withheld,
)
from services.campaign.models import Campaign, Prize
from shared import inbox, outbox
from shared.contracts.events.audit import CampaignAudited
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantCreated
from shared.contracts.events.payment import PaymentRefunded, PaymentReversed, PaymentSucceeded
from shared.contracts.signatures import NONCE_KEPT_S
from shared.db import Database
from shared.errors import NotFound

EXPIRE_BATCH = 500
COUNTS_KEPT = timedelta(days=35)


async def open_campaigns(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[MerchantCreated]
) -> None:
    """Creates the default campaign of new merchants, so that their first payment earns a reward."""
    tenants = list(dict.fromkeys(event.tenant_id for event in events))
    await repo.create_campaigns(pg, tenants, DEFAULT_OFFER, deps.clock)


async def grant_rewards(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[PaymentSucceeded]
) -> None:
    """Grants one coupon and the campaign's draws to each payment that earns them (S72-S74, S128):
    money was paid, and the limits of its day are not reached. An earlier grant is not changed."""
    paid = {(event.tenant_id, event.payment_id): event for event in events}
    tenants = list(dict.fromkeys(tenant for tenant, _ in paid))
    active = await repo.lock_limits(pg, tenants)
    if len(active) < len(tenants):
        # merchant.created has not been consumed yet (or the campaign has ended).
        missing = [tenant for tenant in tenants if tenant not in active]
        await repo.create_campaigns(pg, missing, DEFAULT_OFFER, deps.clock)
        active = await repo.lock_limits(pg, tenants)
    known = await repo.already_granted(pg, list(paid))
    fresh = [e for key, e in paid.items() if key not in known and e.tenant_id in active]
    campaigns = {tenant: campaign_id for tenant, (campaign_id, _) in active.items()}
    wanted = {count_key for event in fresh for count_key in _count_keys(event)}
    so_far = await repo.counts(pg, campaigns, sorted(wanted))
    given: Counter[repo.CountKey] = Counter()
    rows = []
    for event in fresh:
        keys = limit_keys(event.buyer_id, event.device_id)
        count_keys = _count_keys(event)
        already = {
            key: so_far.get(count_key, 0) + given[count_key]
            for key, count_key in zip(keys, count_keys, strict=True)
        }
        reason = withheld(event.payable_fen, active[event.tenant_id][1], already, keys)
        if reason is None:
            given.update(count_keys)
        rows.append((*_grant_row(event), reason))
    if rows:
        await repo.grant(pg, rows)
        await repo.add_counts(pg, campaigns, given)


async def grant_rewards_at_once(
    db: Database, inbox_key: str, events: Sequence[PaymentSucceeded]
) -> bool:
    """What `grant_rewards` does where each event is new, earns a reward and reaches no limit, as
    most do (consumer.AtOnce)."""
    if any(withheld(event.payable_fen, NO_LIMITS, {}, ()) for event in events):
        return False
    given = Counter(count_key for event in events for count_key in _count_keys(event))
    rows = [_grant_row(event) for event in events]
    return await repo.grant_at_once(db, inbox_key, rows, given)


def _grant_row(event: PaymentSucceeded) -> tuple[Any, ...]:
    return (
        event.tenant_id, event.payment_id, event.event_id, event.store_id,
        event.device_id, event.buyer_id, event.paid_at,
    )  # fmt: skip


def _count_keys(event: PaymentSucceeded) -> list[repo.CountKey]:
    day = day_of(event.paid_at)
    return [
        (event.tenant_id, day, scope, subject)
        for scope, subject in limit_keys(event.buyer_id, event.device_id)
    ]


async def revoke_rewards(
    pg: "asyncpg.Connection[Any]", events: Sequence[PaymentRefunded | PaymentReversed]
) -> None:
    """Revokes the unused coupon and the draws that are left. A partial refund revokes nothing."""
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
class RequestingDevice:
    """The device that sent the request, from its token."""

    tenant_id: UUID
    device_id: UUID
    store_id: UUID | None


async def find_reward(
    deps: Deps, device: RequestingDevice, payment_id: UUID
) -> asyncpg.Record | None:
    """The reward of a payment that this device took; None for any other, or while there is none."""
    row = await repo.reward(deps.db, device.tenant_id, payment_id)
    if row is None:
        return None
    # A payment without a device (taken by a till) is shown on any device of its store.
    if row["device_id"] is None:
        return row if row["store_id"] == device.store_id else None
    return row if row["device_id"] == device.device_id else None


async def draw_on_device(
    deps: Deps, device: RequestingDevice, payment_id: UUID, nonce: str
) -> asyncpg.Record:
    """Uses the device's one draw. A repeated request returns the same result (F26)."""
    offered = await repo.odds(deps.db, device.tenant_id, payment_id)
    prize_id = None
    if offered:
        index = draw.pick([weight for _, weight in offered], secrets.randbits(draw.BITS))
        prize_id = offered[index][0]
    async with deps.db.pg(device.tenant_id) as pg:
        row = await repo.draw_on_device(
            pg,
            device.tenant_id,
            payment_id,
            device.device_id,
            device.store_id,
            nonce,
            prize_id,
            deps.clock.now(),
        )
        if row["is_new"]:
            await outbox.add(pg, _drawn(deps, device, payment_id, row))
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


def _drawn(
    deps: Deps, device: RequestingDevice, payment_id: UUID, row: asyncpg.Record
) -> CampaignAudited:
    """The audit event of a draw (S132): who won which prize, and how many of it were left."""
    entry = (f"device:{device.device_id}", "campaign.draw", str(payment_id))
    before = {"draws_used": row["draws_used"] - 1}
    won = orjson.loads(row["prize"]) if row["prize"] else None
    after = {"draws_used": row["draws_used"], "prize": won, "stock_left": row["stock_left"]}
    return _audited(deps, device.tenant_id, entry, before, after)


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
    """Sets new limits, which apply at once, and publishes the change for the audit log (S132)."""
    async with deps.db.tx(tenant_id) as session:
        before = await repo.active_campaign(session, tenant_id)
        if before is None:
            raise NotFound("no active campaign")
        old = _limits(before)
        if await repo.change_limits(session, tenant_id, version, limits) is None:
            raise CampaignChanged
        entry = (actor, "campaign.limits", str(before.campaign_id))
        await outbox.add(session, _audited(deps, tenant_id, entry, asdict(old), asdict(limits)))
    return await present_campaign(deps, tenant_id)


def _limits(campaign: Campaign) -> Limits:
    return Limits(campaign.buyer_daily_max, campaign.device_daily_max, campaign.daily_max)


def _audited(
    deps: Deps,
    tenant_id: UUID,
    entry: tuple[str, str, str],
    before: dict[str, Any],
    after: dict[str, Any],
) -> CampaignAudited:
    """`entry` is (actor, action, subject)."""
    actor, action, subject = entry
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
    """Deletes nonces that no signature can use any more, old counts, and old rows of the inbox."""
    await repo.forget_nonces(deps.db, deps.clock.now() - timedelta(seconds=NONCE_KEPT_S))
    await repo.forget_counts(deps.db, day_of(deps.clock.now() - COUNTS_KEPT))
    await inbox.purge(deps.db)
