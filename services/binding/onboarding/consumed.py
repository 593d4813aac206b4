"""Applies events of other services to the map, in the consumer's transaction.

Devices: the last row is done with the merchant's first device (S16), and open again when the last
device is revoked. The revocation of an unknown device does not open it: after an update the other
devices may be published a moment later.

Releases: an answer is only applied to the row's newest request, and only when it is newer than the
last answer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from services.binding.audit.log import ReportedAction
from services.binding.deps import Deps
from services.binding.onboarding import repo
from services.binding.onboarding.models import TERMINAL
from services.binding.onboarding.remedies import GOES_TO
from services.binding.onboarding.rows import BY_ROW, ROW_OF
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked, ReleaseChanged

PUSH_AGAIN = timedelta(seconds=2)
"""A running push is checked in our own tables after this time."""

Pg: TypeAlias = "asyncpg.Connection[Any]"

# --- devices

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


async def devices_seen(
    pg: Pg, events: Sequence[DeviceEnrolled], *, with_test_cashiers: bool
) -> Sequence[Any]:
    """Returns the rows of the map that are done by these events: tenant_id, app_id, row, at, sn,
    state_before."""
    found = [(e.tenant_id, e.device_id, e.sn, e.kind, e.occurred_at) for e in events]
    await pg.execute(_SEEN, *_columns(found))
    counted: list[tuple[UUID, str, datetime]] = [
        (e.tenant_id, e.sn, e.occurred_at)
        for e in events
        if with_test_cashiers or e.kind == TERMINAL
    ]
    return await pg.fetch(_DONE, *_columns(counted)) if counted else ()


async def devices_gone(
    pg: Pg, events: Sequence[DeviceRevoked], *, with_test_cashiers: bool
) -> Sequence[Any]:
    """Returns the rows of the map that are open again: tenant_id, app_id, row."""
    found = [(e.tenant_id, e.device_id, e.occurred_at) for e in events]
    await pg.execute(_GONE, *_columns(found))
    tenants = sorted({e.tenant_id for e in events})
    return await pg.fetch(_OPEN_AGAIN, tenants, with_test_cashiers, TERMINAL)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


# --- releases

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_HEARD = """
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
_REOPEN = """
DELETE FROM onboarding_rows WHERE tenant_id = $1 AND app_id IN ('', $2) AND row = $3
RETURNING state
"""


async def releases_changed(
    deps: Deps, pg: Pg, events: Sequence[ReleaseChanged]
) -> list[ReportedAction]:
    """Applies the events to their rows; returns the actions for the audit log."""
    facts = []
    for event in events:
        row = ROW_OF[event.step]
        await pg.execute(_LOCK, repo.row_lock(event.tenant_id, event.app_id, row))
        due = _next_pass(event, deps.clock.now())
        name = event.tenant_id, event.app_id, row
        before = await pg.fetchrow(
            _HEARD, *name, event.request_id, event.number, event.state, event.remedy,
            orjson.dumps(event.evidence).decode(), event.actor, event.occurred_at, due,
        )  # fmt: skip
        if before is None:
            continue
        if before["state"] != event.state:
            after = {"state": event.state, "remedy": event.remedy, "note": None}
            facts.append(_fact(event, row, f"onboarding.{event.state}", before["state"], after))
        if (before["state"], before["remedy"]) != (event.state, event.remedy):
            facts += await _reopened(pg, event)
    return facts


def _next_pass(event: ReleaseChanged, now: datetime) -> datetime | None:
    """A row that has changed may make another one due, so the map is checked at once."""
    if event.step != "push":
        return now
    return now + PUSH_AGAIN if event.state == "running" else None


async def _reopened(pg: Pg, event: ReleaseChanged) -> list[ReportedAction]:
    """Reopens a row that a person marked as done, when the platform reports that it is missing."""
    missing = GOES_TO.get(event.remedy or "")
    if missing is None or BY_ROW[missing].kind != "manual":
        return []
    gone = await pg.fetch(_REOPEN, event.tenant_id, event.app_id, missing)
    return [_fact(event, missing, "onboarding.reopen", row["state"], None) for row in gone[:1]]


def _fact(
    event: ReleaseChanged, row: str, action: str, before: str, after: dict[str, Any] | None
) -> ReportedAction:
    return ReportedAction(
        tenant_id=event.tenant_id,
        at=event.occurred_at,
        actor=event.actor,
        action=action,
        subject=f"{event.app_id}:{row}",
        before={"state": before},
        after=after,
    )
