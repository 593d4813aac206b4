"""Builds the binding service's worker process: relay, consumer, sweeper and messages."""

from services.binding.config import BindingConfig
from services.binding.consumers import handlers
from services.binding.crypto.keks import Keks
from services.binding.deps import Deps
from services.binding.messages import service as messages
from services.binding.onboarding import service as onboarding
from services.binding.sweeper import advancing, anchoring, checking, sweeping
from shared import invariants
from shared.clock import SystemClock
from shared.consumer import Consumer
from shared.db import Database
from shared.kafka import Producer, broker
from shared.outbox import Relay
from shared.worker import periodic, run_worker

TOPIC = "binding.events"
POOL = 4


async def run(config: BindingConfig) -> None:
    db = Database(
        config.database_url, config.database_system_url, pool_size=POOL, name="binding-worker"
    )
    await db.open()
    producer = Producer(broker(config, "binding"))
    deps = Deps(
        db,
        SystemClock(),
        Keks(config.kek_files),
        anchor_file=config.audit_anchor_file,
        anchor_key_file=config.service_key_file,
        trust_file=config.service_trust_file,
        is_sandbox=config.alipay_is_sandbox,
    )
    guided = onboarding.build(config, deps)
    consumer = Consumer(db, handlers, deps, broker(config, "binding"))

    relay = Relay(db, producer, TOPIC, idle_poll_s=config.outbox_idle_poll_ms / 1000)

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping(), "consumer": consumer.joined}

    try:
        heard = periodic(lambda: messages.handle_due(deps), messages.TICK_S)
        timed = [sweeping(deps), anchoring(deps), advancing(guided), checking(guided), heard]
        audited = invariants.checking(db, __file__, deps.clock)
        jobs = [relay.run, consumer.run, *timed, audited]
        await run_worker("binding-worker", config, jobs, ready)
    finally:
        await guided.platform.aclose()
        await producer.aclose()
        await db.close()
