"""kill -9 of a random process every two seconds; the stack's own supervisor starts it again."""

import asyncio
import random
from collections import Counter

from tests.fixtures.processes import Stack

PERIOD_S = 2.0
NOT_OURS = ("sandbox", "dragonfly", "alipay", "supervisor")
"""Alipay is the judge and the supervisor is the operator: they are not what is being proved."""


class Killer:
    """Runs until cancelled; `kills` counts by process name."""

    def __init__(self, stack: Stack, seed: int, *, period_s: float = PERIOD_S) -> None:
        self._stack = stack
        self._rng = random.Random(seed)
        self._period_s = period_s
        self.kills: Counter[str] = Counter()

    def targets(self) -> list[str]:
        known = self._stack.info["processes"]
        return sorted(
            name for name, pids in known.items() if pids and not any(n in name for n in NOT_OURS)
        )

    def strike(self, name: str) -> bool:
        """Kills one process by name, if it is running now."""
        if not self._stack.kill(name):
            return False
        self.kills[name] += 1
        return True

    async def run(self) -> None:
        """Each round of targets is shuffled, so a short run hits every process."""
        queue: list[str] = []
        while True:
            await asyncio.sleep(self._period_s)
            if not queue:
                queue = self.targets()
                self._rng.shuffle(queue)
            self.strike(queue.pop())
