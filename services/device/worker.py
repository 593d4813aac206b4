"""The worker process: consumes and publishes events, calls Alipay about mini programs, and deletes
old rows."""

from services.device.config import DeviceConfig
from services.device.consumers import handlers
from services.device.deps import build_deps
from services.device.sweeper import jobs
from shared.clock import SystemClock
from shared.contracts.events.device import DeviceEnrolled
from shared.process import work


async def run(config: DeviceConfig) -> None:
    deps = build_deps(config, SystemClock(), "worker")
    closing = (deps.egress.aclose,)
    topic = DeviceEnrolled.topic
    await work(__package__, config, deps, handlers, jobs(deps), publishes=topic, closing=closing)
