"""When a device was last seen: any signed request, told by the edge, kept to the minute."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

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


async def test_reports_that_cross_do_not_wait_for_each_other(device, store, enrol, clock):
    ids = [(await enrol(store, sn=f"QCF40000{n:02}"))["device_id"] for n in range(12)]
    for _ in range(20):
        clock.advance(60)
        items = [use(device_id, clock.now()) for device_id in ids]
        answers = await asyncio.gather(
            *(device.edge("POST", USES, {"items": part}) for part in (items, items[::-1]) * 3)
        )
        assert {answer.status_code for answer in answers} == {204}
    rows = (await device.owner("GET", DEVICES, page_size=20)).json()["items"]
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
