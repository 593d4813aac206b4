"""The worker process: hears events, and keeps house by the clock."""

from services.campaign import sweeper
from services.campaign.config import CampaignConfig
from services.campaign.consumers import handlers
from services.campaign.service import Deps
from shared import invariants
from shared.clock import SystemClock
from shared.consumer import consumers
from shared.contracts.events.audit import CampaignAudited
from shared.db import Database
from shared.kafka import Producer, broker
from shared.outbox import Relay
from shared.worker import run_worker, start

POOL = 5
"""One connection for events, the others for the relay, the sweeper and the health door."""


def run(config: CampaignConfig) -> None:
    start(_run(config))


async def _run(config: CampaignConfig) -> None:
    db = Database(
        config.database_url, config.database_system_url, pool_size=POOL, name="campaign-worker"
    )
    await db.open()
    deps = Deps(db=db, clock=SystemClock())
    rooms = consumers(db, handlers, deps, broker(config, "campaign"))

    producer = Producer(broker(config, "campaign"))
    idle_poll_s = config.outbox_idle_poll_ms / 1000
    relay = Relay(db, producer, CampaignAudited.topic, idle_poll_s=idle_poll_s)

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping(), "consumer": all(room.joined for room in rooms)}

    try:
        checking = invariants.checking(db, __file__, deps.clock)
        jobs = [*(room.run for room in rooms), relay.run, *sweeper.jobs(deps), checking]
        await run_worker("campaign-worker", config, jobs, ready)
    finally:
        await producer.aclose()
        await db.close()
