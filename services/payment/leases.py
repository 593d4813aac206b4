"""A lease is short, so that others soon take over from a dead process, and a round over a slow
channel may be long: it may ask three times. So whoever works renews, every third of the lease.

A renewal that finds the lease replaced changes nothing; the token fences (F32).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shared.db import is_connection_lost
from shared.errors import Unavailable
from shared.telemetry import get_logger

RENEWALS_MAX = 60
"""Every call of a round ends by itself; a round that does not is left to others after this."""

Renew = Callable[[], Awaitable[bool]]

log = get_logger("leases")


@asynccontextmanager
async def renewed(lease_s: float, renew: Renew) -> AsyncIterator[None]:
    """Holds on to a lease of `lease_s` seconds while the block runs; `renew` says whether it is
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
