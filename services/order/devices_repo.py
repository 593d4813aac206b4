"""The query of the last payment of each device."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.ext.asyncio import AsyncSession


class LastPayment(NamedTuple):
    """The newest paid order of a device."""

    device_id: UUID
    order_no: str
    payable_fen: int
    paid_at: datetime


# For each device one scan of ix_orders_device up to its newest paid order, without a sort of all
# orders. 2 and 3 are PAID and LATE of domain.Outcome.
_LAST = text("""
SELECT d.device_id, o.order_no, o.payable_fen, coalesce(o.paid_at, o.ordered_at) AS paid_at
FROM unnest(:devices) AS d(device_id)
CROSS JOIN LATERAL (
  SELECT order_no, payable_fen, paid_at, ordered_at FROM orders
  WHERE tenant_id = :tenant_id AND device_id = d.device_id AND outcome IN (2, 3)
    AND (cardinality(:stores) = 0 OR store_id = ANY(:stores))
  ORDER BY ordered_at DESC LIMIT 1
) o
""").bindparams(bindparam("devices", type_=ARRAY(PgUuid)), bindparam("stores", type_=ARRAY(PgUuid)))


async def last_payments(
    session: AsyncSession, tenant_id: UUID, devices: Sequence[UUID], stores: Sequence[UUID]
) -> list[LastPayment]:
    """The last payment of each device that has one; only in `stores`, unless that is empty."""
    parameters = {"tenant_id": tenant_id, "devices": list(devices), "stores": list(stores)}
    return [LastPayment(*row) for row in await session.execute(_LAST, parameters)]
