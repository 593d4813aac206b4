"""Renews a lease while its holder works.

A lease is short, so that another process soon takes over from a dead one. A round with a slow
channel may be longer, because it may make three calls. So the holder renews every third of the
lease. A renewal after the lease was replaced changes nothing: the token fences (F32).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shared.db import is_connection_lost
from shared.errors import Unavailable
from shared.telemetry import get_logger

RENEWALS_MAX = 60
"""Each call of a round ends by itself; a round that does not loses its lease after so many."""

Renew = Callable[[], Awaitable[bool]]

log = get_logger("leases")


@asynccontextmanager
async def renewed(lease_s: float, renew: Renew) -> AsyncIterator[None]:
    """Keeps a lease of `lease_s` seconds while the block runs; `renew` returns whether the lease is
    still held."""
    renewing = asyncio.ensure_future(_renew_regularly(lease_s / 3, renew))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])


async def _renew_regularly(every_s: float, renew: Renew) -> None:
    for _ in range(RENEWALS_MAX):
        await asyncio.sleep(every_s)
        try:
            if not await renew():
                return
        except Exception as error:
            if not isinstance(error, Unavailable) and not is_connection_lost(error):
                raise
            log.warning("lease.database_away", error=type(error).__name__)
