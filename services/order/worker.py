"""The worker process: hears events, and forgets old ones."""

from services.order import service
from services.order.config import OrderConfig
from services.order.consumers import handlers
from services.order.service import Deps
from shared import invariants
from shared.clock import SystemClock
from shared.consumer import consumers
from shared.db import Database
from shared.kafka import broker
from shared.worker import periodic, run_worker, start

POOL = 3
"""One connection for events, the others for the housekeeping and the health door."""
KEEP_HOUSE_EVERY_S = 3_600.0


def run(config: OrderConfig) -> None:
    start(_run(config))


async def _run(config: OrderConfig) -> None:
    db = Database(
        config.database_url, config.database_system_url, pool_size=POOL, name="order-worker"
    )
    await db.open()
    deps = Deps(db=db, clock=SystemClock())
    rooms = consumers(db, handlers, deps, broker(config, "order"))

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping(), "consumer": all(room.joined for room in rooms)}

    housekeeping = periodic(lambda: service.keep_house(deps), KEEP_HOUSE_EVERY_S)
    try:
        await run_worker(
            "order-worker",
            config,
            [
                *(room.run for room in rooms),
                housekeeping,
                invariants.checking(db, __file__, deps.clock),
            ],
            ready,
        )
    finally:
        await db.close()
