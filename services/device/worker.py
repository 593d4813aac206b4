"""Builds the device service's worker process: the outbox relay, the consumer and the sweeper."""

from services.device.config import DeviceConfig
from services.device.consumers import handlers
from services.device.service import Deps
from services.device.sweeper import sweeping
from shared import invariants
from shared.clock import SystemClock
from shared.consumer import consumers
from shared.db import Database
from shared.kafka import Producer, broker
from shared.keys.sealed import LocalKeyProvider
from shared.outbox import Relay
from shared.worker import run_worker

TOPIC = "device.events"
POOL = 4


async def run(config: DeviceConfig) -> None:
    db = Database(
        config.database_url, config.database_system_url, pool_size=POOL, name="device-worker"
    )
    await db.open()
    producer = Producer(broker(config, "device"))
    deps = Deps(db, SystemClock(), LocalKeyProvider(config.kek_file_device))
    rooms = consumers(db, handlers, deps, broker(config, "device"))

    relay = Relay(db, producer, TOPIC, idle_poll_s=config.outbox_idle_poll_ms / 1000)

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping(), "consumer": all(room.joined for room in rooms)}

    try:
        jobs = [
            relay.run,
            *(room.run for room in rooms),
            sweeping(deps),
            invariants.checking(db, __file__, deps.clock),
        ]
        await run_worker("device-worker", config, jobs, ready)
    finally:
        await producer.aclose()
        await db.close()
