"""Whatever a person or a worker changes leaves an entry: no state moves past the log (S132)."""

from datetime import timedelta

import pytest

from services.binding import sweeper
from services.binding.consumers import note_devices
from shared.contracts.events.device import DeviceEnrolled
from tests.fixtures.events import sample
from tests.integration.binding.conftest import APP_ID

pytestmark = pytest.mark.asyncio
SEEN = "SELECT action, subject, actor, before, after FROM audit_log WHERE action LIKE 'onboarding%'"


async def test_a_device_that_signs_in_is_an_entry_of_the_map(binding, new_merchant):
    """The last row completes itself; once, however many devices follow."""
    tenant_id, _ = await new_merchant()
    for number in ("SN-1", "SN-2"):
        event = sample(DeviceEnrolled, tenant_id=tenant_id, sn=number)
        async with binding.deps.db.pg(None) as pg:
            await note_devices(binding.deps, pg, [event])
    (entry,) = await binding.database.fetch(SEEN)
    assert (entry["action"], entry["subject"], entry["actor"]) == (
        "onboarding.done", ":5.2", "platform",
    )  # fmt: skip
    assert '"todo"' in entry["before"]
    assert '"SN-1"' in entry["after"]


async def test_the_end_of_a_retired_key_is_an_entry(binding, new_merchant, app_body, clock):
    """The worker erases a private half whose grace is over; once."""
    tenant_id, user = await new_merchant()
    owner = binding.user(tenant_id, user.user_id, ["apps.read", "apps.write"])
    assert (await owner("PUT", "/api/merchant/v1/apps", app_body())).status_code in (200, 201)
    await binding.database.execute(
        "UPDATE app_keys SET not_after = $1", clock.now() - timedelta(seconds=1)
    )
    for _ in range(2):
        await sweeper.sweep(binding.deps)
    (entry,) = await binding.database.fetch(
        "SELECT actor, subject, after FROM audit_log WHERE action = 'app.key_erased'"
    )
    assert (entry["actor"], entry["subject"]) == ("platform", APP_ID)
    assert '"key_version": 1' in entry["after"]
    assert (
        await binding.database.value(
            "SELECT count(*) FROM app_keys WHERE private_key_box IS NOT NULL"
        )
        == 0
    )
