"""Codes that wait for a device: who sees which, and taking one back before it is used."""

from uuid import uuid4

import pytest

from services.device.devices.leaving import record_left
from shared.contracts.events.audit import DeviceAudited
from shared.contracts.events.base import decode, stamp
from shared.contracts.events.binding import RoleLeft
from tests.fixtures.races import ROUNDS, race, together
from tests.integration.device.conftest import MERCHANT, OTHER_MERCHANT, OWNER

pytestmark = pytest.mark.asyncio
ENROL = ("POST", "/api/device/v1/enrol")
CODES = "/api/merchant/v1/devices/codes"


async def made(by, store, sn=None):
    answer = await by("POST", CODES, {"store_id": str(store), "sn": sn})
    assert answer.status_code == 201
    return answer.json()


async def listed(by):
    answer = await by("GET", CODES)
    assert answer.status_code == 200
    return answer.json()["items"]


async def test_open_codes_are_listed_without_the_code(device, new_store, clock):
    main, side = await new_store(name="Main"), await new_store(name="Side")
    first = await made(device.owner, main)
    clock.advance(1)
    second = await made(device.owner, side, sn="SMIT3B0001")
    rows = await listed(device.owner)
    assert [row["code_id"] for row in rows] == [second["code_id"], first["code_id"]]
    assert [(row["store_name"], row["sn"]) for row in rows] == [
        ("Side", "SMIT3B0001"), ("Main", None),
    ]  # fmt: skip
    assert [row["ends_with"] for row in rows] == [second["code"][-4:], first["code"][-4:]]
    assert first["code"][:14] not in str(rows)
    assert rows[1]["expires_at"] == first["expires_at"]
    assert await listed(device.stranger) == []


async def test_what_is_over_is_not_open(device, store, clock):
    """Used, expired, tried too often, or its maker gone: such a code enrols nothing, nor is it
    listed."""
    user_id = uuid4()
    gone = device.caller(kind="user", subject=str(user_id), tenant_id=MERCHANT, permissions=OWNER)
    old = await made(device.owner, store)
    clock.advance(600)
    used, spoilt, left = [
        await made(by, store, sn)
        for by, sn in ((device.owner, None), (device.owner, "SMIT3B0001"), (gone, None))
    ]
    assert (await device.edge(*ENROL, {"code": used["code"], "sn": "QCF4000001"})).is_success
    for _ in range(5):
        await device.edge(*ENROL, {"code": spoilt["code"], "sn": "SMIT3B0002"})
    event = RoleLeft(**stamp(MERCHANT, clock), user_id=user_id)
    async with device.deps.db.pg(None) as pg:
        await record_left(device.deps, pg, [event])
    ids = {one["code_id"] for one in (old, used, spoilt, left)}
    fresh = await made(device.owner, store)
    assert {row["code_id"] for row in await listed(device.owner)} == {fresh["code_id"]}
    assert fresh["code_id"] not in ids


async def became(by, code):
    answer = await by("GET", f"{CODES}/{code['code_id']}")
    assert answer.status_code == 200
    return answer.json()


async def test_what_became_of_a_code(device, store, clock):
    """A used one names its device, even when another code has been made since; one that is over
    says why, and is never told as used."""
    user_id = uuid4()
    gone = device.caller(kind="user", subject=str(user_id), tenant_id=MERCHANT, permissions=OWNER)
    old = await made(device.owner, store)
    clock.advance(600)
    used, spoilt, revoked, fresh = [await made(device.owner, store, "SMIT3B0001") for _ in "1234"]
    left = await made(gone, store)
    enrolled = await device.edge(*ENROL, {"code": used["code"], "sn": "SMIT3B0001"})
    for _ in range(5):
        await device.edge(*ENROL, {"code": spoilt["code"], "sn": "SMIT3B0002"})
    await device.owner("DELETE", f"{CODES}/{revoked['code_id']}")
    async with device.deps.db.pg(None) as pg:
        await record_left(device.deps, pg, [RoleLeft(**stamp(MERCHANT, clock), user_id=user_id)])
    states = [
        (await became(device.owner, one))["state"]
        for one in (fresh, old, used, spoilt, revoked, left)
    ]
    assert states == ["open", "expired", "used", "spoilt", "revoked", "ended"]
    told = await became(device.owner, used)
    assert told["device"] == {
        "device_id": enrolled.json()["device_id"], "sn": "SMIT3B0001", "name": None,
        "status": "active",
    }  # fmt: skip
    assert (await became(device.owner, revoked))["device"] is None
    assert used["code"][:14] not in str(told)
    path = f"/api/merchant/v1/devices/{enrolled.json()['device_id']}/revoke"
    await device.owner("POST", path)
    clock.advance(600)
    told = await became(device.owner, used)
    assert (told["state"], told["device"]["status"]) == ("used", "revoked"), "used for good"
    assert (await became(device.owner, fresh))["state"] == "expired"


async def test_a_code_taken_back_enrols_nothing(device, store):
    code = await made(device.owner, store)
    path = f"{CODES}/{code['code_id']}"
    for _ in range(2):
        assert (await device.owner("DELETE", path)).status_code == 204
    assert await listed(device.owner) == []
    refused = await device.edge(*ENROL, {"code": code["code"], "sn": "QCF4000001"})
    assert (refused.status_code, refused.json()["code"]) == (409, "device.code_revoked")
    assert await device.database.value("SELECT count(*) FROM devices") == 0
    rows = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    events = [decode(row["payload"]) for row in rows]
    actions = [one.action for one in events if isinstance(one, DeviceAudited)]
    assert actions == ["device.code", "device.code_revoke"], "twice is once"


async def test_an_expired_code_stays_expired(device, store, clock):
    code = await made(device.owner, store)
    clock.advance(600)
    assert (await device.owner("DELETE", f"{CODES}/{code['code_id']}")).status_code == 204
    assert (await became(device.owner, code))["state"] == "expired"
    rows = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    assert [decode(row["payload"]).action for row in rows] == ["device.code"], "nothing was done"


async def test_a_used_code_cannot_be_taken_back(device, store):
    """The device is what one stops then."""
    code = await made(device.owner, store)
    await device.edge(*ENROL, {"code": code["code"], "sn": "QCF4000001"})
    refused = await device.owner("DELETE", f"{CODES}/{code['code_id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "device.code_used")


async def test_who_may_not(device, new_store):
    mine, other = await new_store(name="Mine"), await new_store(name="Other")
    clerk = device.caller(
        kind="user", subject=str(uuid4()), tenant_id=MERCHANT, permissions=OWNER, store_ids=[mine]
    )
    foreign = await made(device.stranger, await new_store(OTHER_MERCHANT))
    my_code, other_code = await made(device.owner, mine), await made(device.owner, other)
    assert [row["code_id"] for row in await listed(clerk)] == [my_code["code_id"]]
    for by, code_id, status in (
        (clerk, other_code["code_id"], 404),
        (device.owner, foreign["code_id"], 404),
        (device.owner, uuid4(), 404),
        (device.owner, "nothing", 404),
        (device.person(MERCHANT, {"devices.read"}), my_code["code_id"], 403),
    ):
        for method in ("GET", "DELETE"):
            assert (await by(method, f"{CODES}/{code_id}")).status_code == status
    assert (await device.person(MERCHANT, {"devices.read"})("GET", CODES)).status_code == 403
    assert len(await listed(device.owner)) == 2
    assert (await clerk("DELETE", f"{CODES}/{my_code['code_id']}")).status_code == 204


@pytest.mark.races
async def test_a_code_taken_back_at_the_moment_of_its_use(device, store):
    """Many times: a device and a used code, or no device and a revoked one."""
    seen = set()
    for turn in range(ROUNDS):
        code, sn = await made(device.owner, store), f"SN{turn:03}"
        enrolled, revoked = await race(
            turn,
            device.edge(*ENROL, {"code": code["code"], "sn": sn}),
            device.owner("DELETE", f"{CODES}/{code['code_id']}"),
            0.001,
        )
        pair = (enrolled.status_code, revoked.status_code)
        assert pair in {(201, 409), (409, 204)}, turn
        count = "SELECT count(*) FROM devices WHERE sn = $1"
        assert await device.database.value(count, sn) == (pair[0] == 201), turn
        seen.add(pair)
    assert len(seen) == 2


async def test_every_open_code_is_in_the_list(device, store, new_store, clock):
    """A merchant has at most a hundred, so that none works unseen; room comes with each that is
    over, and no other merchant is hindered."""

    def make():
        return device.owner("POST", CODES, {"store_id": str(store), "sn": None})

    first = await made(device.owner, store)
    for _ in range(98):
        await made(device.owner, store)
    for _ in range(10):
        # Eight at once; there is room for one.
        room = await together(*(make() for _ in range(8)))
        assert sorted(one.status_code for one in room) == [201] + [409] * 7
        codes = {one.json()["code"] for one in room if one.status_code == 409}
        assert codes == {"device.too_many_codes"}
        (last,) = [one.json() for one in room if one.status_code == 201]
        await device.owner("DELETE", f"{CODES}/{last['code_id']}")
    assert (await make()).status_code == 201
    rows = await listed(device.owner)
    assert len(rows) == 100
    assert first["code_id"] in {row["code_id"] for row in rows}
    await made(device.stranger, await new_store(OTHER_MERCHANT))
    await device.owner("DELETE", f"{CODES}/{first['code_id']}")
    await made(device.owner, store)
    assert (await make()).status_code == 409
    clock.advance(600)
    await made(device.owner, store)
