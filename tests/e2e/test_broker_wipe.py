"""The broker forgets everything while payments go on: each event still takes effect, once."""

import asyncio

import pytest

from tests.e2e.world import World, eventually

pytestmark = [pytest.mark.asyncio, pytest.mark.chaos]

SALES = 24


async def _counts(world: World, payment_ids: list[str]) -> tuple[int, int, int]:
    """Orders, and rewards, of these payments; and events still waiting to be said."""
    orders = await world.rows(
        "order", "SELECT count(*) FROM orders WHERE payment_id = ANY($1::uuid[])", payment_ids
    )
    grants = await world.rows(
        "campaign", "SELECT count(*) FROM grants WHERE payment_id = ANY($1::uuid[])", payment_ids
    )
    waiting = await world.rows("payment", "SELECT count(*) FROM outbox WHERE published_at IS NULL")
    return orders[0][0], grants[0][0], waiting[0][0]


async def test_a_wiped_broker_loses_and_doubles_nothing(world: World) -> None:
    """F19, F20, F21, G6: the embedded broker is killed between sales (its memory is all it has);
    payments are not held up, and every event reaches both consumers exactly once."""
    paid = []
    for number in range(SALES):
        if number in {SALES // 3, 2 * SALES // 3}:
            await _wipe(world)
        sale = await world.pay(2_00 + number)
        assert sale["status"] == "paid", "a payment waited for the broker"
        paid.append(sale["payment_id"])

    async def settled() -> bool:
        return await _counts(world, paid) == (SALES, SALES, 0)

    await eventually(settled, limit_s=60, every_s=0.5)
    # A last wipe with nothing new to say: everything is said again and nobody acts twice.
    await _wipe(world)
    await asyncio.sleep(8)
    await eventually(settled, limit_s=60, every_s=0.5)


async def _wipe(world: World) -> None:
    """Nothing to wipe on a real broker, which keeps its log: there only exactly-once is proved."""
    if world.stack.info["kafka"]["kind"] != "embedded":
        return
    before = world.stack.pids("broker")
    assert world.stack.kill("broker")

    async def restarted() -> bool:
        return world.stack.pids("broker") not in ([], before)

    await eventually(restarted, limit_s=15)
