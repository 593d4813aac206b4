"""The hot statements are planned once for a connection and not for each call (ADR 39)."""

import pytest

from services.payment.notices import store as notice_store
from tests.integration.payment.conftest import sale
from tests.integration.payment.notices.test_notices import notice
from tests.integration.payment.payments.test_batches import submitted
from tests.integration.payment.payments.test_sets import change, moved

pytestmark = pytest.mark.asyncio

PLANNED = (
    "SELECT substring(statement FROM '(payment_submit_set|payment_move_set|payment_submit"
    "|payment_move|notice_store)') AS name, custom_plans, generic_plans"
    " FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared_statements%'"
)
BEFORE_IT_DECIDES = 5
"""PostgreSQL plans a statement this often before it compares with a plan for any arguments."""


@pytest.mark.parametrize("count", [1, 2, 4, 12, 32])
async def test_a_hot_statement_is_planned_once(shop, till, count):
    for _ in range(2 * BEFORE_IT_DECIDES):
        found = await submitted(shop, *(sale(shop, till) for _ in range(count)))
        payments = await moved(shop, [change(shop, payment) for _, payment in found])
        at = shop.deps.clock.now()
        own = {"tenant_id": till.tenant_id, "paid_at": at, "received_at": at, "body_b64": b"x"}
        notices = [notice(payment.out_trade_no, **own) for payment in payments]
        await notice_store.store_notices(shop.deps.db, notices, 5.0)
    planned = {row["name"]: row for row in await shop.deps.db.many(PLANNED)}
    kind = "_set" if count > 2 else ""
    for name in (f"payment_submit{kind}", f"payment_move{kind}", "notice_store"):
        assert planned[name]["custom_plans"] <= BEFORE_IT_DECIDES, name
        assert planned[name]["generic_plans"] >= BEFORE_IT_DECIDES, name
