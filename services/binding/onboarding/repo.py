"""The queries of onboarding; the caller owns the transaction, except of the one statement that
takes a `Database`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import and_, delete, exists, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.binding.models import App, AppKey, Merchant, Store
from services.binding.onboarding.models import TERMINAL, KnownDevice, OnboardingDraft, OnboardingRow
from services.binding.queries import lock
from shared.contracts.events.device import ReleaseChanged
from shared.db import Database

_IS_CHECK_DUE = "SELECT 1 FROM onboarding_rows WHERE next_check_at <= $1 LIMIT 1"

Pg: TypeAlias = "asyncpg.Connection[Any]"


async def newest_app(tx: AsyncSession, tenant_id: UUID) -> App | None:
    query = select(App).where(App.tenant_id == tenant_id).order_by(App.created_at.desc()).limit(1)
    return await tx.scalar(query)


async def rows_of(tx: AsyncSession, tenants: Sequence[UUID]) -> dict[UUID, Sequence[OnboardingRow]]:
    """All stored rows, by tenant."""
    query = select(OnboardingRow).where(OnboardingRow.tenant_id.in_(tenants))
    found: dict[UUID, list[OnboardingRow]] = {}
    for row in await tx.scalars(query.order_by(OnboardingRow.app_id)):
        found.setdefault(row.tenant_id, []).append(row)
    return {**found}


def of_app(stored: Iterable[OnboardingRow], app_id: str) -> dict[str, OnboardingRow]:
    """The stored rows for the app, by their number. Rows that were stored before an app was bound
    ("") apply to every app that has no such row itself."""
    known = sorted((row for row in stored if row.app_id in {"", app_id}), key=lambda r: r.app_id)
    return {row.row: row for row in known}


async def rows(tx: AsyncSession, tenant_id: UUID, app_id: str) -> dict[str, OnboardingRow]:
    """The stored rows of one app."""
    return of_app((await rows_of(tx, [tenant_id])).get(tenant_id, ()), app_id)


async def put(tx: AsyncSession, row: OnboardingRow) -> None:
    """Inserts or replaces the row."""
    names = [column.name for column in OnboardingRow.__table__.columns]
    values = {name: getattr(row, name) for name in names}
    keys = ("tenant_id", "app_id", "row")
    statement = insert(OnboardingRow).values(**values)
    changes = {name: statement.excluded[name] for name in names if name not in keys}
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


async def wake(
    tx: AsyncSession, tenant_id: UUID, app_id: str, names: Sequence[str], at: datetime, by: str
) -> None:
    """Sets the next check of rows that are new, waiting or failed to `at`. Rows that wait for an
    answer stay as they are."""
    if not names:
        return
    statement = insert(OnboardingRow).values(
        [
            {
                "tenant_id": tenant_id, "app_id": app_id, "row": name, "state": "todo",
                "evidence": {}, "by": by, "at": at, "attempts": 0, "next_check_at": at,
            }
            for name in names
        ]
    )  # fmt: skip
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=("tenant_id", "app_id", "row"),
            set_={"next_check_at": at, "attempts": 0, "request_id": None, "answer": None},
            where=and_(
                OnboardingRow.state.in_(("todo", "failed")),
                or_(OnboardingRow.request_id.is_(None), OnboardingRow.answer.is_not(None)),
            ),
        )
    )


def row_lock(tenant_id: UUID, app_id: str, row: str) -> str:
    return f"onboarding:{tenant_id}:{app_id}:{row}"


async def lock_row(tx: AsyncSession, tenant_id: UUID, app_id: str, row: str) -> None:
    """Locks one row until the transaction ends, whether it is stored already or not."""
    await lock(tx, row_lock(tenant_id, app_id, row))


async def look_again(
    tx: AsyncSession, tenant_id: UUID, app_id: str, at: datetime | None, row: str
) -> None:
    """Sets the next check of the row: a later time after a check that failed, so that it is not the
    next one again; None: no check until something sets one."""
    runs = update(OnboardingRow).where(
        OnboardingRow.tenant_id == tenant_id,
        OnboardingRow.app_id == app_id,
        OnboardingRow.row == row,
        OnboardingRow.next_check_at.is_not(None),
    )
    await tx.execute(runs.values(next_check_at=at))


async def await_answer(
    tx: AsyncSession,
    name: tuple[UUID, str, str],
    request_id: UUID,
    *,
    at: datetime,
    again_at: datetime,
    by: str,
) -> None:
    """From now on the row (tenant_id, app_id, row) takes the answers to that request; its state
    stays. Without an answer until `again_at` it is due again."""
    waits = {"request_id": request_id, "answer": None, "next_check_at": again_at}
    keys = ("tenant_id", "app_id", "row")
    statement = insert(OnboardingRow).values(
        **dict(zip(keys, name, strict=True)),
        state="todo", evidence={}, by=by, at=at, attempts=0, **waits,
    )  # fmt: skip
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=waits))


async def forget(tx: AsyncSession, tenant_id: UUID, app_id: str, *names: str) -> None:
    await tx.execute(
        delete(OnboardingRow).where(
            OnboardingRow.tenant_id == tenant_id,
            OnboardingRow.app_id.in_({"", app_id}),
            OnboardingRow.row.in_(names),
        )
    )


async def is_check_due(db: Database, now: datetime) -> bool:
    """Whether there may be a row to claim; one statement, because a worker at rest asks all the
    time."""
    return await db.system.one(_IS_CHECK_DUE, now) is not None


async def claim_due(
    tx: AsyncSession, now: datetime, until: datetime
) -> tuple[UUID, str, str] | None:
    """(tenant_id, app_id, row) of a row whose check is due, leased until `until`. System scope."""
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


# --- drafts of forms


async def drafts(tx: AsyncSession, tenant_id: UUID, app_id: str) -> dict[str, dict[str, Any]]:
    """The drafts by row. A draft from before an app was bound applies until the app has its own."""
    query = (
        select(OnboardingDraft)
        .where(OnboardingDraft.tenant_id == tenant_id, OnboardingDraft.app_id.in_({"", app_id}))
        .order_by(OnboardingDraft.app_id)
    )
    return {draft.row: draft.form for draft in await tx.scalars(query)}


async def put_draft(tx: AsyncSession, draft: OnboardingDraft) -> None:
    changes = {"form": draft.form, "by": draft.by, "at": draft.at}
    keys = {"tenant_id": draft.tenant_id, "app_id": draft.app_id, "row": draft.row}
    statement = insert(OnboardingDraft).values(**keys, **changes)
    await tx.execute(statement.on_conflict_do_update(index_elements=tuple(keys), set_=changes))


# --- whether a payment is possible now


async def keys_of(
    tx: AsyncSession, tenants: Sequence[UUID]
) -> dict[tuple[UUID, str], list[AppKey]]:
    """The key versions of all their apps, newest first."""
    query = select(AppKey).where(AppKey.tenant_id.in_(tenants))
    found: dict[tuple[UUID, str], list[AppKey]] = {}
    for key in await tx.scalars(query.order_by(AppKey.key_version.desc())):
        found.setdefault((key.tenant_id, key.app_id), []).append(key)
    return found


async def with_stores(tx: AsyncSession, tenants: Sequence[UUID]) -> set[UUID]:
    query = select(Store.tenant_id).where(Store.tenant_id.in_(tenants)).distinct()
    return set(await tx.scalars(query))


async def devices(
    tx: AsyncSession, tenants: Sequence[UUID], *, with_test_cashiers: bool
) -> dict[UUID, KnownDevice | None]:
    """The first enrolled device by tenant; None: all known devices are revoked. Tenants without any
    known device are left out."""
    of_tenant = KnownDevice.tenant_id == Merchant.tenant_id
    was_enrolled = KnownDevice.enrolled_at.is_not(None)
    speaks = [of_tenant, was_enrolled, KnownDevice.revoked_at.is_(None)]
    if not with_test_cashiers:
        speaks.append(KnownDevice.kind == TERMINAL)
    in_order = (KnownDevice.enrolled_at, KnownDevice.device_id)
    first = select(KnownDevice).where(*speaks).order_by(*in_order).limit(1).lateral()
    query = (
        select(Merchant.tenant_id, aliased(KnownDevice, first))
        .outerjoin(first, true())
        .where(Merchant.tenant_id.in_(tenants), exists().where(of_tenant, was_enrolled))
    )
    return {row[0]: row[1] for row in await tx.execute(query)}


async def has_selling_app(tx: AsyncSession, tenant_id: UUID, now: datetime) -> bool:
    """Whether any app of the merchant is switched on, has usable keys, and is not known to lack
    face-to-face pay."""
    counts = and_(
        AppKey.tenant_id == App.tenant_id,
        AppKey.app_id == App.app_id,
        AppKey.verified_at.is_not(None),
        or_(AppKey.not_after.is_(None), AppKey.not_after > now),
    )
    is_without = and_(
        OnboardingRow.tenant_id == App.tenant_id,
        OnboardingRow.app_id == App.app_id,
        OnboardingRow.row == "0.1",
        OnboardingRow.state == "failed",
    )
    query = select(
        exists().where(
            App.tenant_id == tenant_id,
            App.is_enabled,
            exists().where(counts),
            ~exists().where(is_without),
        )
    )
    return bool(await tx.scalar(query))


# In the transactions of consumers, for batches of events.


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


_SEEN = """
INSERT INTO known_devices AS known (tenant_id, device_id, sn, kind, enrolled_at, revoked_at, at)
SELECT DISTINCT ON (d.tenant_id, d.device_id)
  d.tenant_id, d.device_id, d.sn, d.kind, d.at, NULL, d.at
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
  AS d(tenant_id, device_id, sn, kind, at)
WHERE EXISTS (SELECT 1 FROM merchants m WHERE m.tenant_id = d.tenant_id)
ORDER BY d.tenant_id, d.device_id, d.at DESC
ON CONFLICT (tenant_id, device_id) DO UPDATE SET
  sn = excluded.sn, kind = excluded.kind, enrolled_at = excluded.enrolled_at, revoked_at = NULL,
  at = excluded.at
WHERE known.at <= excluded.at
"""


async def note_enrolled(pg: Pg, devices: Sequence[tuple[UUID, UUID, str, str, datetime]]) -> None:
    """(tenant_id, device_id, sn, kind, at) of each."""
    await pg.execute(_SEEN, *_columns(devices))


_GONE = """
INSERT INTO known_devices AS known (tenant_id, device_id, sn, enrolled_at, revoked_at, at)
SELECT DISTINCT ON (d.tenant_id, d.device_id) d.tenant_id, d.device_id, '', NULL, d.at, d.at
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS d(tenant_id, device_id, at)
WHERE EXISTS (SELECT 1 FROM merchants m WHERE m.tenant_id = d.tenant_id)
ORDER BY d.tenant_id, d.device_id, d.at DESC
ON CONFLICT (tenant_id, device_id) DO UPDATE SET
  revoked_at = excluded.revoked_at, at = excluded.at
WHERE known.at <= excluded.at
"""


async def note_revoked(pg: Pg, devices: Sequence[tuple[UUID, UUID, datetime]]) -> None:
    """(tenant_id, device_id, at) of each."""
    await pg.execute(_GONE, *_columns(devices))


_DONE = """
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


async def complete_device_row(
    pg: Pg, devices: Sequence[tuple[UUID, str, datetime]]
) -> list[asyncpg.Record]:
    """The device row is done with the first of (tenant_id, sn, at). Returns the rows that were not
    done before: tenant_id, app_id, row, at, sn, state_before."""
    return await pg.fetch(_DONE, *_columns(devices))


_OPEN_AGAIN = """
DELETE FROM onboarding_rows o
WHERE o.row = '5.2' AND o.state = 'done' AND o.tenant_id = ANY($1::uuid[])
  AND EXISTS (SELECT 1 FROM known_devices k
              WHERE k.tenant_id = o.tenant_id AND k.enrolled_at IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM known_devices k WHERE k.tenant_id = o.tenant_id
                  AND k.enrolled_at IS NOT NULL AND k.revoked_at IS NULL
                  AND ($2 OR k.kind = $3))
RETURNING o.tenant_id, o.app_id, o.row
"""


async def reopen_device_row(
    pg: Pg, tenants: Sequence[UUID], *, with_test_cashiers: bool
) -> list[asyncpg.Record]:
    """The device row is open again where no device is left; returns tenant_id, app_id, row."""
    return await pg.fetch(_OPEN_AGAIN, tenants, with_test_cashiers, TERMINAL)


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_APPLY = """
WITH before AS (
  SELECT tenant_id, app_id, row, state, remedy FROM onboarding_rows
  WHERE tenant_id = $1 AND app_id = $2 AND row = $3 AND request_id = $4
    AND coalesce(answer, 0) < $5 FOR UPDATE
)
UPDATE onboarding_rows o SET state = $6, remedy = $7, evidence = $8::jsonb, by = $9, at = $10,
  answer = $5, attempts = 0, next_check_at = $11
FROM before b WHERE (o.tenant_id, o.app_id, o.row) = (b.tenant_id, b.app_id, b.row)
RETURNING b.state, b.remedy
"""


async def apply_release(
    pg: Pg, event: ReleaseChanged, row: str, next_check_at: datetime | None
) -> asyncpg.Record | None:
    """Writes the answer to the row's newest request; returns state and remedy before, or None if a
    newer answer was written or the request is not the newest."""
    await pg.execute(_LOCK, row_lock(event.tenant_id, event.app_id, row))
    return await pg.fetchrow(
        _APPLY, event.tenant_id, event.app_id, row, event.request_id, event.number, event.state,
        event.remedy, orjson.dumps(event.evidence).decode(), event.actor, event.occurred_at,
        next_check_at,
    )  # fmt: skip


_REOPEN = """
DELETE FROM onboarding_rows WHERE tenant_id = $1 AND app_id IN ('', $2) AND row = $3
RETURNING state
"""


async def reopen(pg: Pg, tenant_id: UUID, app_id: str, row: str) -> list[asyncpg.Record]:
    """Deletes the row's state, also one stored before an app was bound; returns state."""
    return await pg.fetch(_REOPEN, tenant_id, app_id, row)
