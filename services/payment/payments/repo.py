"""Ordinary queries of payments, the read models, and the purge of nonces."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.payment.models import PaymentRow
from services.payment.snapshot import Payment, State
from shared.contracts.events.base import latest
from shared.contracts.events.binding import AppBound, StoreCreated, StoreRenamed
from shared.contracts.signatures import NONCE_KEPT_S
from shared.db import Database


def snapshot(row: PaymentRow) -> Payment:
    """The row as the rules use it."""
    values: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(Payment)}
    return Payment(**{**values, "state": State(row.state)})


async def lock_payment(tx: AsyncSession, tenant_id: UUID, payment_id: UUID) -> PaymentRow | None:
    statement = (
        select(PaymentRow)
        .where(PaymentRow.tenant_id == tenant_id, PaymentRow.payment_id == payment_id)
        .with_for_update()
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def payment_by_trade(tx: AsyncSession, tenant_id: UUID, out_trade_no: str) -> Payment | None:
    statement = select(PaymentRow).where(
        PaymentRow.tenant_id == tenant_id, PaymentRow.out_trade_no == out_trade_no
    )
    found = (await tx.execute(statement)).scalar_one_or_none()
    return snapshot(found) if found is not None else None


# Read models from binding's events: in batches, in the consumer's transaction.

_APPS = """
INSERT INTO merchant_apps
  (tenant_id, app_id, seller_id, is_enabled, key_version, first_bound_at, changed_at)
SELECT t, a, s, e, k, c, c
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bool[], $5::int[], $6::timestamptz[])
  AS incoming(t, a, s, e, k, c)
ON CONFLICT (tenant_id, app_id) DO UPDATE SET
  seller_id = excluded.seller_id, is_enabled = excluded.is_enabled,
  key_version = excluded.key_version, changed_at = excluded.changed_at
WHERE merchant_apps.changed_at <= excluded.changed_at
"""
_STORES = """
INSERT INTO stores (tenant_id, store_id, name, said_at)
SELECT t, s, n, a FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
  AS incoming(t, s, n, a)
ON CONFLICT (tenant_id, store_id) DO UPDATE SET name = excluded.name, said_at = excluded.said_at
WHERE stores.said_at <= excluded.said_at
"""


async def upsert_apps(pg: "asyncpg.Connection[Any]", events: Sequence[AppBound]) -> None:
    """Stores the latest event of each app, by its own time."""
    last = latest(events, "tenant_id", "app_id")
    await pg.execute(
        _APPS,
        [event.tenant_id for event in last],
        [event.app_id for event in last],
        [event.seller_id for event in last],
        [event.enabled for event in last],
        [event.key_version for event in last],
        [event.occurred_at for event in last],
    )


async def upsert_stores(
    pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    """Stores the latest event of each store, by its own time."""
    last = latest(events, "tenant_id", "store_id")
    await pg.execute(
        _STORES,
        [event.tenant_id for event in last],
        [event.store_id for event in last],
        [event.name for event in last],
        [event.occurred_at for event in last],
    )


async def purge(db: Database) -> None:
    """Deletes nonces whose requests the edge refuses because of their time."""
    seen = "seen_at < now() - make_interval(secs => $1)"
    await db.purge("device_nonces", seen, float(NONCE_KEPT_S))
