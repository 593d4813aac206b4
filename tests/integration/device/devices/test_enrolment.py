"""Enrolment: one code, one device, one key told once (S130; reliability-security §5.4)."""

import asyncio
import base64
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from services.device.devices.service import sweep
from shared.contracts.events.audit import DeviceAudited
from shared.contracts.events.base import decode
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked
from shared.keys.sealed import SealBroken, open_sealed
from tests.fixtures.races import ROUNDS, race, together
from tests.integration.device.conftest import MERCHANT, OTHER_MERCHANT

pytestmark = pytest.mark.asyncio
INVARIANT = Path("services/device/invariants/g7_codes_name_their_device.sql")
ENROL = ("POST", "/api/device/v1/enrol")
CODES = ("POST", "/api/merchant/v1/devices/codes")


async def said(device):
    """What was said of devices; the audit log (S132) is told once of each code that was made, and
    once of each device that one made."""
    rows = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    events = [decode(row["payload"]) for row in rows]
    audited = [event for event in events if isinstance(event, DeviceAudited)]
    codes = "SELECT count(*), count(used_at) FROM enrolment_codes"
    made, used = (await device.database.fetch(codes))[0]
    actions = [event.action for event in audited]
    assert (actions.count("device.code"), actions.count("device.enrol")) == (made, used)
    assert len(actions) == made + used
    return [event for event in events if not isinstance(event, DeviceAudited)]


async def test_a_code_makes_a_device_with_its_own_key(device, store, new_code, kek, clock):
    code = await new_code(store)
    answer = await device.edge(*ENROL, {"code": code, "sn": "QCF4000001", "model": "F4"})
    assert answer.status_code == 201
    found = answer.json()
    assert (found["merchant_id"], found["store_id"]) == (str(MERCHANT), str(store))
    assert found["server_time"] == int(clock.now().timestamp())
    key = base64.b64decode(found["key"], validate=True)
    assert len(key) == 32

    path = f"/internal/devices/{found['device_id']}/credential"
    credential = (await device.edge("GET", path)).json()
    assert credential["tenant_id"] == str(MERCHANT)
    assert credential["store_id"] == str(store)
    assert (credential["key_id"], credential["status"]) == (found["key_id"], "active")
    assert open_sealed(kek, credential["key_box"], credential["key_aad"]) == key
    with pytest.raises(SealBroken):
        open_sealed(kek, credential["key_box"], credential["key_aad"] + "0")

    (event,) = await said(device)
    assert isinstance(event, DeviceEnrolled)
    assert (str(event.device_id), event.tenant_id) == (found["device_id"], MERCHANT)
    assert (event.store_id, event.sn, event.model) == (store, "QCF4000001", "F4")
    me = await device.terminal(found["device_id"])("GET", "/api/device/v1/me")
    assert me.json() == {
        "device_id": found["device_id"],
        "sn": "QCF4000001",
        "store_id": str(store),
        "merchant_id": str(MERCHANT),
        "status": "active",
    }


async def test_twenty_at_once_and_one_device(device, store, new_code):
    """Two clerks, one code; a replayed request; a code read over a shoulder."""
    code = await new_code(store)
    answers = await asyncio.gather(
        *(device.edge(*ENROL, {"code": code, "sn": f"QCF40000{n:02}"}) for n in range(20))
    )
    assert sorted(a.status_code for a in answers) == [201] + [409] * 19
    codes = {a.json()["code"] for a in answers if a.status_code == 409}
    assert codes == {"device.code_used"}
    assert await device.database.value("SELECT count(*) FROM devices") == 1
    assert len(await said(device)) == 1


@pytest.mark.races
async def test_a_code_used_beside_a_revocation(device, store, new_code):
    """Many times: one of two gets the code; and the device is revoked or active as a whole, with
    the last word said last."""
    first = await device.edge(*ENROL, {"code": await new_code(store), "sn": "QCF4000001"})
    device_id = first.json()["device_id"]
    ended = set()
    for turn in range(ROUNDS):
        code = await new_code(store)

        tries, revoked = await race(
            turn,
            together(*(device.edge(*ENROL, {"code": code, "sn": "QCF4000001"}) for _ in range(2))),
            device.owner("POST", f"/api/merchant/v1/devices/{device_id}/revoke"),
        )
        assert sorted(a.status_code for a in tries) == [201, 409]
        assert revoked.status_code == 200
        row = (await device.database.fetch("SELECT status, revoked_at FROM devices"))[0]
        assert (row["status"] == "revoked") == (row["revoked_at"] is not None)
        word = (DeviceEnrolled, DeviceRevoked)[row["status"] == "revoked"]
        rows = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
        told = [type(decode(row["payload"])) for row in rows]
        assert [one for one in told if one is not DeviceAudited][-1] is word
        ended.add(row["status"])
    assert await device.database.value("SELECT count(*) FROM devices") == 1
    assert ended == {"active", "revoked"}


async def test_an_expired_code(device, store, new_code, clock):
    code = await new_code(store)
    clock.advance(600)
    answer = await device.edge(*ENROL, {"code": code, "sn": "QCF4000001"})
    assert (answer.status_code, answer.json()["code"]) == (409, "device.code_expired")
    assert await device.database.value("SELECT count(*) FROM devices") == 0


async def test_a_code_typed_by_hand(device, store, new_code):
    code = await new_code(store)
    typed = " " + code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert (await device.edge(*ENROL, {"code": typed, "sn": "QCF4000001"})).status_code == 201


@pytest.mark.parametrize(
    "code", ["ABCD-EFGH-JKMN-PQRS", "ABCD", "-", "UUUU-UUUU-UUUU-UUUU", "豆娘"]
)
async def test_codes_nobody_made(device, code):
    answer = await device.edge(*ENROL, {"code": code, "sn": "QCF4000001"})
    assert (answer.status_code, answer.json()["code"]) == (404, "device.unknown_code")


async def test_a_code_for_one_number(device, store, new_code):
    code = await new_code(store, sn="SMIT3B0001")
    answer = await device.edge(*ENROL, {"code": code, "sn": "SMIT3B0002"})
    assert (answer.status_code, answer.json()["code"]) == (409, "device.sn_mismatch")
    assert (await device.edge(*ENROL, {"code": code, "sn": "SMIT3B0001"})).status_code == 201


async def test_too_many_wrong_numbers_spoil_a_code(device, store, new_code):
    code = await new_code(store, sn="SMIT3B0001")
    for _ in range(5):
        await device.edge(*ENROL, {"code": code, "sn": "SMIT3B0002"})
    answer = await device.edge(*ENROL, {"code": code, "sn": "SMIT3B0001"})
    assert (answer.status_code, answer.json()["code"]) == (409, "device.code_spoilt")


async def test_the_same_device_again_gets_a_new_key(device, new_store, enrol, kek):
    """A device that was reset: same device, new key, and the old key is dropped everywhere."""
    first_store, second_store = await new_store(), await new_store(name="Side street")
    first = await enrol(first_store, model="F4")
    second = await enrol(second_store)
    assert second["device_id"] == first["device_id"]
    held = "SELECT model FROM devices"
    assert await device.database.value(held) == "F4", "known, though the second time did not say it"
    assert second["key_id"] != first["key_id"]
    assert second["key"] != first["key"]
    path = f"/internal/devices/{first['device_id']}/credential"
    credential = (await device.edge("GET", path)).json()
    assert credential["key_id"] == second["key_id"]
    assert credential["store_id"] == str(second_store)
    assert open_sealed(kek, credential["key_box"], credential["key_aad"]) == base64.b64decode(
        second["key"]
    )
    assert [(type(event), event.store_id) for event in await said(device)] == [
        (DeviceEnrolled, first_store),
        (DeviceEnrolled, second_store),
    ]


async def test_two_codes_for_one_number_at_once(device, store, new_code):
    codes = [await new_code(store) for _ in range(6)]
    answers = await asyncio.gather(
        *(device.edge(*ENROL, {"code": code, "sn": "QCF4000001"}) for code in codes)
    )
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["device_id"] for a in answers}) == 1
    assert len({a.json()["key"] for a in answers}) == 6


async def test_the_invariant_of_codes_sees_a_device_in_another_store(
    device, new_store, enrol, clock
):
    """G7: enrolled again elsewhere it may be there; moved by anything else it may not, and neither
    may it belong to somebody else."""
    first_store, second_store = await new_store(), await new_store(name="Side street")
    strange = await new_store(OTHER_MERCHANT)
    found = await enrol(first_store)
    clock.advance(1)
    await enrol(second_store)
    # The invariant goes by the database's clock.
    await device.database.execute("UPDATE enrolment_codes SET expires_at = now()")
    ask = partial(device.database.fetch, INVARIANT.read_text())
    assert await ask() == []
    move = "UPDATE devices SET store_id = $1"
    await device.database.execute(move, first_store)
    (broken,) = await ask()
    assert str(broken["device_id"]) == found["device_id"]
    await device.database.execute(move, second_store)
    assert await ask() == []
    await device.database.execute(move + ", tenant_id = $2", strange, OTHER_MERCHANT)
    assert len(await ask()) == 2


async def test_merchants_may_have_devices_of_one_number(device, store, new_store, new_code, enrol):
    """A device that changed hands: each merchant has its own, and neither sees the other's."""
    first = await enrol(store)
    theirs = await new_code(await new_store(OTHER_MERCHANT), by=device.stranger)
    second = (await device.edge(*ENROL, {"code": theirs, "sn": "QCF4000001"})).json()
    assert second["device_id"] != first["device_id"]
    assert second["merchant_id"] == str(OTHER_MERCHANT)


async def test_a_foreign_or_unknown_store_is_404(device, new_store):
    foreign = await new_store(OTHER_MERCHANT)
    for store_id in (foreign, uuid4()):
        answer = await device.owner(*CODES, {"store_id": str(store_id)})
        assert (answer.status_code, answer.json()["code"]) == (404, "device.unknown_store")


async def test_no_code_and_no_key_is_stored_in_clear(device, store, new_code):
    code = await new_code(store)
    answer = await device.edge(*ENROL, {"code": code, "sn": "QCF4000001"})
    key = answer.json()["key"]
    letters = code.replace("-", "")
    dump = await everything(device.database)
    assert answer.json()["device_id"] in dump
    for secret in (code, letters, letters.lower(), key, base64.b64decode(key).hex()):
        assert secret not in dump


async def everything(database):
    """All rows of all tables as text, binary columns in hex and, where they are text, as text."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    parts = []
    for table in tables:
        for row in await database.fetch(f"SELECT t.* FROM {table['tablename']} t"):
            for value in row.values():
                parts.append(str(value))
                if isinstance(value, bytes):
                    parts += [value.hex(), value.decode("latin-1")]
    return "\n".join(parts)


async def test_old_codes_are_forgotten(device, store, new_code, clock):
    await new_code(store)
    clock.advance(31 * 24 * 3600)
    await sweep(device.deps)
    assert await device.database.value("SELECT count(*) FROM enrolment_codes") == 0


@pytest.mark.parametrize(
    "body",
    [
        {"code": "ABCD-EFGH-JKMN-PQRS"},
        {"code": "ABCD-EFGH-JKMN-PQRS", "sn": "a b"},
        {"code": "ABCD-EFGH-JKMN-PQRS", "sn": "ab\u0000cd"},
        {"code": 1234, "sn": "QCF4000001"},
        {"code": "ABCD-EFGH-JKMN-PQRS", "sn": "QCF4000001", "model": "\u0000"},
        {"code": "ABCD-EFGH-JKMN-PQRS", "sn": "QCF4000001", "tenant_id": str(MERCHANT)},
    ],
)
async def test_strict_bodies(device, body):
    answer = await device.edge(*ENROL, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")


async def test_the_audit_log_is_told_of_each_enrolment(device, new_store, new_code):
    """Also of one that replaces a key and takes the device to another store."""
    place = {"X-Client-Address": "203.0.113.9", "X-Request-ID": "r-enrol"}
    stores = [await new_store(), await new_store()]
    for store in stores:
        body = {"code": await new_code(store), "sn": "QCF4000001"}
        found = (await device.edge(*ENROL, body, sent=place)).json()
    assert (await device.edge(*ENROL, body)).status_code == 409, "a refused one is no enrolment"
    rows = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    told = [one for one in (decode(row["payload"]) for row in rows) if hasattr(one, "action")]
    assert [one.action for one in told] == ["device.code", "device.enrol"] * 2
    for turn, (code, entry) in enumerate(zip(told[::2], told[1::2], strict=True)):
        assert (entry.actor, entry.subject_id) == (f"device:{found['device_id']}",
                                                   found["device_id"])  # fmt: skip
        assert (entry.request_id, entry.address) == ("r-enrol", "203.0.113.9")
        assert entry.after == {
            "sn": "QCF4000001", "store_id": str(stores[turn]), "key_version": turn + 1,
            "code_id": code.subject_id, "enrolled_by": code.actor,
        }  # fmt: skip
    assert told[1].before is None
    assert told[3].before == {"store_id": str(stores[0]), "key_version": 1}
