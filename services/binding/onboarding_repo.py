"""The queries of onboarding; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import App, KeyPair, OnboardingRow
from services.binding.repo import lock


async def newest_app(tx: AsyncSession, tenant_id: UUID) -> App | None:
    query = select(App).where(App.tenant_id == tenant_id).order_by(App.created_at.desc()).limit(1)
    return await tx.scalar(query)


async def rows(tx: AsyncSession, tenant_id: UUID, app_id: str) -> dict[str, OnboardingRow]:
    """What is stored for the app, by row; what was done for the app to be ("") counts for every
    app that has nothing of its own there."""
    query = (
        select(OnboardingRow)
        .where(OnboardingRow.tenant_id == tenant_id, OnboardingRow.app_id.in_({"", app_id}))
        .order_by(OnboardingRow.app_id)
    )
    return {row.row: row for row in await tx.scalars(query)}


async def put(tx: AsyncSession, row: OnboardingRow) -> None:
    """Writes the row whole, whatever was there."""
    names = [column.name for column in OnboardingRow.__table__.columns]
    values = {name: getattr(row, name) for name in names}
    keys = ("tenant_id", "app_id", "row")
    statement = insert(OnboardingRow).values(**values)
    changes = {name: statement.excluded[name] for name in names if name not in keys}
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


async def lock_row(tx: AsyncSession, tenant_id: UUID, app_id: str, row: str) -> None:
    """Serialises what is written of one row, whether it is stored already or not."""
    await lock(tx, f"onboarding:{tenant_id}:{app_id}:{row}")


async def look_again(
    tx: AsyncSession, tenant_id: UUID, app_id: str, at: datetime, row: str | None = None
) -> None:
    """What runs of the app, or that row if it runs, is looked at then: later, when it could not be
    looked at and must not be the next one again; now, when something was heard about the app."""
    runs = update(OnboardingRow).where(
        OnboardingRow.tenant_id == tenant_id,
        OnboardingRow.app_id == app_id,
        OnboardingRow.state == "running",
    )
    if row is not None:
        runs = runs.where(OnboardingRow.row == row)
    await tx.execute(runs.values(next_check_at=at))


async def forget(tx: AsyncSession, tenant_id: UUID, app_id: str, row: str) -> None:
    await tx.execute(
        delete(OnboardingRow).where(
            OnboardingRow.tenant_id == tenant_id,
            OnboardingRow.app_id.in_({"", app_id}),
            OnboardingRow.row == row,
        )
    )


async def claim_due(
    tx: AsyncSession, now: datetime, until: datetime
) -> tuple[UUID, str, str] | None:
    """(tenant_id, app_id, row) of a running row that is to be looked at, ours until `until`;
    system scope."""
    name = OnboardingRow.tenant_id, OnboardingRow.app_id, OnboardingRow.row
    oldest = (
        select(*name)
        .where(OnboardingRow.next_check_at <= now)
        .order_by(OnboardingRow.next_check_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(OnboardingRow)
        .where(tuple_(*name).in_(oldest))
        .values(next_check_at=until)
        .returning(*name)
        .execution_options(synchronize_session=False)
    )
    found = (await tx.execute(statement)).one_or_none()
    return (found[0], found[1], found[2]) if found is not None else None


_DEVICES_SEEN = """
WITH done AS (
INSERT INTO onboarding_rows (tenant_id, app_id, row, state, evidence, by, at)
SELECT DISTINCT ON (d.tenant_id) d.tenant_id, coalesce(
         (SELECT a.app_id FROM apps a WHERE a.tenant_id = d.tenant_id
          ORDER BY a.created_at DESC LIMIT 1), ''),
       '5.2', 'done', jsonb_build_object('sn', d.sn), 'platform', d.at
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS d(tenant_id, sn, at)
WHERE EXISTS (SELECT 1 FROM merchants m WHERE m.tenant_id = d.tenant_id)
ORDER BY d.tenant_id, d.at
ON CONFLICT (tenant_id, app_id, row) DO UPDATE SET
  state = 'done', remedy = NULL, evidence = excluded.evidence, by = excluded.by, at = excluded.at,
  next_check_at = NULL
WHERE onboarding_rows.state <> 'done'
RETURNING tenant_id, app_id, row, evidence, at)
SELECT done.*, coalesce(was.state, 'todo') AS state_before, done.evidence->>'sn' AS sn
FROM done LEFT JOIN onboarding_rows was
  ON (was.tenant_id, was.app_id, was.row) = (done.tenant_id, done.app_id, done.row)
"""


async def devices_seen(
    pg: "asyncpg.Connection[Any]", seen: Sequence[tuple[UUID, str, datetime]]
) -> Sequence[Any]:
    """(tenant_id, sn, at) of devices that signed in: the map's last row completes itself (S16).
    Answers the rows that are done by it: tenant_id, app_id, row, at, sn, state_before."""
    return await pg.fetch(_DEVICES_SEEN, *(list(column) for column in zip(*seen, strict=True)))


# --- key pairs that wait


async def key_pair(
    tx: AsyncSession, tenant_id: UUID, key_pair_id: UUID, now: datetime
) -> KeyPair | None:
    query = select(KeyPair).where(
        KeyPair.tenant_id == tenant_id,
        KeyPair.key_pair_id == key_pair_id,
        KeyPair.expires_at > now,
    )
    return await tx.scalar(query)


async def erase_key_pair(tx: AsyncSession, tenant_id: UUID, key_pair_id: UUID) -> None:
    """It is bound: the binding's own box is the only one left."""
    await tx.execute(
        update(KeyPair)
        .where(KeyPair.tenant_id == tenant_id, KeyPair.key_pair_id == key_pair_id)
        .values(private_key_box=None)
    )
