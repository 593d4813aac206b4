"""kill -9 of a random process every two seconds, and a clean restart of the database in each round;
the stack's own supervisor starts it again. A burst of sales begins just before each, so that it
meets payments in the middle of their batches."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable

from tests.fixtures.processes import Stack

PERIOD_S = 2.0
NOT_OURS = ("sandbox", "dragonfly", "alipay", "supervisor")
"""The sandbox and the supervisor are not under test, so they are never killed."""
BURST_S = (0.02, 0.06)
"""How long a burst goes on before the kill."""
RESTART = "postgres_restart"
"""The signal of `pg_ctl restart -m fast`: the server ends every session at once."""


class Killer:
    """Runs until cancelled; `kills` counts kill -9 by process name, `restarts` clean ones."""

    def __init__(
        self, stack: Stack, seed: int, burst: Callable[[], None], *, period_s: float = PERIOD_S
    ) -> None:
        self._stack = stack
        self._burst = burst
        self._rng = random.Random(seed)
        self._period_s = period_s
        self.kills: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()

    def targets(self) -> list[str]:
        known = self._stack.info["processes"]
        return sorted(
            name for name, pids in known.items() if pids and not any(n in name for n in NOT_OURS)
        )

    def strike(self, name: str) -> bool:
        """Kills one process of that name, if it is running now; others of its kind go on."""
        pids = self._stack.pids(name)
        try:
            os.kill(self._rng.choice(pids), signal.SIGKILL)
        except (IndexError, ProcessLookupError):
            return False
        self.kills[name] += 1
        return True

    def restart_database(self) -> bool:
        if not self._stack.kill("postgres", signal.SIGINT):
            return False
        self.restarts[RESTART] += 1
        return True

    async def run(self) -> None:
        """Each round of targets is shuffled, so a short run hits every process."""
        queue: list[str] = []
        while True:
            await asyncio.sleep(self._period_s)
            if not queue:
                queue = [*self.targets(), RESTART]
                self._rng.shuffle(queue)
            name = queue.pop()
            self._burst()
            await asyncio.sleep(self._rng.uniform(*BURST_S))
            if name == RESTART:
                self.restart_database()
            else:
                self.strike(name)
