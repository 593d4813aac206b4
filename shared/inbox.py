"""What we have heard: one row per consumer and event, claimed in the effect's transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from shared.db import Database
from shared.events.base import Event

RETENTION_DAYS = 30
"""Longer than the outbox keeps rows, so that a replay never meets a forgotten event."""


_CLAIM = """
INSERT INTO inbox (tenant_id, consumer, event_id)
SELECT t, $1, e FROM unnest($2::uuid[], $3::uuid[]) AS incoming(t, e)
ON CONFLICT DO NOTHING
RETURNING event_id
"""


async def claim(pg: "asyncpg.Connection[Any]", consumer: str, events: Sequence[Event]) -> set[UUID]:
    """Marks the events as handled by `consumer`; returns the ids nobody had claimed before."""
    rows = await pg.fetch(
        _CLAIM, consumer, [e.tenant_id for e in events], [e.event_id for e in events]
    )
    return {row["event_id"] for row in rows}


async def purge(db: Database) -> None:
    """Forgets what is older than any event that could still come back."""
    await db.purge("inbox", "handled_at < now() - make_interval(days => $1)", RETENTION_DAYS)
