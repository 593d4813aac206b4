"""Which merchants are suspended: the read model `merchant_standings` of services that need it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts.events.base import latest
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
    """Stores the latest event of each merchant. Returns the merchants of the events."""
    last = latest(events, "tenant_id")
    tenants = [event.tenant_id for event in last]
    are_suspended = [isinstance(event, MerchantSuspended) for event in last]
    await pg.execute(_NOTE, tenants, are_suspended, [event.occurred_at for event in last])
    return tenants
