"""The setup wizard, with the device service beside binding."""

import pytest_asyncio

from services.binding.onboarding import service as onboarding
from services.device.deps import Deps
from shared.client import ServiceClient
from shared.db import Database
from shared.egress import EgressClient
from shared.keys.sealed import LocalKeyProvider
from tests.integration.binding.device_service import DeviceService
from tests.integration.binding.wizard import HOSTS, Wizard
from tests.integration.binding.wizard import PERMISSIONS as WIZARD_MAY


@pytest_asyncio.fixture(scope="module")
async def device_db(kept_db):
    """The device service's database, opened once for the module."""
    database = await kept_db("device")
    db = Database(database.app_url, database.system_url, pool_size=4, name="device-worker")
    await db.open()
    yield database, db
    await db.close()


@pytest_asyncio.fixture
async def device_service(binding, device_db, service_keys, clock, kek_file):
    """The device service of the wizard, against the platform that the tests play."""
    database, db = device_db
    await database.truncate()
    client = ServiceClient(
        binding.platform.url, audience="egress", signer=service_keys.signer("device", clock),
        timeout_s=5,
    )  # fmt: skip
    deps = Deps(db, clock, LocalKeyProvider(kek_file), EgressClient(client))
    service = DeviceService(binding.deps, deps, database)
    async with service.delivering():
        yield service
    await client.aclose()


@pytest_asyncio.fixture
async def wizard(binding, service_keys, clock, new_merchant, app_body, device_service):
    """The setup wizard of a new merchant, against the platform that the tests play."""
    client = ServiceClient(
        binding.platform.url, audience="egress", signer=service_keys.signer("binding", clock),
        timeout_s=5,
    )  # fmt: skip
    binding.app.state.onboarding = onboarding.Onboarding(
        binding.deps,
        EgressClient(client),
        onboarding.Settings(HOSTS, "", "https://pay.damselfly.test"),
    )
    tenant_id, user = await new_merchant()
    owner = binding.user(tenant_id, user.user_id, WIZARD_MAY)
    yield Wizard(binding, clock, tenant_id, owner, app_body, device_service)
    await client.aclose()
