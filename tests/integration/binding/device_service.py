"""The device service beside binding, as the wizard's other half: its real database, its real use
cases, and a courier that carries the events of both as the broker would."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from services.binding.consumers import note_releases
from services.binding.onboarding import service as onboarding
from services.device.consumers import take_requests
from services.device.releases import repo
from services.device.releases import service as releases
from shared.contracts.events import decode
from shared.contracts.events.binding import ReleaseRequested
from shared.contracts.events.device import ReleaseChanged

LANES = 2
TICK_S = 0.01
_NEW = "SELECT seq, payload FROM outbox WHERE seq > $1 AND type = $2 ORDER BY seq"
_NEWEST = "SELECT coalesce(max(seq), 0) AS seq FROM outbox WHERE type = $1"


class Killed(BaseException):
    """The worker's process ended here."""


@dataclass
class DeviceService:
    """`.deps` of the device service; while `delivering`, what one of the two publishes reaches the
    other, and requests are worked on. `away` keeps it from working."""

    binding: Any
    deps: Any
    database: Any
    away: bool = False
    is_held_up: bool = False
    """a request is held up on purpose: nobody waits for it"""
    carried: dict[str, int] = field(default_factory=dict)
    """type of event -> the last that has reached its hearer"""
    at_work: int = 0
    """how many lanes carry out a request now"""

    async def look(self):
        """The worker's rounds of looks until nothing is due; how many steps were looked at."""
        looked = 0
        while found := await releases.look_round(self.deps):
            looked += found
        return looked

    async def rounds(self, on):
        """Those of both workers until nothing is due and nothing under way; how many rows and steps
        were looked at."""
        looked = 0
        while True:
            found = await onboarding.advance(on) + await self.look()
            # What was under way while they looked may have made something due.
            was_busy = await self.delivered()
            if not found and not was_busy:
                return looked
            looked += found

    async def delivered(self):
        """Waits until whatever was published has taken effect, and what was requested is done;
        whether there was something to wait for."""
        was_busy = False
        async with asyncio.timeout(20):
            while await self._is_busy():
                was_busy = True
                await asyncio.sleep(TICK_S)
        return was_busy

    async def _is_busy(self):
        """In the order in which one thing leads to the next, so that nothing slips through."""
        if await self._waits(self.binding, ReleaseRequested):
            return True
        if await self._has_work() or (self.at_work and not self.is_held_up):
            return True
        return await self._waits(self.deps, ReleaseChanged)

    async def _has_work(self):
        """Not while a lane has the request, nor while a dead one still has its lease."""
        return not self.away and await repo.is_task_free(self.deps.db, self.deps.clock.now())

    async def _waits(self, source, kind):
        newest = await source.db.system.one(_NEWEST, kind.type)
        return newest["seq"] > self.carried.get(kind.type, 0)

    @asynccontextmanager
    async def delivering(self):
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(self._carry(self.binding, self.deps, ReleaseRequested)),
                group.create_task(self._carry(self.deps, self.binding, ReleaseChanged)),
                *(group.create_task(self._work()) for _ in range(LANES)),
            ]
            yield
            for task in running:
                task.cancel()

    async def _work(self):
        while True:
            if await self._has_work():
                self.at_work += 1
                with suppress(Killed):  # the next round is a fresh process
                    await releases.work_off(self.deps)
                self.at_work -= 1
            await asyncio.sleep(TICK_S)

    async def _carry(self, source, target, kind):
        take = take_requests if kind is ReleaseRequested else note_releases
        while True:
            rows = await source.db.system.many(_NEW, self.carried.get(kind.type, 0), kind.type)
            if rows:
                events = [decode(bytes(row["payload"])) for row in rows]
                async with target.db.pg(None) as pg:
                    await take(target, pg, events)
                self.carried[kind.type] = rows[-1]["seq"]
            await asyncio.sleep(TICK_S)
