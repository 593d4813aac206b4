"""Whatever a person or a worker changes leaves an entry: no state moves past the log (S132)."""

import pytest

from services.binding.consumers import note_devices
from shared.events.device import DeviceEnrolled
from tests.fixtures.events import sample

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
