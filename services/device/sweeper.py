"""The time door: a bounded round of forgetting every ten minutes."""

from services.device.service import Deps, sweep
from shared.worker import Job, periodic

EVERY_S = 600.0


def sweeping(deps: Deps) -> Job:
    async def once() -> None:
        await sweep(deps)

    return periodic(once, EVERY_S)
