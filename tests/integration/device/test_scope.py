"""A person of one store acts on that store's devices, and bad input changes nothing (S131)."""

from uuid import uuid4

import pytest

from tests.integration.device.conftest import MERCHANT, OWNER

pytestmark = pytest.mark.asyncio
DEVICES = "/api/merchant/v1/devices"
BAD_TEXT = ["a\0b", "\ud800", "a\u2028b", "x" * 500]


async def _count(device):
    (row,) = await device.database.fetch(
        "SELECT (SELECT count(*) FROM enrolment_codes), (SELECT count(*) FROM outbox),"
        " (SELECT count(*) FROM devices WHERE status = 'revoked')"
    )
    return tuple(row)


async def test_a_person_of_one_store(device, new_store, enrol):
    mine, other = await new_store(name="Mine"), await new_store(name="Other")
    my_device, other_device = (
        await enrol(mine, sn="QCF5000001"),
        await enrol(other, sn="QCF5000002"),
    )
    clerk = device.caller(
        kind="user", subject=str(uuid4()), tenant_id=MERCHANT, permissions=OWNER, store_ids=[mine]
    )
    before = await _count(device)
    for method, path, body in (
        ("GET", f"{DEVICES}/{other_device['device_id']}", None),
        ("POST", f"{DEVICES}/{other_device['device_id']}/revoke", None),
        ("POST", f"{DEVICES}/codes", {"store_id": str(other)}),
        ("GET", f"{DEVICES}/{uuid4()}", None),
    ):
        assert (await clerk(method, path, body)).status_code == 404, path
    assert await _count(device) == before
    listed = (await clerk("GET", DEVICES)).json()["items"]
    assert [row["sn"] for row in listed] == ["QCF5000001"]
    assert (await clerk("GET", DEVICES, store_id=str(other))).json()["items"] == []
    assert (await clerk("POST", f"{DEVICES}/codes", {"store_id": str(mine)})).status_code == 201
    assert (await clerk("GET", f"{DEVICES}/{my_device['device_id']}")).status_code == 200
    assert (await clerk("POST", f"{DEVICES}/{my_device['device_id']}/revoke")).status_code == 200


@pytest.mark.parametrize("bad", BAD_TEXT)
async def test_bad_text_changes_nothing(device, store, bad):
    before = await _count(device)
    code = (await device.owner("POST", f"{DEVICES}/codes", {"store_id": str(store)})).json()["code"]
    body = {"code": code, "sn": "QCF5000003", "model": "D3"}
    for member in body:
        answer = await device.edge("POST", "/api/device/v1/enrol", body | {member: bad})
        assert answer.status_code == 422, (member, answer.text)
        assert member in str(answer.json()["errors"])
    answer = await device.owner("POST", f"{DEVICES}/codes", {"store_id": str(store), "sn": bad})
    assert answer.status_code == 422
    codes, events, revoked = await _count(device)
    assert (codes, events, revoked) == (before[0] + 1, before[1] + 1, before[2]), "the code alone"
