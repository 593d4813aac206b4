"""The payment worker: consumes binding's events, relays the outbox, sweeps, audits."""

from collections.abc import Mapping

from services.payment.config import PaymentConfig
from services.payment.consumers import handlers
from services.payment.deps import NAME, build_deps
from services.payment.sweeper import (
    CALLS_MAX,
    PURGE_EVERY_S,
    Sweeper,
    purge,
)
from shared import invariants
from shared.clock import Clock
from shared.consumer import Consumer
from shared.contracts.events.payment import PaymentFact
from shared.kafka import Producer, broker
from shared.outbox import Relay
from shared.worker import periodic, run_worker


async def run(config: PaymentConfig, clock: Clock) -> None:
    """Works until SIGTERM."""
    deps = build_deps(config, clock, process="payment-worker", calls_max=CALLS_MAX)
    await deps.db.open()
    producer = Producer(broker(config, "payment"))
    consumer = Consumer(deps.db, handlers, deps, broker(config, "payment"))

    idle_poll_s = config.outbox_idle_poll_ms / 1000
    relay = Relay(deps.db, producer, PaymentFact.topic, idle_poll_s=idle_poll_s)

    async def ready() -> Mapping[str, bool]:
        return {"database": await deps.db.ping(), "consumer": consumer.joined}

    jobs = [
        consumer.run,
        relay.run,
        Sweeper(deps).run,
        periodic(lambda: purge(deps), PURGE_EVERY_S),
        invariants.checking(deps.db, __file__, clock),
    ]
    try:
        await run_worker(f"{NAME}-worker", config, jobs, ready)
    finally:
        await producer.aclose()
        await deps.channels.aclose()
        await deps.db.close()
