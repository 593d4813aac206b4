"""Builds the binding service's worker process: the outbox relay, the sweeper, the messages."""

from services.binding import messages
from services.binding.config import BindingConfig
from services.binding.service import Deps
from services.binding.sweeper import sweeping
from shared.clock import SystemClock
from shared.db import Database
from shared.kafka import Producer
from shared.outbox import Relay
from shared.sealed import LocalKeyProvider
from shared.worker import periodic, run_worker

TOPIC = "binding.events"
POOL = 3


async def run(config: BindingConfig) -> None:
    db = Database(config.database_url, pool_size=POOL, name="binding-worker")
    await db.open()
    producer = Producer(config.kafka_bootstrap)
    deps = Deps(db, SystemClock(), LocalKeyProvider(config.kek_file))

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping()}

    try:
        heard = periodic(lambda: messages.handle_due(deps), messages.TICK_S)
        jobs = [Relay(db, producer, TOPIC).run, sweeping(deps), heard]
        await run_worker("binding-worker", config, jobs, ready)
    finally:
        await producer.aclose()
        await db.close()
