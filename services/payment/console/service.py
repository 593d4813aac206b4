"""Reads what the console shows of one payment: the payment, its refunds and its notices."""

from uuid import UUID

from services.payment.deps import Deps
from services.payment.models import RefundRow
from services.payment.payments import store
from services.payment.refunds import repo
from services.payment.snapshot import Payment
from shared.errors import NotFound


async def get_payment_with_refunds(
    deps: Deps, tenant_id: UUID, payment_id: UUID
) -> tuple[Payment, list[RefundRow]]:
    """The payment and its refunds; NotFound if the tenant has no such payment."""
    payment = await store.load(deps.db, tenant_id, payment_id)
    if payment is None:
        raise NotFound
    async with deps.db.read(tenant_id) as tx:
        return payment, await repo.refunds_of(tx, tenant_id, payment_id)
