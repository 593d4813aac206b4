"""The worker's lanes start when a request arrives and rest when there is none."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from services.device import sweeper
from tests.integration.device.releases.conftest import APP_ID

pytestmark = pytest.mark.asyncio
NEVER_S = 3600.0


@pytest.fixture
def uploaded(releases):
    releases.platform.status["1.0.0"] = "INIT"


@asynccontextmanager
async def working(releases):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job()) for job in sweeper.jobs(releases.deps)[: sweeper.LANES]]
        yield
        for task in tasks:
            task.cancel()


async def until_answered(releases, count):
    async with asyncio.timeout(20):
        while len(await releases.told()) < count:
            await asyncio.sleep(0.02)


async def test_a_request_wakes_lanes_that_rest(releases, uploaded, monkeypatch):
    """Each time: also the second request, and one whose transaction is committed later."""
    monkeypatch.setattr(sweeper, "WITHOUT_REQUEST_S", NEVER_S)
    lanes = [sweeper.Lane(releases.deps) for _ in range(2)]
    for lane in lanes:
        lane._pause_s = NEVER_S  # they have found nothing for long
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(forever(lane)) for lane in lanes]
        for count in (1, 2):
            event = releases.event("upload", "look")
            async with releases.deps.db.pg(None) as pg:
                await sweeper.releases.take_requests(releases.deps, pg, [event])
                await asyncio.sleep(0.2)  # the lanes look now, and see nothing yet
            await until_answered(releases, count)
        for task in tasks:
            task.cancel()


async def forever(lane):
    while True:
        await lane.work()


async def test_what_another_worker_left_is_found_without_a_request(releases, uploaded, monkeypatch):
    monkeypatch.setattr(sweeper, "WITHOUT_REQUEST_S", 0.1)
    await releases.request("upload", "look", app_id=APP_ID)
    releases.deps.release_requested.clear()
    async with working(releases):
        await until_answered(releases, 1)
