"""The worker process: consumes and publishes events, calls Alipay about mini programs, and deletes
old rows."""

from dataclasses import replace

from services.device.config import DeviceConfig
from services.device.consumers import handlers
from services.device.deps import build_deps, egress_client
from services.device.sweeper import jobs
from shared.clock import SystemClock
from shared.contracts.events.device import DeviceEnrolled
from shared.process import work


async def run(config: DeviceConfig) -> None:
    clock = SystemClock()
    egress = egress_client(config, clock)
    deps = replace(build_deps(config, clock, "worker"), egress=egress)
    topic, closing = DeviceEnrolled.topic, (egress.aclose,)
    await work(__package__, config, deps, handlers, jobs(deps), publishes=topic, closing=closing)
