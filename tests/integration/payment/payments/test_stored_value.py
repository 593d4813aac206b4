"""What of a payment is taken from the buyer's stored value: a column that no use case fills yet."""

import asyncpg
import pytest

from services.payment.payments import repo, store
from services.payment.payments.rules import Decision
from services.payment.snapshot import State
from shared.ids import uuid7
from tests.integration.payment.conftest import sale

pytestmark = pytest.mark.asyncio


async def shown(till, payment_id):
    path = f"/api/merchant/v1/payments/{payment_id}"
    return (await till.http.get(path, headers=till.user_headers())).json()["stored_value_fen"]


async def test_it_is_kept_and_shown_and_survives_each_change(shop, till):
    new = sale(shop, till, stored_value_fen=300)
    verdict, stored = await store.submit(shop.deps.writes, new)
    assert (verdict, stored.stored_value_fen) == ("created", 300)
    change = store.PaymentChange.of(
        stored, Decision(State.PAYING, poll_s=3.0), side_id=uuid7(shop.deps.clock)
    )
    moved = await store.move(shop.deps.writes, change)
    assert (moved.state, moved.stored_value_fen) == (State.PAYING, 300)
    async with shop.deps.db.read(till.tenant_id) as tx:
        assert await repo.payment_by_trade(tx, till.tenant_id, new.out_trade_no) == moved
    assert await shown(till, new.payment_id) == 300


async def test_nothing_is_taken_where_nobody_says_so(shop, till):
    paid = await till.pay(900)
    assert await shown(till, paid["payment_id"]) == 0


async def test_it_is_never_less_than_nothing(shop, till):
    with pytest.raises(asyncpg.CheckViolationError):
        await store.submit(shop.deps.writes, sale(shop, till, stored_value_fen=-1))
