"""What the map hears of a mini program: only what answers its newest request, and in order."""

from uuid import uuid4

import pytest

from services.binding.consumers import note_releases
from shared.contracts.events.device import ReleaseChanged
from tests.fixtures.events import sample
from tests.integration.binding.wizard import REVIEW

pytestmark = pytest.mark.asyncio


async def hear(wizard, number, state, request_id=None, **members):
    """As the device service publishes it; by default in answer to the newest request."""
    newest = await wizard.binding.database.value(
        "SELECT request_id FROM onboarding_rows WHERE row = '4.1'"
    )
    told = {"remedy": None, "evidence": {"app_version": "1.0.0"}, "actor": "platform"} | members
    event = sample(
        ReleaseChanged, tenant_id=wizard.tenant_id, app_id="2021000000000001", step="review",
        request_id=request_id or newest, number=number, state=state,
        occurred_at=wizard.clock.now(), **told,
    )  # fmt: skip
    async with wizard.binding.deps.db.pg(None) as pg:
        await note_releases(wizard.binding.deps, pg, [event])


async def submitted(wizard):
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    return await wizard.binding.database.value(
        "SELECT request_id FROM onboarding_rows WHERE row = '4.1'"
    )


async def test_an_answer_to_an_older_request_says_nothing(wizard):
    """The first was answered late, after a second one was begun."""
    older = await submitted(wizard)
    await hear(wizard, 90, "failed", remedy="refused")
    wizard.device.away = True
    await wizard.binding.database.execute(
        "UPDATE onboarding_rows SET request_id = $1, answer = NULL, state = 'running'"
        " WHERE row = '4.1'".replace("$1", f"'{uuid4()}'")
    )
    await hear(wizard, 91, "done", request_id=older)
    assert await wizard.states("4.1") == {"running"}


async def test_what_was_said_earlier_overwrites_nothing(wizard):
    """A broker that was wiped is told again what it has forgotten, the newest first."""
    await submitted(wizard)
    await hear(wizard, 92, "done")
    await hear(wizard, 91, "failed", remedy="review_rejected")
    await hear(wizard, 92, "running")
    assert await wizard.states("4.1") == {"done"}


async def test_each_change_of_state_is_an_entry(wizard):
    """S132: by whom, and what it was before; the same state again is none."""
    await submitted(wizard)
    for number, state in ((90, "failed"), (91, "failed"), (92, "done")):
        await hear(wizard, number, state, remedy="refused" if state == "failed" else None)
    entries = await wizard.binding.database.fetch(
        "SELECT action, actor FROM audit_log WHERE subject LIKE '%:4.1' ORDER BY seq"
    )
    assert [entry["action"] for entry in entries] == [
        "onboarding.running", "onboarding.failed", "onboarding.done",
    ]  # fmt: skip
    assert [entry["actor"].partition(":")[0] for entry in entries] == [
        "user", "platform", "platform",
    ]  # fmt: skip


async def test_a_row_that_was_opened_again_hears_nothing_old(wizard):
    older = await submitted(wizard)
    await wizard("4.1", "reopen")
    await hear(wizard, 90, "done", request_id=older)
    assert (await wizard())["4.1"]["state"] == "todo"
