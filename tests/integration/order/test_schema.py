"""The database against the code: columns, order numbers, and who may do what."""

import random
from datetime import timedelta

import pytest

from services.order.models import Base
from shared.migrate import migrate
from tests.fixtures.clock import NOON
from tests.fixtures.postgres import in_thread
from tests.integration.schema import require_agreement
from tests.unit.order.digits import digits

pytestmark = pytest.mark.asyncio


async def test_models_and_migrations_agree(db):
    await require_agreement(db, Base.metadata)


async def test_the_digits_are_those_of_the_twin(place):
    """store.sql against tests/unit/order/digits.py, which proves the bijection."""
    source = random.Random(20261123)
    pairs = [(source.randrange(10**9), source.randrange(2**62)) for _ in range(3_000)]
    pairs += [(n, key) for n in (0, 1, 9_999, 10_000, 99_999_999, 10**8) for key in (0, 2**62 - 1)]
    rows = await place.fetch(
        "SELECT order_digits(n, k) AS digits FROM unnest($1::bigint[], $2::bigint[])"
        " WITH ORDINALITY AS i(n, k, place) ORDER BY place",
        *zip(*pairs, strict=True),
    )
    assert [row["digits"] for row in rows] == [digits(n, key) for n, key in pairs]


async def test_each_installation_has_a_key_of_its_own(postgres, place):
    other = postgres.empty("order_key", "order")
    try:
        in_thread(lambda: migrate("services.order", other.owner_url))
        key = "SELECT order_number_key()"
        theirs = await other.value(key)
        assert theirs != await place.value(key)
        in_thread(lambda: migrate("services.order", other.owner_url))
        assert await other.value(key) == theirs
    finally:
        postgres.drop(other)


async def test_the_list_is_answered_from_an_index(place, deliver, shop):
    """Newest first, and a number's beginning, without reading the merchant's whole history."""
    await deliver(
        *[
            shop.paid(created_at=NOON + timedelta(seconds=step), trade_no=f"T{step:06d}")
            for step in range(500)
        ]
    )
    await place.execute("ANALYZE orders")
    for query, index in (
        ("ORDER BY ordered_at DESC, order_id DESC LIMIT 20", "ix_orders_newest"),
        ("AND trade_no >= 'T00000' AND trade_no < 'T00001'", "ix_orders_trade_no"),
        ("AND order_no = 'D26112300000000'", "uq_orders_number"),
        ("AND payment_id = '00000000-0000-7000-8000-000000000001'", "uq_orders_payment"),
    ):
        plan = await place.fetch(
            f"EXPLAIN SELECT * FROM orders WHERE tenant_id = '{shop.tenant_id}' {query}"
        )
        assert any(index in row[0] for row in plan), [row[0] for row in plan]
