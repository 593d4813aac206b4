"""All queries of the service: batch statements for events, and those of devices and the console."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaign.domain import Limits, Offer
from services.campaign.models import Campaign, Prize, RewardCount
from shared.clock import Clock
from shared.db import Database
from shared.ids import uuid7

Pg: TypeAlias = "asyncpg.Connection[Any]"

_GRANT = "SELECT give_rewards($1, $2, $3, $4, $5, $6, $7, $8)"
_GRANT_AT_ONCE = "SELECT grant_at_once($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"

_REVOKE = """
INSERT INTO grants AS g (
  tenant_id, payment_id, store_id, device_id, draws_granted, status, revoked_at)
SELECT i.tenant_id, i.payment_id, i.store_id, i.device_id, 0, 'revoked', i.at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
  AS i(tenant_id, payment_id, store_id, device_id, at)
ON CONFLICT (tenant_id, payment_id) DO UPDATE
  SET status = 'revoked', revoked_at = excluded.revoked_at
WHERE g.status = 'granted'
"""

# A statement of its own: the one before may have waited for a transaction that was granting, and
# only a later statement sees the coupon of that transaction.
_REVOKE_COUPONS = """
UPDATE coupons c SET state = 'REVOKED', changed_at = i.at
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS i(tenant_id, payment_id, at)
WHERE c.tenant_id = i.tenant_id AND c.payment_id = i.payment_id AND c.state = 'ISSUED'
"""

_CREATE_CAMPAIGNS = """
INSERT INTO campaigns (
  tenant_id, campaign_id, status, title, title_en, coupon_title, coupon_title_en,
  coupon_value_fen, coupon_threshold_fen, coupon_valid_days, draws_per_payment, miss_weight,
  created_at)
SELECT i.tenant_id, i.campaign_id, 'active', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
FROM unnest($1::uuid[], $2::uuid[]) AS i(tenant_id, campaign_id)
WHERE NOT EXISTS (SELECT 1 FROM campaigns c WHERE c.tenant_id = i.tenant_id)
ON CONFLICT DO NOTHING
RETURNING tenant_id, campaign_id
"""

_CREATE_PRIZES = """
INSERT INTO prizes (
  tenant_id, prize_id, campaign_id, position, name, name_en, kind, points, weight, stock,
  stock_left)
SELECT i.tenant_id, i.prize_id, i.campaign_id, i.position, i.name, i.name_en, i.kind, i.points,
       i.weight, i.stock, i.stock
FROM unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[],
  $8::int[], $9::int[], $10::int[]
) AS i(tenant_id, prize_id, campaign_id, position, name, name_en, kind, points, weight, stock)
"""

# By ctid: for a join of so many rows the planner reads the whole table.
_EXPIRE = """
UPDATE coupons SET state = 'EXPIRED', changed_at = $1
WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM coupons WHERE state = 'ISSUED' AND valid_until < $1
  ORDER BY valid_until LIMIT $2 FOR UPDATE SKIP LOCKED))
"""


# A batch holds these locks until its commit, and takes them in the order of the tenants. So two
# batches that run at the same time cannot both give the last reward of a limit.
_LOCK_LIMITS = """
SELECT tenant_id, campaign_id, buyer_daily_max, device_daily_max, daily_max FROM campaigns
WHERE status = 'active' AND tenant_id = ANY($1::uuid[]) ORDER BY tenant_id FOR NO KEY UPDATE
"""
_ALREADY_GRANTED = """
SELECT g.tenant_id, g.payment_id FROM grants g
JOIN unnest($1::uuid[], $2::uuid[]) AS i(tenant_id, payment_id)
  ON g.tenant_id = i.tenant_id AND g.payment_id = i.payment_id
WHERE g.granted_at IS NOT NULL
"""
_COUNTS = """
SELECT r.tenant_id, r.day, r.scope, r.subject, r.rewards FROM reward_counts r
JOIN unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::text[])
  AS i(tenant_id, campaign_id, day, scope, subject)
  USING (tenant_id, campaign_id, day, scope, subject)
"""
_ADD_COUNTS = """
INSERT INTO reward_counts AS r (tenant_id, campaign_id, day, scope, subject, rewards)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::text[], $6::int[])
ON CONFLICT (tenant_id, campaign_id, day, scope, subject) DO UPDATE SET
  rewards = r.rewards + excluded.rewards
"""

CountKey = tuple[UUID, date, str, str]
"""(tenant, Beijing day, scope, subject)"""


async def lock_limits(pg: Pg, tenants: Sequence[UUID]) -> dict[UUID, tuple[UUID, Limits]]:
    """Each tenant's active campaign and its limits, locked until the transaction ends."""
    return {
        row["tenant_id"]: (
            row["campaign_id"],
            Limits(row["buyer_daily_max"], row["device_daily_max"], row["daily_max"]),
        )
        for row in await pg.fetch(_LOCK_LIMITS, tenants)
    }


async def already_granted(pg: Pg, payments: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those of these (tenant, payment) that have a grant already."""
    found = await pg.fetch(_ALREADY_GRANTED, *zip(*payments, strict=True))
    return {(row["tenant_id"], row["payment_id"]) for row in found}


async def counts(
    pg: Pg, campaigns: Mapping[UUID, UUID], wanted: Sequence[CountKey]
) -> dict[CountKey, int]:
    """The rewards so far; `campaigns` has the campaign of each tenant."""
    rows = [(tenant, campaigns[tenant], *rest) for tenant, *rest in wanted]
    if not rows:
        return {}
    found = await pg.fetch(_COUNTS, *zip(*rows, strict=True))
    return {(r["tenant_id"], r["day"], r["scope"], r["subject"]): r["rewards"] for r in found}


async def add_counts(pg: Pg, campaigns: Mapping[UUID, UUID], given: Mapping[CountKey, int]) -> None:
    rows = [(key[0], campaigns[key[0]], *key[1:], number) for key, number in sorted(given.items())]
    if rows:
        await pg.execute(_ADD_COUNTS, *zip(*rows, strict=True))


async def forget_counts(db: Database, before: date) -> None:
    await db.purge("reward_counts", "day < $1", before)


async def counts_today(session: AsyncSession, campaign: Campaign, day: date) -> int:
    """The number of all rewards of the day."""
    return (
        await session.scalar(
            select(RewardCount.rewards).where(
                RewardCount.tenant_id == campaign.tenant_id,
                RewardCount.campaign_id == campaign.campaign_id,
                RewardCount.day == day,
                RewardCount.scope == "day",
            )
        )
        or 0
    )


async def change_limits(
    session: AsyncSession, tenant_id: UUID, version: int, limits: Limits
) -> Campaign | None:
    """The active campaign with new limits; None when it is no longer at `version`."""
    statement = (
        update(Campaign)
        .where(
            Campaign.tenant_id == tenant_id,
            Campaign.status == "active",
            Campaign.version == version,
        )
        .values(
            buyer_daily_max=limits.buyer_daily_max,
            device_daily_max=limits.device_daily_max,
            daily_max=limits.daily_max,
            version=version + 1,
        )
        .returning(Campaign)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def grant(pg: Pg, rows: Sequence[tuple[Any, ...]]) -> None:
    """Stores the grants of a batch, one row (tenant, payment, event, store, device, buyer, at,
    reason) per payment; one with a reason gets no reward."""
    await pg.execute(_GRANT, *zip(*rows, strict=True))


async def grant_at_once(
    db: Database, inbox_key: str, rows: Sequence[tuple[Any, ...]], given: Mapping[CountKey, int]
) -> bool:
    """Claims the events and gives each row (as `grant` takes it, without a reason) its reward;
    `given` is what that adds to the counts. False, and nothing is changed, unless all were new,
    with an active campaign, without a granted reward, and within the limits."""
    counts = [(*key, number) for key, number in sorted(given.items())]
    given_all = await db.one(
        _GRANT_AT_ONCE, inbox_key, *zip(*rows, strict=True), *zip(*counts, strict=True)
    )
    return given_all is not None and bool(given_all[0])


async def revoke(pg: Pg, rows: Sequence[tuple[Any, ...]]) -> None:
    """Revokes grants and unused coupons; one row (tenant, payment, store, device, at) per
    payment."""
    tenants, payments, stores, devices, at = zip(*rows, strict=True)
    await pg.execute(_REVOKE, tenants, payments, stores, devices, at)
    await pg.execute(_REVOKE_COUPONS, tenants, payments, at)


async def create_campaigns(pg: Pg, tenants: Sequence[UUID], offer: Offer, clock: Clock) -> None:
    """Creates an active campaign with these terms for each tenant that never had one."""
    made = await pg.fetch(
        _CREATE_CAMPAIGNS,
        tenants,
        [uuid7(clock) for _ in tenants],
        offer.title,
        offer.title_en,
        offer.coupon_title,
        offer.coupon_title_en,
        offer.coupon_value_fen,
        offer.coupon_threshold_fen,
        offer.coupon_valid_days,
        offer.draws_per_payment,
        offer.miss_weight,
        clock.now(),
    )
    prizes = [
        (row["tenant_id"], uuid7(clock), row["campaign_id"], position,
         prize.name, prize.name_en, prize.kind, prize.points, prize.weight, prize.stock)
        for row in made
        for position, prize in enumerate(offer.prizes, start=1)
    ]  # fmt: skip
    if prizes:
        await pg.execute(_CREATE_PRIZES, *zip(*prizes, strict=True))


async def reward(db: Database, tenant_id: UUID, payment_id: UUID) -> asyncpg.Record | None:
    return await db.one("SELECT * FROM reward($1, $2)", tenant_id, payment_id)


async def odds(db: Database, tenant_id: UUID, payment_id: UUID) -> list[tuple[UUID | None, int]]:
    """(prize, weight) of the payment's campaign; the prize of the miss is None. Empty without a
    grant."""
    rows = await db.many("SELECT * FROM odds($1, $2)", tenant_id, payment_id)
    return [(row["prize_id"], row["weight"]) for row in rows]


async def draw_on_device(pg: Pg, *facts: Any) -> asyncpg.Record:
    """(tenant, payment, device, store, nonce, prize, at): see store.sql."""
    row: asyncpg.Record | None = await pg.fetchrow(
        "SELECT * FROM draw_on_device($1, $2, $3, $4, $5, $6, $7)", *facts
    )
    if row is None:
        raise LookupError("draw_on_device always answers with a row")
    return row


async def expire_coupons(pg: Pg, at: datetime, limit: int) -> int:
    """Ends up to `limit` coupons whose time is over; returns how many."""
    status = await pg.execute(_EXPIRE, at, limit)
    return int(status.rpartition(" ")[2])


async def forget_nonces(db: Database, before: datetime) -> None:
    await db.purge("device_nonces", "seen_at < $1", before)


async def active_campaign(session: AsyncSession, tenant_id: UUID) -> Campaign | None:
    return await session.scalar(
        select(Campaign).where(Campaign.tenant_id == tenant_id, Campaign.status == "active")
    )


async def prizes_of(session: AsyncSession, campaign: Campaign) -> Sequence[Prize]:
    found = await session.scalars(
        select(Prize)
        .where(Prize.tenant_id == campaign.tenant_id, Prize.campaign_id == campaign.campaign_id)
        .order_by(Prize.position)
    )
    return found.all()
