"""The inbox: one row per consumer and handled event, written in the effect's transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts.events.base import Event
from shared.db import Database

RETENTION_DAYS = 30
"""Longer than an event is accepted (`events_max_age_days`, 28). The two days of margin cover clocks
that disagree and events that a consumer holds while the database is unavailable."""
AHEAD = timedelta(days=1)
"""how far a producer's clock may be ahead of ours; a later date would outlive its inbox row"""


_CLAIM = """
INSERT INTO inbox (tenant_id, consumer, event_id)
SELECT t, $1, e FROM unnest($2::uuid[], $3::uuid[]) AS incoming(t, e) ORDER BY t, e
ON CONFLICT DO NOTHING RETURNING event_id
"""


async def claim(pg: "asyncpg.Connection[Any]", consumer: str, events: Sequence[Event]) -> set[UUID]:
    """Marks the events as handled by `consumer`; returns the ids that were not marked before."""
    rows = await pg.fetch(
        _CLAIM, consumer, [e.tenant_id for e in events], [e.event_id for e in events]
    )
    return {row["event_id"] for row in rows}


class Stale(ValueError):
    """Older than the inbox keeps rows, or dated ahead: the event may have taken effect already."""


def require_remembered(event: Event, now: datetime, max_age_days: int) -> None:
    """Raises Stale unless the inbox still has the row of the event if it was handled."""
    if not -AHEAD <= now - event.occurred_at <= timedelta(days=max_age_days):
        raise Stale(event.occurred_at.isoformat())


async def purge(db: Database) -> None:
    """Deletes rows that are older than any event that is still accepted."""
    await db.purge("inbox", "handled_at < now() - make_interval(days => $1)", RETENTION_DAYS)
