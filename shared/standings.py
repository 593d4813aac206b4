"""Which merchants are suspended: the read model `merchant_standings` of services that need it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts.events.binding import MerchantResumed, MerchantSuspended

_NOTE = """
INSERT INTO merchant_standings (tenant_id, is_suspended, said_at)
SELECT t, s, a FROM unnest($1::uuid[], $2::bool[], $3::timestamptz[]) AS incoming(t, s, a)
ON CONFLICT (tenant_id) DO UPDATE SET
  is_suspended = excluded.is_suspended, said_at = excluded.said_at
WHERE merchant_standings.said_at <= excluded.said_at
"""


async def note_standings(
    pg: "asyncpg.Connection[Any]", events: Sequence[MerchantSuspended | MerchantResumed]
) -> list[UUID]:
    """Stores the latest event of each merchant, by its own time. Rows are written in one order, so
    that two consumers never deadlock. Returns the merchants of the events."""
    in_time = sorted(events, key=lambda event: (event.occurred_at, event.event_id))
    last = dict(sorted({event.tenant_id: event for event in in_time}.items()))
    are_suspended = [isinstance(event, MerchantSuspended) for event in last.values()]
    said_at = [event.occurred_at for event in last.values()]
    await pg.execute(_NOTE, list(last), are_suspended, said_at)
    return list(last)
