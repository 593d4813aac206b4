"""The worker process: consumes binding's events, publishes ours, sweeps, checks invariants."""

from services.payment.config import PaymentConfig
from services.payment.consumers import handlers
from services.payment.deps import build_deps
from services.payment.sweeper import jobs
from shared.clock import SystemClock
from shared.contracts.events.payment import PaymentFact
from shared.process import work


async def run(config: PaymentConfig) -> None:
    deps = build_deps(config, SystemClock(), "worker")
    await work(
        __package__,
        config,
        deps,
        handlers,
        jobs(deps),
        publishes=PaymentFact.topic,
        closing=(deps.channels.aclose,),
    )
