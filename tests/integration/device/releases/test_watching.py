"""What runs, waits or failed is looked at by itself, ever more seldom, and told when it is news."""

import asyncio

import pytest

from tests.integration.open_platform import said

pytestmark = pytest.mark.asyncio
DETAIL = "alipay.open.mini.version.detail.query"
FORM = {"version_desc": "首个版本"}


@pytest.fixture
def uploaded(releases):
    releases.platform.status["1.0.0"] = "INIT"


async def later(releases, seconds):
    releases.clock.advance(seconds)
    return await releases.look()


async def test_only_news_is_published(releases, uploaded):
    """A review takes days: looked at every ten minutes in the end, said once when it has ended."""
    await releases.done("review", "act", form=FORM)
    for _ in range(12):
        assert await later(releases, 600) == 1
        assert await later(releases, 1) == 0
    assert len(await releases.told()) == 1
    releases.platform.status["1.0.0"] = "AUDIT_REJECT"
    await later(releases, 600)
    told = (await releases.told())[-1]
    assert (told.state, told.remedy) == ("failed", "review_rejected")
    assert told.evidence["reject_reason"] == "截图不清晰"
    assert (told.number, told.actor) == (2, "platform")


async def test_a_failure_keeps_its_reason_until_it_is_over(releases, uploaded):
    releases.platform.answers["alipay.open.mini.version.audit.apply"] = said(
        "refused", sub_code="AUDIT_FIELD_MISSING", sub_msg="提审信息不完整"
    )
    await releases.done("review", "act", form=FORM)
    for seconds in (6, 60, 3600):
        await later(releases, seconds)
    (told,) = await releases.told()
    assert (told.state, told.evidence["message"]) == ("failed", "提审信息不完整")
    releases.platform.status["1.0.0"] = "AUDITING"
    await later(releases, 3600)
    assert (await releases.told())[-1].state == "running", "submitted at Alipay's own page"


async def test_looks_become_rarer_and_end(releases, uploaded):
    await releases.done("release", "look")
    await later(releases, 3600)
    asked = releases.platform.calls[DETAIL]
    await releases.database.execute("UPDATE app_releases SET attempts = 1000")
    await later(releases, 3600)
    assert await later(releases, 30 * 24 * 3600) == 0
    assert releases.platform.calls[DETAIL] == asked + 1
    await releases.done("release", "look")
    assert await later(releases, 3600) == 1, "a person's look begins anew"


async def test_a_newer_version_begins_the_review_anew(releases, uploaded):
    """What failed for the old one is not held against it, and the look is at the new one."""
    await releases.done("review", "act", form=FORM)
    releases.platform.status["1.0.0"] = "AUDIT_REJECT"
    await later(releases, 3)
    await releases.done("upload", "act", form={"app_version": "1.0.1"})
    await later(releases, 600)
    told = [one for one in await releases.told() if one.step == "review"][-1]
    assert (told.state, told.remedy) == ("todo", "not_reviewed")
    assert told.evidence["app_version"] == "1.0.1"


async def test_two_workers_look_at_a_step_once(releases, uploaded):
    await releases.done("review", "act", form=FORM)
    for _ in range(5):
        releases.clock.advance(600)
        assert sum(await asyncio.gather(*(releases.look() for _ in range(4)))) == 1


async def test_a_version_that_is_too_low_waits_for_a_person(releases):
    """Looking again would hide what is to be done."""
    releases.platform.status["2.0.0"] = "INIT"
    releases.platform.answers["alipay.open.mini.version.upload"] = said(
        "refused", sub_code="APP_VERSION_TOO_LOW"
    )
    told = await releases.done("upload", "act", form={"app_version": "1.0.0"})
    assert (told.remedy, told.evidence["newest"]) == ("version_too_low", "2.0.0")
    assert await later(releases, 3600) == 0


async def test_one_odd_step_stops_no_other(releases, uploaded):
    await releases.done("review", "act", form=FORM)
    releases.platform.status["1.0.0"] = "WAIT_RELEASE"
    releases.platform.answers["alipay.open.mini.version.list.query"] = said(
        app_version_infos=[{"no": "version"}]
    )
    await releases.request("upload", "look")
    await releases.work()
    await releases.database.execute(
        "INSERT INTO app_releases SELECT tenant_id, app_id, 'upload', '', 'todo', NULL, '{}',"
        " request_id, 0, 0, at, '2026-01-01' FROM app_releases WHERE step = 'review'"
        " ON CONFLICT (tenant_id, app_id, step) DO UPDATE SET next_look_at = '2026-01-01'"
    )
    assert await later(releases, 3) == 2
    assert (await releases.told())[-1].state == "done"
    assert await later(releases, 3) == 0, "put off"
