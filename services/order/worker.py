"""The worker process: consumes events, and deletes old rows of the inbox."""

from services.order.config import OrderConfig
from services.order.consumers import handlers
from services.order.deps import build_deps
from services.order.sweeper import jobs
from shared.clock import SystemClock
from shared.process import work


async def run(config: OrderConfig) -> None:
    deps = build_deps(config, SystemClock(), "worker")
    await work(__package__, config, deps, handlers, jobs(deps))
