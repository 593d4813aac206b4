"""A worker process: concurrent jobs, health routes, and a clean stop on SIGTERM."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence

from shared import telemetry, tracing
from shared.config import BaseConfig
from shared.db import is_connection_lost
from shared.serve import Ready, health_server
from shared.telemetry import get_logger

Job = Callable[[], Awaitable[None]]

log = get_logger("worker")


async def run_worker(name: str, config: BaseConfig, jobs: Sequence[Job], ready: Ready) -> None:
    """Runs all jobs until SIGTERM or SIGINT. If a job ends or fails, the process ends, and the
    supervisor starts a new one."""
    telemetry.configure(name, config.log_level)
    tracing.configure(name, config.otel_exporter_otlp_endpoint)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with health_server(config, ready):
        # After the server started: uvicorn installs handlers of its own while it serves.
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop.set)
        tasks = [asyncio.ensure_future(job()) for job in (stop.wait, *jobs)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                log.error("worker.job_failed", exc_info=task.exception())
                raise SystemExit(1)


def periodic(work: Callable[[], Awaitable[object]], every_s: float) -> Job:
    """A job that runs `work` every `every_s` seconds, also after a database or peer was
    unavailable."""

    async def run() -> None:
        while True:
            try:
                await work()
            except Exception as error:
                if not is_connection_lost(error):
                    raise
                log.warning("worker.peer_away", error=type(error).__name__)
                await asyncio.sleep(max(every_s, 0.5))
            await asyncio.sleep(every_s)

    return run
