"""The worker process: consumes and publishes events, and forgets what is over."""

from services.device.config import DeviceConfig
from services.device.consumers import handlers
from services.device.deps import build_deps
from services.device.devices.service import sweep
from shared.clock import SystemClock
from shared.contracts.events.device import DeviceEnrolled
from shared.process import work
from shared.worker import periodic

SWEEP_EVERY_S = 600.0


async def run(config: DeviceConfig) -> None:
    deps = build_deps(config, SystemClock(), "worker")
    jobs = [periodic(lambda: sweep(deps), SWEEP_EVERY_S)]
    await work(__package__, config, deps, handlers, jobs, publishes=DeviceEnrolled.topic)
