"""Which devices a merchant has, as their events tell: the last row of the map completes itself with
the first one (S16), and is open again when the last one is gone. That a device is gone of which we
were not told says nothing of the others: after an update they are told a moment later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from services.binding.onboarding.models import TERMINAL
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked

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

Pg: TypeAlias = "asyncpg.Connection[Any]"


async def seen(
    pg: Pg, events: Sequence[DeviceEnrolled], *, with_test_cashiers: bool
) -> Sequence[Any]:
    """Answers the rows of the map that are done by it: tenant_id, app_id, row, at, sn,
    state_before."""
    found = [(e.tenant_id, e.device_id, e.sn, e.kind, e.occurred_at) for e in events]
    await pg.execute(_SEEN, *_columns(found))
    counted: list[tuple[UUID, str, datetime]] = [
        (e.tenant_id, e.sn, e.occurred_at)
        for e in events
        if with_test_cashiers or e.kind == TERMINAL
    ]
    return await pg.fetch(_DONE, *_columns(counted)) if counted else ()


async def gone(
    pg: Pg, events: Sequence[DeviceRevoked], *, with_test_cashiers: bool
) -> Sequence[Any]:
    """Answers the rows of the map that are open again: tenant_id, app_id, row."""
    found = [(e.tenant_id, e.device_id, e.occurred_at) for e in events]
    await pg.execute(_GONE, *_columns(found))
    tenants = sorted({e.tenant_id for e in events})
    return await pg.fetch(_OPEN_AGAIN, tenants, with_test_cashiers, TERMINAL)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
