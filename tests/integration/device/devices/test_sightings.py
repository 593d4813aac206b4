"""When a device was last seen: any signed request, told by the edge, kept to the minute."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from tests.integration.device.conftest import MERCHANT, OTHER_MERCHANT

pytestmark = pytest.mark.asyncio
DEVICES, USES = "/api/merchant/v1/devices", "/internal/device-uses"


def use(device_id, at, tenant_id=MERCHANT):
    return {"tenant_id": str(tenant_id), "device_id": str(device_id), "used_at": at.isoformat()}


async def seen(device):
    (row,) = (await device.owner("GET", DEVICES)).json()["items"]
    return datetime.fromisoformat(row["last_seen_at"]) if row["last_seen_at"] else None


async def test_the_last_sighting_is_kept_to_the_minute(device, store, enrol, clock):
    device_id = (await enrol(store))["device_id"]
    first = clock.now()
    assert await seen(device) is None
    for seconds, at in ((0, 0), (30, 0), (29, 0), (1, 60)):
        clock.advance(seconds)
        told = await device.edge("POST", USES, {"items": [use(device_id, clock.now())]})
        assert told.status_code == 204, told.text
        assert await seen(device) == first + timedelta(seconds=at)


async def test_it_only_moves_forward(device, store, enrol, clock):
    """Reports of two edges in any order and twice in one; a clock ahead hides nothing."""
    device_id = (await enrol(store))["device_id"]
    clock.advance(3600)
    now = clock.now()
    for at in (now, now - timedelta(minutes=5), now + timedelta(days=1)):
        await device.edge("POST", USES, {"items": [use(device_id, at)]})
        assert await seen(device) == now
    clock.advance(120)
    newest = clock.now()
    both = [use(device_id, newest), use(device_id, newest - timedelta(minutes=1))]
    await device.edge("POST", USES, {"items": both})
    assert await seen(device) == newest


async def test_reports_lock_in_one_order(device, store, enrol, clock):
    """So two that name the same devices never wait for each other: while the first by id is held,
    the second is not touched yet, wherever the rows lie and whatever order they are told in."""
    ids = sorted([(await enrol(store, sn=f"QCF40000{n:02}"))["device_id"] for n in range(2)])
    # Written again, the first lies behind the second.
    await device.database.execute("UPDATE devices SET name = 'x' WHERE device_id = $1", ids[0])
    items = [use(device_id, clock.now()) for device_id in reversed(ids)]
    lock = "SELECT 1 FROM devices WHERE device_id = $1 FOR UPDATE NOWAIT"
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    holder = await asyncpg.connect(device.database.superuser_url)
    other = await asyncpg.connect(device.database.superuser_url)
    try:
        async with asyncio.TaskGroup() as group, holder.transaction():
            await holder.execute(lock, ids[0])
            report = group.create_task(device.edge("POST", USES, {"items": items}))
            while await device.database.value(waiting) == 0:
                await asyncio.sleep(0.01)
            await other.execute(lock, ids[1])
        assert report.result().status_code == 204
    finally:
        await holder.close()
        await other.close()
    rows = (await device.owner("GET", DEVICES)).json()["items"]
    assert {datetime.fromisoformat(row["last_seen_at"]) for row in rows} == {clock.now()}


async def test_a_sighting_is_the_edges_word_only(device, store, enrol, clock):
    """And of the merchant's own device: under another merchant's name it is nobody."""
    device_id = (await enrol(store))["device_id"]
    for asker in (device.payment, device.owner, device.terminal(device_id)):
        answer = await asker("POST", USES, {"items": [use(device_id, clock.now())]})
        assert answer.status_code == 403
    foreign = [use(device_id, clock.now(), OTHER_MERCHANT), use(uuid4(), clock.now())]
    assert (await device.edge("POST", USES, {"items": foreign})).status_code == 204
    assert await seen(device) is None


@pytest.mark.parametrize(
    "items",
    [
        "x", [{}], [{"tenant_id": "x", "device_id": "y", "used_at": "2026-01-01T00:00:00Z"}],
        [use(uuid4(), datetime(2026, 1, 1))],  # noqa: DTZ001 - no offset
        [use(uuid4(), datetime.fromisoformat("2026-01-01T00:00:00Z"))] * 101,
    ],
)  # fmt: skip
async def test_a_report_that_does_not_read_is_refused(device, items):
    assert (await device.edge("POST", USES, {"items": items})).status_code == 422
