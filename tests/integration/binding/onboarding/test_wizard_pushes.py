"""A push that Alipay took and no device installed: the way back from it."""

import asyncio

import pytest

from tests.integration.binding.wizard import MAP, REVIEW

pytestmark = pytest.mark.asyncio
PUSH = "alipay.commerce.iot.device.upgradeapp.create"


def typed(line):
    return {one["field"]: one["value"] for one in line["form"]}


async def test_a_push_that_no_device_installed_can_be_opened_again(wizard):
    """Alipay took it, and nothing else would end it. It cannot be opened while Alipay has not
    answered, nor after a device has shown that it arrived."""
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "RELEASE"
    await wizard("4.1", "check")
    await wizard("4.2", "check")

    async def reopened():
        answer = await wizard.owner("POST", f"{MAP}/rows/5.1/reopen", {})
        return answer.status_code, answer.json().get("code")

    asked, answered = asyncio.Event(), asyncio.Event()

    async def hold(_body):
        asked.set()
        await answered.wait()

    wizard.platform.held[PUSH] = hold
    pushed = asyncio.create_task(wizard("5.1", "run", form={"sn": "DF0001"}))
    await asked.wait()
    assert not (await wizard())["5.1"]["can_reopen"]
    assert await reopened() == (409, "onboarding.running")
    answered.set()
    line = (await pushed)["5.1"]
    assert (line["state"], line["can_run"], line["can_reopen"]) == ("running", False, True)

    line = (await wizard("5.1", "reopen"))["5.1"]
    assert (line["state"], line["can_run"], line["can_reopen"]) == ("todo", True, False)
    assert typed(line)["sn"] == "DF0001"
    assert (await wizard("5.1", "run", form={"sn": "DF0001"}))["5.1"]["state"] == "running"
    assert wizard.platform.calls[PUSH] == 2

    await wizard.enrol("QCF4000001")
    assert not (await wizard())["5.1"]["can_reopen"]
    assert await reopened() == (409, "onboarding.finished")
    await wizard("5.1", "check")
    assert await reopened() == (409, "onboarding.finished")


async def test_a_push_from_before_requests_were_numbered_can_be_opened_again(wizard, binding):
    """Such a row waits for no answer, and would run for ever, too."""
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "RELEASE"
    await wizard("4.1", "check")
    await wizard("4.2", "check")
    await wizard("5.1", "run", form={"sn": "DF0001"})
    await binding.database.execute(
        "UPDATE onboarding_rows SET request_id = NULL, answer = NULL WHERE row = '5.1'"
    )
    assert (await wizard())["5.1"]["can_reopen"]
    assert (await wizard("5.1", "reopen"))["5.1"]["state"] == "todo"
