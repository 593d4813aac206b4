"""The merchant's devices: filters, revocation, and nobody else's (S130-S132, parts of S58-S60)."""

from datetime import timedelta
from uuid import uuid4

import pytest

from services.device.devices.service import record_stores
from shared.contracts.events.audit import DeviceAudited
from shared.contracts.events.base import decode, stamp
from shared.contracts.events.binding import StoreRenamed
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked
from tests.integration.device.conftest import MERCHANT, OTHER_MERCHANT

pytestmark = pytest.mark.asyncio
DEVICES = "/api/merchant/v1/devices"


async def test_the_list_and_its_filters(device, new_store, enrol, clock):
    main, side = await new_store(name="Main"), await new_store(name="Side")
    for number in range(12):
        await enrol(main if number % 2 else side, sn=f"QCF40000{number:02}")
        clock.advance(1)
    revoked = (await device.owner("GET", DEVICES, sn="000003")).json()["items"][0]
    await device.owner("POST", f"{DEVICES}/{revoked['device_id']}/revoke")

    first = (await device.owner("GET", DEVICES)).json()
    assert (first["total"], first["page"], first["page_size"]) == (12, 1, 10)
    assert [item["sn"] for item in first["items"]][:2] == ["QCF4000011", "QCF4000010"]
    assert len(first["items"]) == 10
    second = (await device.owner("GET", DEVICES, page=2)).json()
    assert [item["sn"] for item in second["items"]] == ["QCF4000001", "QCF4000000"]
    by_store = (await device.owner("GET", DEVICES, store_id=str(main))).json()
    assert by_store["total"] == 6
    assert {item["store_name"] for item in by_store["items"]} == {"Main"}
    assert (await device.owner("GET", DEVICES, status="revoked")).json()["total"] == 1
    assert (await device.owner("GET", DEVICES, status="active")).json()["total"] == 11
    assert (await device.owner("GET", DEVICES, sn="qcf4000011")).json()["total"] == 1
    assert (await device.owner("GET", DEVICES, sn="_")).json()["total"] == 0


async def test_those_that_have_said_nothing_for_long(device, store, enrol, clock):
    """An enrolment is a word; nobody waits for a test cashier."""
    silent, heard = await enrol(store, sn="QCF1"), await enrol(store, sn="QCF2")
    await enrol(store, sn="TEST-1", kind="test_cashier")
    clock.advance(3600)
    since = clock.now().isoformat()
    await enrol(store, sn="QCF3")
    seen = "UPDATE devices SET seen_at = $1 WHERE sn = 'QCF2'"
    await device.database.execute(seen, clock.now())

    async def found():
        page = (await device.owner("GET", DEVICES, unseen_since=since)).json()
        assert page["total"] == len(page["items"])
        return {item["device_id"] for item in page["items"]}

    assert await found() == {silent["device_id"]}
    await device.database.execute(seen, clock.now() - timedelta(seconds=1))
    assert await found() == {silent["device_id"], heard["device_id"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": 0},
        {"page_size": 101},
        {"status": "lost"},
        {"store_id": "x"},
        {"sn": "\u0000"},
        {"unseen_since": "yesterday"},
    ],
)
async def test_filters_that_make_no_sense(device, wrong):
    assert (await device.owner("GET", DEVICES, **wrong)).status_code == 422


async def test_revocation_is_told_once(device, store, enrol):
    found = await enrol(store)
    path = f"{DEVICES}/{found['device_id']}/revoke"
    first = await device.owner("POST", path)
    assert first.status_code == 200
    assert first.json()["status"] == "revoked"
    assert (await device.owner("POST", path)).json() == first.json()
    rows = await device.database.fetch("SELECT payload, tenant_id FROM outbox ORDER BY seq")
    events = [decode(row["payload"]) for row in rows]
    made, enrolled, entry, revoked, audited = events
    assert (type(entry), entry.action) == (DeviceAudited, "device.enrol")
    assert (type(made), made.action, type(enrolled)) == (
        DeviceAudited,
        "device.code",
        DeviceEnrolled,
    )
    assert isinstance(revoked, DeviceRevoked)
    assert (str(revoked.device_id), revoked.tenant_id) == (found["device_id"], MERCHANT)
    assert (audited.action, audited.subject_id) == ("device.revoke", found["device_id"])
    assert audited.actor.startswith("user:")
    credential = f"/internal/devices/{found['device_id']}/credential"
    assert (await device.edge("GET", credential)).json()["status"] == "revoked"
    by = await device.database.value("SELECT revoked_by FROM devices")
    assert by.startswith("user:")


async def test_a_revoked_device_may_be_enrolled_again(device, store, enrol):
    first = await enrol(store)
    await device.owner("POST", f"{DEVICES}/{first['device_id']}/revoke")
    second = await enrol(store)
    assert second["device_id"] == first["device_id"]
    shown = (await device.owner("GET", f"{DEVICES}/{first['device_id']}")).json()
    assert (shown["status"], shown["revoked_at"]) == ("active", None)


async def test_foreign_devices_are_not_there(device, store, enrol):
    """G7: what is not yours does not exist, in any spelling."""
    found = await enrol(store)
    mine = f"{DEVICES}/{found['device_id']}"
    assert (await device.owner("GET", mine)).status_code == 200
    assert (await device.stranger("GET", DEVICES)).json()["total"] == 0
    for caller, path in (
        (device.stranger, mine),
        (device.owner, f"{DEVICES}/{uuid4()}"),
        (device.owner, f"{DEVICES}/nothing"),
        (device.owner, f"{DEVICES}/%00"),
    ):
        for method, tail in (("GET", ""), ("POST", "/revoke")):
            answer = await caller(method, path + tail)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await device.owner("GET", mine)).json()["status"] == "active"


async def test_a_device_of_another_merchant_says_nothing_of_itself(device, store, enrol):
    found = await enrol(store)
    terminal = device.caller(kind="device", subject=found["device_id"], tenant_id=OTHER_MERCHANT)
    assert (await terminal("GET", "/api/device/v1/me")).status_code == 404


async def test_credentials_are_for_the_edge_alone(device, store, enrol):
    found = await enrol(store)
    path = f"/internal/devices/{found['device_id']}/credential"
    assert (await device.payment("GET", path)).status_code == 403
    assert (await device.owner("GET", path)).status_code == 403
    assert (await device.terminal(found["device_id"])("GET", path)).status_code == 403
    assert (await device.client.get(path)).status_code == 401
    for unknown in (uuid4(), "nothing", "%00"):
        answer = await device.edge("GET", f"/internal/devices/{unknown}/credential")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_reading_is_not_writing(device, store, enrol):
    found = await enrol(store)
    cashier = device.person(MERCHANT, {"devices.read"})
    assert (await cashier("GET", DEVICES)).status_code == 200
    revoke = await cashier("POST", f"{DEVICES}/{found['device_id']}/revoke")
    code = await cashier("POST", f"{DEVICES}/codes", {"store_id": str(store)})
    nobody = await device.person(MERCHANT, set())("GET", DEVICES)
    for answer in (revoke, code, nobody):
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")


async def test_a_store_keeps_the_name_that_was_said_last(device, store, clock):
    """Whichever order the names come in: one by one, or together."""

    def named(name, hours):
        at = clock.now() + timedelta(hours=hours)
        known = {**stamp(MERCHANT, clock), "occurred_at": at}
        return StoreRenamed(**known, store_id=store, name=name)

    first, second, third = named("First", 1), named("Second", 2), named("Third", 3)
    for batch, name in (([second], "Second"), ([first], "Second"), ([third, first], "Third")):
        async with device.deps.db.pg(None) as pg:
            await record_stores(pg, batch)
        assert await device.database.value("SELECT name FROM stores") == name


async def test_an_operator_sees_one_merchants_fleet(device, new_store, enrol):
    await enrol(await new_store(), sn="QCF4000001")
    path = "/api/operator/v1/devices"
    operator = device.person(uuid4(), frozenset({"merchants.read"}))
    found = (await operator("GET", path, merchant_id=str(MERCHANT))).json()
    assert [(row["sn"], row["store_name"]) for row in found["items"]] == [
        ("QCF4000001", "Main street")
    ]
    assert (await operator("GET", path, merchant_id=str(OTHER_MERCHANT))).json()["total"] == 0
    assert (await operator("GET", path)).status_code == 422
    refused = await device.owner("GET", path, merchant_id=str(OTHER_MERCHANT))
    assert refused.status_code == 403
