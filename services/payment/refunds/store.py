"""The worker's leases of refunds: each call is one statement in a transaction of its own
(store_worker.sql)."""

from uuid import UUID

from services.payment.functions import call, required_row
from shared.db import Database

_LEASE_REFUNDS = call("refunds_lease", 3)
_RENEW_REFUND = call("refund_renew", 4, "refund_renew")


async def lease_refunds(
    db: Database, limit: int, lease: UUID, lease_s: float
) -> list[tuple[UUID, UUID]]:
    """(tenant_id, refund_id) of due refunds."""
    records = await db.system.many(_LEASE_REFUNDS, limit, lease, lease_s)
    return [(record["tenant_id"], record["refund_id"]) for record in records]


async def renew_refund(
    db: Database, tenant_id: UUID, refund_id: UUID, lease: UUID, lease_s: float
) -> bool:
    return bool(required_row(await db.one(_RENEW_REFUND, tenant_id, refund_id, lease, lease_s))[0])
