"""A device is named and moved: who may, what is said, what is untouched (S132, parts of S59)."""

import asyncio
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from shared.contracts.events.audit import DeviceAudited
from shared.contracts.events.base import decode
from shared.contracts.events.device import DeviceMoved
from tests.integration.device.conftest import MERCHANT, OTHER_MERCHANT, OWNER

pytestmark = pytest.mark.asyncio
DEVICES = "/api/merchant/v1/devices"
INVARIANT = Path("services/device/invariants/g7_codes_name_their_device.sql")


async def said(device):
    rows = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    events = [decode(row["payload"]) for row in rows]
    moved = [one for one in events if isinstance(one, DeviceMoved)]
    audited = [one for one in events if isinstance(one, DeviceAudited)]
    return moved, [one for one in audited if one.action in {"device.rename", "device.move"}]


@pytest.fixture
def change(device):
    """change(device_id, **body) as the owner, from the version that is there now."""

    async def send(device_id, by=None, **body):
        path = f"{DEVICES}/{device_id}"
        if "version" not in body:
            body["version"] = (await device.owner("GET", path)).json()["version"]
        return await (by or device.owner)("PATCH", path, body)

    return send


async def test_a_device_gets_a_name_and_loses_it(device, store, enrol, change):
    found = await enrol(store)
    named = (await change(found["device_id"], name="收银台 1")).json()
    assert (named["name"], named["version"], named["sn"]) == ("收银台 1", 2, "QCF4000001")
    assert (await change(found["device_id"], name="收银台 1")).json()["version"] == 2, "no change"
    cleared = (await change(found["device_id"], name="")).json()
    assert (cleared["name"], cleared["version"]) == (None, 3)
    moved, audited = await said(device)
    assert moved == []
    assert [(one.before, one.after) for one in audited] == [
        ({"name": None}, {"name": "收银台 1", "sn": "QCF4000001"}),
        ({"name": "收银台 1"}, {"name": None, "sn": "QCF4000001"}),
    ]
    assert all(one.actor.startswith("user:") for one in audited)


async def test_a_name_is_searched_like_a_number(device, store, enrol, change):
    for number in range(3):
        await enrol(store, sn=f"QCF400000{number}")
    wanted = (await device.owner("GET", DEVICES)).json()["items"][1]
    await change(wanted["device_id"], name="外卖窗口")
    for text, total in (("外卖", 1), ("qcf4", 3), ("0001", 1), ("%", 0), ("", 3)):
        assert (await device.owner("GET", DEVICES, q=text)).json()["total"] == total, text


async def test_a_move_is_said_and_keeps_the_key(device, new_store, enrol, change, clock):
    """The edge forgets where it stood by the event; key and id stay, so nobody enrols again."""
    first, second = await new_store(name="Main"), await new_store(name="Side")
    found = await enrol(first)
    clock.advance(1)
    moved = (await change(found["device_id"], store_id=str(second))).json()
    assert (moved["store_id"], moved["store_name"]) == (str(second), "Side")
    credential = (
        await device.edge("GET", f"/internal/devices/{found['device_id']}/credential")
    ).json()
    assert (credential["store_id"], credential["key_id"]) == (str(second), found["key_id"])
    (event,), (entry,) = await said(device)
    assert (str(event.device_id), event.store_id) == (found["device_id"], second)
    assert event.tenant_id == MERCHANT
    assert (entry.action, entry.subject_id) == ("device.move", found["device_id"])
    assert (entry.before, entry.after) == (
        {"store_id": str(first)}, {"store_id": str(second), "sn": "QCF4000001"},
    )  # fmt: skip
    # The invariant goes by the database's clock.
    await device.database.execute("UPDATE enrolment_codes SET expires_at = now()")
    ask = partial(device.database.fetch, INVARIANT.read_text())
    assert await ask() == [], "a person moved it"
    await device.database.execute("UPDATE devices SET moved_at = NULL")
    assert len(await ask()) == 1, "nobody did"


async def test_both_at_once_and_nothing_half(device, new_store, enrol, change):
    first, second = await new_store(name="Main"), await new_store(name="Side")
    foreign = await new_store(OTHER_MERCHANT)
    device_id = (await enrol(first))["device_id"]
    for store_id in (foreign, uuid4()):
        refused = await change(device_id, name="x", store_id=str(store_id))
        assert (refused.status_code, refused.json()["code"]) == (404, "device.unknown_store")
    shown = (await device.owner("GET", f"{DEVICES}/{device_id}")).json()
    assert (shown["name"], shown["version"], shown["store_id"]) == (None, 1, str(first))
    assert await said(device) == ([], [])
    both = (await change(device_id, name="吧台", store_id=str(second))).json()
    assert (both["name"], both["store_name"], both["version"]) == ("吧台", "Side", 2)


async def test_two_windows(device, store, enrol, change):
    device_id = (await enrol(store))["device_id"]
    assert (await change(device_id, name="一", version=1)).status_code == 200
    late = await change(device_id, name="二", version=1)
    assert (late.status_code, late.json()["code"]) == (409, "device.stale_version")
    assert late.json()["current_version"] == 2
    answers = await asyncio.gather(
        *(change(device_id, name=f"第{turn}次", version=2) for turn in range(6))
    )
    assert sorted(one.status_code for one in answers) == [200] + [409] * 5


async def test_enrolled_again_it_keeps_its_name(device, new_store, enrol, change):
    first, second = await new_store(), await new_store(name="Side")
    found = await enrol(first)
    await change(found["device_id"], name="吧台")
    await enrol(second)
    shown = (await device.owner("GET", f"{DEVICES}/{found['device_id']}")).json()
    assert (shown["name"], shown["store_id"], shown["version"]) == ("吧台", str(second), 3)


async def test_who_may_not(device, new_store, enrol, change):
    """Nothing of another merchant's, nothing without the right, and a person of one store neither
    takes a device from another store nor gives one away."""
    mine, other = await new_store(name="Mine"), await new_store(name="Other")
    my_device = (await enrol(mine, sn="QCF4000001"))["device_id"]
    other_device = (await enrol(other, sn="QCF4000002"))["device_id"]
    clerk = device.caller(
        kind="user", subject=str(uuid4()), tenant_id=MERCHANT, permissions=OWNER, store_ids=[mine]
    )
    reader = device.person(MERCHANT, {"devices.read"})
    for by, device_id, body, status in (
        (device.stranger, my_device, {"name": "x"}, 404),
        (reader, my_device, {"name": "x"}, 403),
        (clerk, other_device, {"name": "x"}, 404),
        (clerk, other_device, {"store_id": str(mine)}, 404),
        (clerk, my_device, {"store_id": str(other)}, 404),
        (clerk, "nothing", {"name": "x"}, 404),
    ):
        answer = await change(device_id, by=by, version=1, **body)
        assert answer.status_code == status, (device_id, body)
    assert await said(device) == ([], [])
    assert (await change(my_device, by=clerk, name="我的", version=1)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [{"name": " x"}, {"name": "x" * 65}, {"name": "a\u2028b"}, {"name": 1}, {"store_id": "x"},
     {"sn": "QCF4000009"}, {"version": -1}],
)  # fmt: skip
async def test_what_cannot_be_is_pointed_at(device, store, enrol, wrong):
    found = await enrol(store)
    path = f"{DEVICES}/{found['device_id']}"
    answer = await device.owner("PATCH", path, {"version": 1, "name": "x"} | wrong)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/{next(iter(wrong))}"]


@pytest.mark.parametrize(
    ("sn", "given", "model"),
    [
        ("QCF420190720054414", None, "支付宝盒F4 蜻蜓青春版"),
        ("hqf4h0001", None, "支付宝盒F4 蜻蜓青春版"),
        ("SMIT3B0001", None, "商米 T3B"),
        ("QCF4000001", "D3", "D3"),
        ("OTHER0001", None, None),
    ],
)
async def test_the_model_is_known_by_the_number(device, store, enrol, sn, given, model):
    """Parts of S59: what the device did not say, its number tells."""
    await enrol(store, sn=sn, **({"model": given} if given else {}))
    (shown,) = (await device.owner("GET", DEVICES)).json()["items"]
    assert shown["model"] == model


@pytest.mark.parametrize(
    ("sn", "said", "kind"),
    [
        ("QCF4000001", {"kind": "test_cashier"}, "test_cashier"),
        ("TEST-0001", {"kind": "test_cashier"}, "test_cashier"),
        ("TEST-0001", {"kind": "terminal"}, "terminal"),
        ("QCF4000001", {}, "terminal"),
        ("TESTER0001", {}, "terminal"),
        # As a page of the console from before asks, which says nothing else.
        ("TEST-0001", {}, "test_cashier"),
    ],
)
async def test_a_device_is_what_it_said(device, store, enrol, sn, said, kind):
    """In the list and in the event, and anew whenever it is enrolled."""
    for change in ({"kind": "test_cashier"}, said):
        await enrol(store, sn=sn, **change)
    (shown,) = (await device.owner("GET", DEVICES)).json()["items"]
    assert shown["kind"] == kind
    payloads = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    told = [event.kind for row in payloads if hasattr(event := decode(row["payload"]), "kind")]
    assert told == ["test_cashier", kind]


@pytest.mark.parametrize("wrong", ["", "pos", 1, "TEST-"])
async def test_nobody_is_of_another_kind(device, store, new_code, wrong):
    body = {"code": await new_code(store), "sn": "QCF4000001", "kind": wrong}
    answer = await device.edge("POST", "/api/device/v1/enrol", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/kind")


@pytest.mark.parametrize("wanted", [{"name": "吧台"}, {"name": ""}, {"store_id": None}])
async def test_a_revoked_device_stays_as_it_is(device, new_store, enrol, change, wanted):
    """Neither renamed nor moved: it is evidence, until it is enrolled again."""
    first, second = await new_store(), await new_store(name="Side")
    device_id = (await enrol(first))["device_id"]
    await device.owner("POST", f"{DEVICES}/{device_id}/revoke")
    body = {"store_id": str(second)} if "store_id" in wanted else wanted
    refused = await change(device_id, **body)
    assert (refused.status_code, refused.json()["code"]) == (409, "device.revoked")
    shown = (await device.owner("GET", f"{DEVICES}/{device_id}")).json()
    assert (shown["name"], shown["store_id"], shown["version"]) == (None, str(first), 1)
    assert await said(device) == ([], [])
    await enrol(first)
    assert (await change(device_id, **body)).status_code == 200
