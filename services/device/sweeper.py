"""The periodic jobs: working on requests about mini programs, checking their steps, and deleting
old rows every ten minutes."""

import asyncio
from contextlib import suppress

from services.device.deps import Deps
from services.device.devices.service import sweep
from services.device.releases import service as releases
from shared.worker import Job, periodic

EVERY_S = 600.0
LOOK_EVERY_S = 2.0
LANES = 3
"""How many requests are worked on at the same time, so that a slow answer of Alipay does not delay
the others."""
AFTER_REQUEST_S = 0.05
"""Short, because a person waits for the result."""
WITHOUT_REQUEST_S = 5.0
"""Requests of a worker that ended are free after their lease. Three lanes that queried four times a
second each took more CPU than all other jobs of an idle worker."""


class Lane:
    """Works on requests, at once when one arrives. The consumer wakes the lanes before its
    transaction is committed, so a lane queries again after a pause that doubles each time."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._pause_s = AFTER_REQUEST_S

    async def work(self) -> None:
        requested = self._deps.release_requested
        next_pause_s = min(self._pause_s * 2, WITHOUT_REQUEST_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s):
                await requested.wait()
            requested.clear()
            next_pause_s = AFTER_REQUEST_S
        self._pause_s = next_pause_s
        if await releases.work_off(self._deps):
            self._pause_s = AFTER_REQUEST_S


def jobs(deps: Deps) -> list[Job]:
    return [
        *(periodic(Lane(deps).work, 0.0) for _ in range(LANES)),
        periodic(lambda: releases.look_round(deps), LOOK_EVERY_S),
        periodic(lambda: _forget(deps), EVERY_S),
    ]


async def _forget(deps: Deps) -> None:
    await sweep(deps)
    await releases.forget_done(deps)
