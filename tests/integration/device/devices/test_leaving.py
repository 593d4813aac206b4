"""Enrolment codes and test cashiers end with the power of the person who made them: they are
disabled, or get another role, and binding says so. Codes end with the password, too (SECURITY.md).
"""

from uuid import uuid4

import pytest

from services.device.consumers import handlers
from services.device.devices.service import sweep
from shared.contracts.events.audit import DeviceAudited
from shared.contracts.events.base import decode, stamp
from shared.contracts.events.binding import (
    MerchantResumed,
    MerchantSuspended,
    PasswordRenewed,
    RoleLeft,
)
from shared.contracts.events.device import DeviceRevoked
from tests.fixtures.races import ROUNDS, race
from tests.integration.device.conftest import MERCHANT, OTHER_MERCHANT, OWNER

pytestmark = pytest.mark.asyncio
ENROL = ("POST", "/api/device/v1/enrol")
CODES = ("POST", "/api/merchant/v1/devices/codes")


@pytest.fixture
def maker(device):
    """maker() -> (the id of a person of the merchant, the person's caller)."""

    def make(tenant_id=MERCHANT):
        user_id = uuid4()
        return user_id, device.caller(
            kind="user", subject=str(user_id), tenant_id=tenant_id, permissions=OWNER
        )

    return make


@pytest.fixture
def leaves(device, clock):
    """leaves(user_id, tenant) as binding tells it."""

    async def tell(user_id, tenant_id=MERCHANT, **more):
        event = RoleLeft(**(stamp(tenant_id, clock) | more), user_id=user_id)
        async with device.deps.db.pg(None) as pg:
            await handlers.by_type["role.left.v1"](device.deps, pg, [event])
        return event

    return tell


async def made(caller, store):
    answer = await caller(*CODES, {"store_id": str(store)})
    assert answer.status_code == 201
    return answer.json()["code"]


async def test_the_codes_of_a_person_who_left_enrol_nothing(
    device, store, maker, leaves, new_code, clock
):
    gone, gone_caller = maker()
    theirs, others = await made(gone_caller, store), await new_code(store)
    await leaves(gone)
    refused = await device.edge(*ENROL, {"code": theirs, "sn": "QCF4000001"})
    assert (refused.status_code, refused.json()["code"]) == (409, "device.code_ended")
    assert await device.database.value("SELECT count(*) FROM devices") == 0
    assert (await device.edge(*ENROL, {"code": others, "sn": "QCF4000001"})).status_code == 201


async def test_also_of_an_operator_who_acted_for_the_merchant(device, store, maker, leaves):
    """The person's organisation is another tenant than the code's."""
    gone, acting = maker()
    theirs = await made(acting, store)
    await leaves(gone, OTHER_MERCHANT)
    refused = await device.edge(*ENROL, {"code": theirs, "sn": "QCF4000001"})
    assert refused.json()["code"] == "device.code_ended"


async def test_a_code_made_while_the_edge_still_remembers_the_session(
    device, store, maker, leaves, clock
):
    """A session is believed for 15 s, a token for 60 s: what is made then is made in vain, and what
    a person makes who is back in the role is good."""
    person, caller = maker()
    await leaves(person)
    clock.advance(75)
    late = await made(caller, store)
    refused = await device.edge(*ENROL, {"code": late, "sn": "QCF4000001"})
    assert refused.json()["code"] == "device.code_ended"
    clock.advance(45)
    back = await made(caller, store)
    assert (await device.edge(*ENROL, {"code": back, "sn": "QCF4000001"})).status_code == 201


async def test_events_in_any_order_and_twice(device, store, maker, leaves, clock):
    person, caller = maker()
    at = clock.now()
    clock.advance(300)
    theirs = await made(caller, store)
    later = await leaves(person)
    async with device.deps.db.pg(None) as pg:
        await handlers.by_type["role.left.v1"](device.deps, pg, [later, later])
    await leaves(person, occurred_at=at)
    refused = await device.edge(*ENROL, {"code": theirs, "sn": "QCF4000001"})
    assert refused.json()["code"] == "device.code_ended"
    # In one batch, and nothing is known of that person yet: only the batch says which is later.
    other, caller = maker()
    earlier = RoleLeft(**stamp(MERCHANT, clock), user_id=other)
    clock.advance(300)
    between = await made(caller, store)
    later = RoleLeft(**stamp(MERCHANT, clock), user_id=other)
    await device.database.execute("DELETE FROM left_roles")
    async with device.deps.db.pg(None) as pg:
        await handlers.by_type["role.left.v1"](device.deps, pg, [later, earlier])
    refused = await device.edge(*ENROL, {"code": between, "sn": "QCF4000001"})
    assert refused.json()["code"] == "device.code_ended"


async def test_who_left_is_forgotten_when_no_code_can_be_left(device, store, maker, leaves, clock):
    person, caller = maker()
    theirs = await made(caller, store)
    await leaves(person)
    clock.advance(9 * 60)
    await sweep(device.deps)
    refused = await device.edge(*ENROL, {"code": theirs, "sn": "QCF4000001"})
    assert refused.json()["code"] == "device.code_ended", "not while it would still be good"
    clock.advance(60 * 60)
    await sweep(device.deps)
    assert await device.database.value("SELECT count(*) FROM left_roles") == 0


async def enrolled(device, caller, store, sn, kind="test_cashier"):
    body = {"code": await made(caller, store), "sn": sn, "kind": kind}
    answer = await device.edge(*ENROL, body)
    assert answer.status_code == 201
    return answer.json()["device_id"]


async def status_of(device, device_id):
    path = f"/internal/devices/{device_id}/credential"
    return (await device.edge("GET", path)).json()["status"]


async def test_a_test_cashier_goes_with_its_person(device, store, maker, leaves, clock):
    """It stands in a browser of theirs, and would go on selling in their hand. A terminal is the
    shop's and stays; so does what others enrolled."""
    gone, caller = maker()
    theirs = await enrolled(device, caller, store, "TEST-00000001")
    till = await enrolled(device, caller, store, "QCF4000001", "terminal")
    other = await enrolled(device, device.owner, store, "TEST-00000002")
    clock.advance(40 * 24 * 3600)
    await sweep(device.deps)
    assert await device.database.value("SELECT count(*) FROM enrolment_codes") == 0, "forgotten"
    await leaves(gone)
    assert [await status_of(device, one) for one in (theirs, till, other)] == [
        "revoked", "active", "active",
    ]  # fmt: skip
    rows = await device.database.fetch("SELECT payload FROM outbox ORDER BY seq")
    events = [decode(row["payload"]) for row in rows]
    assert [str(one.device_id) for one in events if isinstance(one, DeviceRevoked)] == [theirs]
    (entry,) = [
        one for one in events if isinstance(one, DeviceAudited) and one.action == "device.revoke"
    ]
    assert (entry.actor, entry.subject_id, entry.tenant_id) == ("platform", theirs, MERCHANT)
    assert entry.after == {
        "sn": "TEST-00000001", "enrolled_by": f"user:{gone}", "why": "role_left",
    }  # fmt: skip
    shown = (await device.owner("GET", f"/api/merchant/v1/devices/{theirs}")).json()
    assert shown["revoked_at"] is not None


async def test_a_test_cashier_of_somebody_who_is_back_stays(device, store, maker, leaves, clock):
    """However late the event is heard, and however often."""
    person, caller = maker()
    left_at = clock.now()
    late = await made(caller, store)
    clock.advance(300)
    body = {"code": late, "sn": "TEST-00000001", "kind": "test_cashier"}
    before = (await device.edge(*ENROL, body)).json()["device_id"]
    after = await enrolled(device, caller, store, "TEST-00000002")
    for _ in range(2):
        await leaves(person, occurred_at=left_at)
    assert [await status_of(device, one) for one in (before, after)] == ["revoked", "active"]


async def test_enrolled_by_somebody_else_it_is_theirs(device, store, maker, leaves):
    gone, caller = maker()
    device_id = await enrolled(device, caller, store, "TEST-00000001")
    assert await enrolled(device, device.owner, store, "TEST-00000001") == device_id
    await leaves(gone)
    assert await status_of(device, device_id) == "active"


@pytest.mark.races
async def test_a_test_cashier_enrolled_while_its_person_leaves(device, store, maker, leaves):
    """Many times: none, or one that is revoked."""
    seen = set()
    for turn in range(ROUNDS):
        person, caller = maker()
        body = {"code": await made(caller, store), "sn": f"TEST-{turn:08}", "kind": "test_cashier"}
        enrolment, _ = await race(turn, device.edge(*ENROL, body), leaves(person), 0.001)
        seen.add(enrolment.status_code)
        if enrolment.status_code == 201:
            assert await status_of(device, enrolment.json()["device_id"]) == "revoked", turn
        else:
            assert enrolment.json()["code"] == "device.code_ended", turn
    assert seen == {201, 409}


async def test_a_new_password_ends_the_codes_of_the_former_one(device, store, maker, clock):
    """Whoever knew the former one may have made them. What is made after it is good at once, and
    what is enrolled already stays the merchant's."""
    person, caller = maker()
    cashier = await enrolled(device, caller, store, "TEST-00000001")
    former, other = await made(caller, store), await made(device.owner, store)
    clock.advance(1)
    event = PasswordRenewed(**stamp(MERCHANT, clock), user_id=person)
    clock.advance(1)
    fresh = await made(caller, store)
    async with device.deps.db.pg(None) as pg:
        await handlers.by_type["password.renewed.v1"](device.deps, pg, [event])
    refused = await device.edge(*ENROL, {"code": former, "sn": "QCF4000001"})
    assert (refused.status_code, refused.json()["code"]) == (409, "device.code_ended")
    for code, sn in ((other, "QCF4000002"), (fresh, "QCF4000003")):
        assert (await device.edge(*ENROL, {"code": code, "sn": sn})).status_code == 201
    assert await status_of(device, cashier) == "active"
    clock.advance(60 * 60)
    await sweep(device.deps)
    assert await device.database.value("SELECT count(*) FROM left_roles") == 0


@pytest.fixture
def hears(device):
    async def tell(*events):
        async with device.deps.db.pg(None) as pg:
            await handlers.by_type[events[0].type](device.deps, pg, list(events))

    return tell


async def test_a_suspended_merchant_gets_no_device(device, store, new_store, hears, clock):
    """By no code from before, nor by one that a session makes which the edge still believes. What
    is made after it was resumed is good, however late and often the suspension is heard of."""
    before = await made(device.owner, store)
    used = await made(device.owner, store)
    assert (await device.edge(*ENROL, {"code": used, "sn": "QCF4000001"})).status_code == 201
    other = await made(device.stranger, await new_store(OTHER_MERCHANT))
    suspended = MerchantSuspended(**stamp(MERCHANT, clock))
    clock.advance(1)
    between = await made(device.owner, store)
    await hears(suspended)
    clock.advance(1)
    late = await made(device.owner, store)
    for code in (before, between, late):
        refused = await device.edge(*ENROL, {"code": code, "sn": "QCF4000002"})
        assert (refused.status_code, refused.json()["code"]) == (409, "device.code_revoked")
    clock.advance(1)
    resumed = MerchantResumed(**stamp(MERCHANT, clock))
    clock.advance(1)
    after = await made(device.owner, store)
    for told in ([resumed], [suspended], [resumed, suspended]):
        await hears(*told)
    for code in (between, late):
        assert (await device.edge(*ENROL, {"code": code, "sn": "QCF4000002"})).status_code == 409
    for code, sn in ((other, "QCF4000002"), (after, "QCF4000003")):
        assert (await device.edge(*ENROL, {"code": code, "sn": sn})).status_code == 201
    assert await device.database.value("SELECT count(*) FROM devices") == 3
