"""The time door: what was requested about mini programs, looks at what runs, waits or failed, and
a bounded round of forgetting every ten minutes."""

from services.device.deps import Deps
from services.device.devices.service import sweep
from services.device.releases import service as releases
from shared.worker import Job, periodic

EVERY_S = 600.0
WORK_EVERY_S = 0.25
"""A person waits for what was requested."""
LOOK_EVERY_S = 2.0
LANES = 3
"""Requests worked on at the same time: one that Alipay is slow to answer holds up no other."""


def jobs(deps: Deps) -> list[Job]:
    working = [periodic(lambda: releases.work_off(deps), WORK_EVERY_S) for _ in range(LANES)]
    return [
        *working,
        periodic(lambda: releases.look_round(deps), LOOK_EVERY_S),
        periodic(lambda: _forget(deps), EVERY_S),
    ]


async def _forget(deps: Deps) -> None:
    await sweep(deps)
    await releases.forget_done(deps)
