"""An enrolment code asked for twice, in its last moment, or beside its maker's end, many times
each: one device, or none (ASVS 6.4.1, 15.4.2)."""

from uuid import uuid4

import pytest

from services.device.consumers import handlers
from shared.contracts.events.base import decode, stamp
from shared.contracts.events.binding import RoleLeft
from shared.contracts.events.device import DeviceEnrolled
from tests.fixtures.races import ROUNDS, race
from tests.integration.device.conftest import MERCHANT, OWNER

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
ENROL = ("POST", "/api/device/v1/enrol")
CODES = ("POST", "/api/merchant/v1/devices/codes")


async def enrolled(device, sn):
    """(devices of that number, how often their enrolment was said)."""
    rows = await device.database.fetch("SELECT payload FROM outbox")
    events = [decode(row["payload"]) for row in rows]
    count = "SELECT count(*) FROM devices WHERE sn = $1"
    return (
        await device.database.value(count, sn),
        sum(isinstance(event, DeviceEnrolled) and event.sn == sn for event in events),
    )


async def test_two_devices_with_one_code(device, store, new_code):
    """The loser is told, and is nobody's device."""
    for turn in range(ROUNDS):
        code = await new_code(store)
        numbers = [f"SN{turn:03}{n}" for n in range(2)]
        answers = await race(
            turn, *(device.edge(*ENROL, {"code": code, "sn": sn}) for sn in numbers), 0.001
        )
        for answer, sn in zip(answers, numbers, strict=True):
            is_in = answer.status_code == 201
            assert await enrolled(device, sn) == ((1, 1) if is_in else (0, 0)), turn
        assert sorted(answer.status_code for answer in answers) == [201, 409], turn
        await device.database.execute("DELETE FROM outbox")


async def test_a_code_in_its_last_moment(device, store, new_code, clock):
    seen = set()
    for turn in range(ROUNDS):
        code, sn = await new_code(store), f"SN{turn:03}"

        async def pass_by():
            clock.advance(600)

        answer, _ = await race(
            turn, device.edge(*ENROL, {"code": code, "sn": sn}), pass_by(), 0.001
        )
        is_in = answer.status_code == 201
        assert await enrolled(device, sn) == ((1, 1) if is_in else (0, 0)), turn
        seen.add(answer.status_code)
        assert (await device.edge(*ENROL, {"code": code, "sn": sn})).status_code == 409
    assert seen == {201, 409}


async def test_a_code_beside_its_makers_end(device, store, clock):
    """Enrolled before the word came, or not at all; after it none of that person's codes serves."""
    seen = set()
    for turn in range(ROUNDS):
        person, sn = uuid4(), f"SN{turn:03}"
        maker = device.caller(
            kind="user", subject=str(person), tenant_id=MERCHANT, permissions=OWNER
        )
        codes = [(await maker(*CODES, {"store_id": str(store)})).json()["code"] for _ in range(2)]

        async def leave(person=person):
            event = RoleLeft(**stamp(MERCHANT, clock), user_id=person)
            async with device.deps.db.pg(None) as pg:
                await handlers.by_type[RoleLeft.type](device.deps, pg, [event])

        answer, _ = await race(
            turn, device.edge(*ENROL, {"code": codes[0], "sn": sn}), leave(), 0.001
        )
        is_in = answer.status_code == 201
        assert await enrolled(device, sn) == ((1, 1) if is_in else (0, 0)), turn
        seen.add(answer.status_code)
        late = await device.edge(*ENROL, {"code": codes[1], "sn": sn})
        assert (late.status_code, late.json()["code"]) == (409, "device.code_ended"), turn
    assert seen == {201, 409}
