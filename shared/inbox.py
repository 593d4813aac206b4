"""What we have heard: one row per consumer and event, claimed in the effect's transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts.events.base import Event
from shared.db import Database

RETENTION_DAYS = 30
"""Longer than an event is believed (`events_max_age_days`, 28): two days of margin for clocks that
disagree, and for what waits in a consumer's hands while the database is away."""
AHEAD = timedelta(days=1)
"""how far the clock of who said it may be before ours: what is dated later would outlive its row"""


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


class Stale(ValueError):
    """Older than what the inbox remembers, or dated ahead: it may have taken effect already."""


def require_remembered(event: Event, now: datetime, max_age_days: int) -> None:
    """Raises Stale unless the inbox is sure to know whether the event has been handled."""
    if not -AHEAD <= now - event.occurred_at <= timedelta(days=max_age_days):
        raise Stale(event.occurred_at.isoformat())


async def purge(db: Database) -> None:
    """Forgets what is older than any event that is still believed."""
    await db.purge("inbox", "handled_at < now() - make_interval(days => $1)", RETENTION_DAYS)
