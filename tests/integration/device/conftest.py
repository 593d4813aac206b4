"""The device service behind its own HTTP door, with its real database, as the edge sees it."""

from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from services.device.app import create_app
from services.device.config import DeviceConfig
from services.device.devices.service import record_stores
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated
from tests.integration.served import callers, served

MERCHANT = UUID("01a20000-0000-7000-8000-000000000001")
OTHER_MERCHANT = UUID("01a20000-0000-7000-8000-000000000002")
OWNER = frozenset({"devices.read", "devices.write"})


@pytest_asyncio.fixture(scope="module")
async def service_app(kept_db, standing_clock, kek_file, service_keys):
    """The service, started once for the module: (app, HTTP client)."""
    database = await kept_db("device")
    config = DeviceConfig(
        DATABASE_URL_DEVICE=database.app_url,
        DATABASE_SYSTEM_URL_DEVICE=database.system_url,
        kafka_bootstrap="127.0.0.1:1",
        service_key_file=service_keys.key_file("device"),
        service_trust_file=service_keys.trust_file,
        KEK_FILE=kek_file,
    )
    app = create_app(config, standing_clock)
    async with served(app, "device") as client:
        yield app, client


@pytest_asyncio.fixture
async def device(service_app, service_db, clock, service_keys):
    """.deps, .database, callers .edge, .payment, .owner, .stranger, and makers of callers:
    .caller(issuer, **facts), .person(tenant, permissions), .terminal(device_id)."""
    app, client = service_app
    database = service_db("device")
    await database.truncate()

    caller = callers(client, "device", service_keys, clock)

    def person(tenant_id, permissions=OWNER):
        return caller(
            kind="user", subject=str(uuid4()), tenant_id=tenant_id, permissions=permissions
        )

    yield SimpleNamespace(
        app=app,
        deps=app.state.deps,
        client=client,
        database=database,
        caller=caller,
        edge=caller(),
        payment=caller("payment"),
        person=person,
        owner=person(MERCHANT),
        stranger=person(OTHER_MERCHANT),
        terminal=lambda device_id: caller(
            kind="device", subject=str(device_id), tenant_id=MERCHANT
        ),
    )


@pytest.fixture
def new_store(device, clock):
    """A store as binding tells of it."""

    async def create(tenant_id=MERCHANT, name="Main street"):
        store_id = uuid4()
        event = StoreCreated(**stamp(tenant_id, clock), store_id=store_id, name=name)
        async with device.deps.db.pg(None) as pg:
            await record_stores(pg, [event])
        return store_id

    return create


@pytest_asyncio.fixture
async def store(new_store):
    return await new_store()


@pytest.fixture
def new_code(device):
    async def create(store_id, sn=None, by=None):
        answer = await (by or device.owner)(
            "POST", "/api/merchant/v1/devices/codes", {"store_id": str(store_id), "sn": sn}
        )
        assert answer.status_code == 201
        return answer.json()["code"]

    return create


@pytest.fixture
def enrol(device, new_code):
    """A device in that store; the answer of the enrolment."""

    async def redeem(store_id, sn="QCF4000001", **more):
        code = await new_code(store_id)
        answer = await device.edge("POST", "/api/device/v1/enrol", {"code": code, "sn": sn, **more})
        assert answer.status_code == 201
        return answer.json()

    return redeem
