"""Figures of many merchants for an operator: today in China, the last sale, nobody else's eyes."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.events.payment import PaymentFailed
from tests.fixtures.clock import NOON

pytestmark = pytest.mark.asyncio

FIGURES = "/api/operator/v1/figures"
MIDNIGHT = NOON - timedelta(hours=12)
"""the beginning of the day in China"""


async def shown(console, *tenants):
    async with console(uuid4(), permissions=("merchants.read",)) as client:
        answer = await client.get(FIGURES, params={"merchant_id": [str(one) for one in tenants]})
    assert answer.status_code == 200, answer.text
    return {row["merchant_id"]: row for row in answer.json()["items"]}


async def test_each_merchants_day_and_last_sale(deliver, shop, other_shop, console):
    refunded = uuid4()
    yesterday = MIDNIGHT - timedelta(seconds=1)
    await deliver(
        shop.paid(created_at=MIDNIGHT, paid_at=MIDNIGHT, total_fen=1500, payable_fen=1500),
        shop.paid(refunded, created_at=NOON, paid_at=NOON),
        shop.paid(created_at=yesterday, paid_at=yesterday, total_fen=100, payable_fen=100),
        other_shop.paid(created_at=yesterday, paid_at=yesterday, total_fen=700, payable_fen=700),
    )
    await deliver(shop.refunded(refunded, 400, created_at=NOON, refunded_at=NOON))
    late = NOON + timedelta(minutes=1)
    await deliver(shop.say(PaymentFailed, uuid4(), created_at=late, finished_at=late))
    silent = uuid4()
    found = await shown(console, shop.tenant_id, other_shop.tenant_id, silent)
    mine, other, none = (found[str(one)] for one in (shop.tenant_id, other_shop.tenant_id, silent))
    assert (mine["paid_fen"], mine["count"], mine["refunded_fen"]) == (2500, 2, 400)
    assert mine["last_paid_at"].startswith("2026-11-23T04:00:00")
    assert (other["paid_fen"], other["count"]) == (0, 0)
    assert other["last_paid_at"].startswith("2026-11-22T15:59:59")
    assert (none["paid_fen"], none["count"], none["last_paid_at"]) == (0, 0, None)


async def test_only_those_asked_for(deliver, shop, other_shop, console):
    await deliver(shop.paid(created_at=NOON), other_shop.paid(created_at=NOON))
    assert set(await shown(console, shop.tenant_id, shop.tenant_id)) == {str(shop.tenant_id)}


async def test_it_is_for_operators(shop, console):
    asked = {"merchant_id": str(shop.tenant_id)}
    async with console(shop.tenant_id, permissions=("orders.read",)) as client:
        assert (await client.get(FIGURES, params=asked)).status_code == 403
    async with console(uuid4(), permissions=("merchants.read",)) as client:
        for wrong in ({}, {"merchant_id": "x"}, {"merchant_id": [str(uuid4())] * 101}):
            assert (await client.get(FIGURES, params=wrong)).status_code == 422
    async with console(uuid4(), permissions=("merchants.read",), kind="pos") as client:
        assert (await client.get(FIGURES, params=asked)).status_code == 403
