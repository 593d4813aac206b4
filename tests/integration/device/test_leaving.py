"""Enrolment codes end with the power of the person who made them: they are disabled, or get another
role, and binding says so (SECURITY.md)."""

from uuid import uuid4

import pytest

from services.device.consumers import handlers
from services.device.service import sweep
from shared.events.base import stamp
from shared.events.binding import RoleLeft
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
