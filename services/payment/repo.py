"""Ordinary queries: refunds, the console's view, read models, housekeeping."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from services.payment.domain import Payment, State
from services.payment.models import PaymentRow, RefundRow
from shared.db import Database
from shared.events.binding import (
    AppBound,
    MerchantResumed,
    MerchantSuspended,
    StoreCreated,
    StoreRenamed,
)

OPEN_REFUNDS = ("CREATED", "SUBMITTED", "UNKNOWN")
NONCES_KEPT_S = 900
"""The edge accepts a signature's time for 300 s either way, so one dated ahead counts for 600 s;
the rest is for clocks that differ and for waiting on the way here."""
NOTICES_KEPT_DAYS = 90
REFUSALS_KEPT_DAYS = 30


def snapshot(row: PaymentRow) -> Payment:
    """The row as the domain sees it."""
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


async def refund_by_request(
    tx: AsyncSession, tenant_id: UUID, payment_id: UUID, refund_request_id: str
) -> RefundRow | None:
    statement = select(RefundRow).where(
        RefundRow.tenant_id == tenant_id,
        RefundRow.payment_id == payment_id,
        RefundRow.refund_request_id == refund_request_id,
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def refund_by_id(tx: AsyncSession, tenant_id: UUID, refund_id: UUID) -> RefundRow | None:
    statement = select(RefundRow).where(
        RefundRow.tenant_id == tenant_id, RefundRow.refund_id == refund_id
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def refunds_of(tx: AsyncSession, tenant_id: UUID, payment_id: UUID) -> list[RefundRow]:
    statement = (
        select(RefundRow)
        .where(RefundRow.tenant_id == tenant_id, RefundRow.payment_id == payment_id)
        .order_by(RefundRow.refund_id)
    )
    return list((await tx.execute(statement)).scalars())


async def reserve_refund(tx: AsyncSession, payment: PaymentRow, amount_fen: int) -> bool:
    """Takes the amount out of what may still be refunded; False when it is more than is left."""
    statement = (
        update(PaymentRow)
        .where(
            PaymentRow.tenant_id == payment.tenant_id,
            PaymentRow.payment_id == payment.payment_id,
            PaymentRow.refund_reserved_fen + amount_fen <= PaymentRow.payable_fen,
        )
        .values(
            refund_reserved_fen=PaymentRow.refund_reserved_fen + amount_fen,
            version=PaymentRow.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return _changed(await tx.execute(statement))


async def is_refund_recent(tx: AsyncSession, payment: PaymentRow, within_s: float) -> bool:
    last = func.max(func.coalesce(RefundRow.finished_at, RefundRow.created_at))
    statement = select(last > func.now() - timedelta(seconds=within_s)).where(
        RefundRow.tenant_id == payment.tenant_id, RefundRow.payment_id == payment.payment_id
    )
    return bool((await tx.execute(statement)).scalar())


async def add_refund(tx: AsyncSession, refund: RefundRow, wait_s: float) -> None:
    """Stores a refund that begins, or begins anew; the sweeper looks after it from `wait_s` on."""
    with tx.no_autoflush:  # until it has its time, the row is not one that may be stored
        at = (await tx.execute(select(func.now() + timedelta(seconds=wait_s)))).scalar_one()
    refund.next_poll_at = at
    refund.lease_until = at if refund.lease_token is not None else None
    tx.add(refund)
    await tx.flush()


async def finish_refund(
    tx: AsyncSession,
    refund: RefundRow,
    state: str,
    code: str | None,
    at: datetime,
    lease: UUID | None,
) -> bool:
    """Ends an open refund; False when it has ended before, or the lease is no longer ours."""
    values = {"finished_at": at, "next_poll_at": None, "lease_until": None, "lease_token": None}
    return await _change_refund(tx, refund, lease, state=state, reason_code=code, **values)


async def postpone_refund(
    tx: AsyncSession,
    refund: RefundRow,
    state: str,
    code: str | None,
    wait_s: float,
    lease: UUID | None,
) -> bool:
    """Leaves a refund open and asks again after `wait_s`."""
    at = func.now() + timedelta(seconds=wait_s)
    values: dict[str, Any] = {"state": state, "reason_code": code, "next_poll_at": at}
    if state != "SUBMITTED":
        values |= {"lease_until": None, "lease_token": None}
    return await _change_refund(tx, refund, lease, **values)


async def hasten_refund(tx: AsyncSession, refund: RefundRow, within_s: float) -> None:
    """An answer that is missing is asked for within `within_s`, which is also how long the channel
    wants between two questions: asking for it again and again brings none of them forward."""
    soon = func.now() + timedelta(seconds=within_s)
    await tx.execute(
        update(RefundRow)
        .where(
            RefundRow.tenant_id == refund.tenant_id,
            RefundRow.refund_id == refund.refund_id,
            RefundRow.state == "UNKNOWN",
            RefundRow.lease_token.is_(None),
        )
        .values(next_poll_at=func.least(RefundRow.next_poll_at, soon))
        .execution_options(synchronize_session=False)
    )
    await tx.refresh(refund)


async def _change_refund(
    tx: AsyncSession, refund: RefundRow, lease: UUID | None, **values: Any
) -> bool:
    statement = update(RefundRow).where(
        RefundRow.tenant_id == refund.tenant_id,
        RefundRow.refund_id == refund.refund_id,
        RefundRow.state.in_(OPEN_REFUNDS),
    )
    if lease is not None:
        statement = statement.where(RefundRow.lease_token == lease)
    done = await tx.execute(statement.values(**values).execution_options(synchronize_session=False))
    return _changed(done)


def _changed(result: Any) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1


# Read models of binding's events: batches, in the consumer's transaction.

_APPS = """
INSERT INTO merchant_apps
  (tenant_id, app_id, seller_id, is_enabled, key_version, first_bound_at, changed_at)
SELECT t, a, s, e, k, c, c
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bool[], $5::int[], $6::timestamptz[])
  AS said(t, a, s, e, k, c)
ON CONFLICT (tenant_id, app_id) DO UPDATE SET
  seller_id = excluded.seller_id, is_enabled = excluded.is_enabled,
  key_version = excluded.key_version, changed_at = excluded.changed_at
WHERE merchant_apps.changed_at <= excluded.changed_at
"""
_STORES = """
INSERT INTO stores (tenant_id, store_id, name, said_at)
SELECT t, s, n, a FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
  AS said(t, s, n, a)
ON CONFLICT (tenant_id, store_id) DO UPDATE SET name = excluded.name, said_at = excluded.said_at
WHERE stores.said_at <= excluded.said_at
"""


_STANDINGS = """
INSERT INTO merchant_standings (tenant_id, is_suspended, said_at)
SELECT t, s, a FROM unnest($1::uuid[], $2::bool[], $3::timestamptz[]) AS said(t, s, a)
ON CONFLICT (tenant_id) DO UPDATE SET
  is_suspended = excluded.is_suspended, said_at = excluded.said_at
WHERE merchant_standings.said_at <= excluded.said_at
"""


async def upsert_standings(
    pg: "asyncpg.Connection[Any]", events: Sequence[MerchantSuspended | MerchantResumed]
) -> None:
    """The latest word on each merchant, by its own time; in one order, so that two consumers never
    wait for each other."""
    in_time = sorted(events, key=lambda event: (event.occurred_at, event.event_id))
    last = sorted(
        {event.tenant_id: event for event in in_time}.values(), key=lambda event: event.tenant_id
    )
    await pg.execute(
        _STANDINGS,
        [event.tenant_id for event in last],
        [isinstance(event, MerchantSuspended) for event in last],
        [event.occurred_at for event in last],
    )


async def upsert_apps(pg: "asyncpg.Connection[Any]", events: Sequence[AppBound]) -> None:
    """The latest word on each app, by its own time: after a replay an older one may come behind it
    in the same batch. One statement cannot change a row twice."""
    in_time = sorted(events, key=lambda event: event.occurred_at)
    last = list({(event.tenant_id, event.app_id): event for event in in_time}.values())
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
    """The latest word on each store, by its own time."""
    in_time = sorted(events, key=lambda event: event.occurred_at)
    last = list({(event.tenant_id, event.store_id): event for event in in_time}.values())
    await pg.execute(
        _STORES,
        [event.tenant_id for event in last],
        [event.store_id for event in last],
        [event.name for event in last],
        [event.occurred_at for event in last],
    )


async def purge(db: Database) -> None:
    """Forgets nonces whose requests the edge refuses by their time, and old settled notices."""
    seen = "seen_at < now() - make_interval(secs => $1)"
    await db.purge("device_nonces", seen, float(NONCES_KEPT_S))
    settled = "state <> 'RECEIVED' AND received_at < now() - make_interval(days => $1)"
    await db.purge("notify_inbox", settled, NOTICES_KEPT_DAYS)
    hours = "hour < now() - make_interval(days => $1)"
    await db.purge("notify_refusals", hours, REFUSALS_KEPT_DAYS)
