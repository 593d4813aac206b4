"""The worker process: consumes and publishes events, runs the periodic jobs, and checks the
progress of work at the open platform."""

from services.binding.config import BindingConfig
from services.binding.consumers import handlers
from services.binding.deps import build_deps
from services.binding.onboarding import service as onboarding
from services.binding.sweeper import jobs
from shared.clock import SystemClock
from shared.contracts.events.binding import StoreCreated
from shared.process import work


async def run(config: BindingConfig) -> None:
    deps = build_deps(config, SystemClock(), "worker")
    guided = onboarding.build(config, deps)
    await work(
        __package__,
        config,
        deps,
        handlers,
        jobs(guided),
        publishes=StoreCreated.topic,
        closing=(guided.egress.aclose,),
    )
