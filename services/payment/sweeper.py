"""The scheduled work: finishes payments, refunds and notices that no request waits for.

Each open payment, refund and notice has a due time in its row, so that none depends on a process
that may die. Due rows are leased, at most IN_FLIGHT_MAX are processed at once, and the holder of an
expired lease is fenced off (F32).
"""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import Gauge

from services.payment.deps import CALLS_MAX, Deps
from services.payment.notices import repo as notice_repo
from services.payment.notices.settlement import NOTICE_LEASE_S, look_at_notice
from services.payment.notices.store import lease_notices
from services.payment.payments import repo as payment_repo
from services.payment.payments.settlement import advance, new_lease
from services.payment.payments.store import is_anything_due, lease_payments
from services.payment.refunds.service import advance_refund
from services.payment.refunds.store import lease_refunds
from shared import inbox
from shared.db import is_connection_lost
from shared.telemetry import get_logger
from shared.worker import Job, periodic

TICK_S = 0.4
IN_FLIGHT_MAX = CALLS_MAX["worker"]
PURGE_EVERY_S = 60.0

log = get_logger("sweeper")
_working = Gauge("sweeper_in_flight", "Rows being worked on")

Round = Callable[[], Awaitable[None]]


class Sweeper:
    """Leases due rows, never more than it has free slots, and processes them concurrently."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._free_slots = IN_FLIGHT_MAX
        self._slot_freed = asyncio.Event()

    async def run(self) -> None:
        """Sweeps until cancelled; a row that fails is tried again with its next lease."""
        async with asyncio.TaskGroup() as group:
            while True:
                started = 0
                try:
                    for round_of_one in await self._due():
                        started += 1
                        self._free_slots -= 1
                        group.create_task(self._work(round_of_one))
                except Exception as error:
                    if not is_connection_lost(error):
                        raise
                    log.warning("sweeper.database_away", error=type(error).__name__)
                _working.set(IN_FLIGHT_MAX - self._free_slots)
                await self._rest(is_busy=started > 0)

    async def _rest(self, *, is_busy: bool) -> None:
        """Waits for a tick, or until a slot is free if all are busy."""
        self._slot_freed.clear()
        if self._free_slots == 0:
            await self._slot_freed.wait()
        elif not is_busy:
            await asyncio.sleep(TICK_S)
        else:
            await asyncio.sleep(TICK_S / 4)

    async def _work(self, round_of_one: Round) -> None:
        try:
            await round_of_one()
        except Exception as error:
            # The lease expires and the row is due again; one bad row must not stop the others.
            log.exception("sweeper.round_failed", error=type(error).__name__)
        finally:
            self._free_slots += 1
            self._slot_freed.set()

    async def _due(self) -> list[Round]:
        deps, lease = self._deps, new_lease()
        lease_s = deps.schedule.lease_s
        rounds: list[Round] = []
        if not await is_anything_due(deps.db):
            return rounds
        for at, payment in await lease_payments(deps.db, self._free_slots, lease, lease_s):
            rounds.append(_as_round(advance, deps, payment, at, lease))
        free = self._free_slots - len(rounds)
        if free > 0:
            for tenant_id, refund_id in await lease_refunds(deps.db, free, lease, lease_s):
                rounds.append(_as_round(advance_refund, deps, tenant_id, refund_id, lease))
        free = self._free_slots - len(rounds)
        if free > 0:
            for due in await lease_notices(deps.db, free, min(NOTICE_LEASE_S, lease_s)):
                rounds.append(_as_round(look_at_notice, deps, due))
        return rounds


def _as_round(work: Callable[..., Awaitable[object]], *arguments: object) -> Round:
    async def round_of_one() -> None:
        await work(*arguments)

    return round_of_one


def jobs(deps: Deps) -> list[Job]:
    """The worker's scheduled jobs."""
    return [Sweeper(deps).run, periodic(lambda: purge(deps), PURGE_EVERY_S)]


async def purge(deps: Deps) -> None:
    """Deletes old nonces, notices, tallies of refusals and inbox rows."""
    await payment_repo.purge(deps.db)
    await notice_repo.purge(deps.db)
    await inbox.purge(deps.db)
