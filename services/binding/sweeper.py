"""The time door: rounds of forgetting, of anchoring audit heads, and of looking at what the open
platform is still working on."""

from services.binding import approvals, audit, key_pairs, onboarding
from services.binding.onboarding import Onboarding
from services.binding.service import Deps, sweep
from shared.worker import Job, periodic

EVERY_S = 60.0
LOOK_EVERY_S = 2.0
ANCHOR_EVERY_S = 30.0
"""What is added between two anchors could be cut off unseen, by somebody who can also change the
head: so the time is short."""


def sweeping(deps: Deps) -> Job:
    async def once() -> None:
        await sweep(deps)
        await approvals.forget_changes(deps)
        await key_pairs.forget_expired(deps)

    return periodic(once, EVERY_S)


def anchoring(deps: Deps) -> Job:
    async def once() -> None:
        await audit.anchor_heads(deps)

    return periodic(once, ANCHOR_EVERY_S)


def advancing(on: Onboarding) -> Job:
    async def once() -> None:
        await onboarding.advance(on)

    return periodic(once, LOOK_EVERY_S)
