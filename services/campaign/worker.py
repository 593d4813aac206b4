"""The worker process: consumes and publishes events, and runs the periodic jobs."""

from services.campaign.config import CampaignConfig
from services.campaign.consumers import handlers
from services.campaign.deps import build_deps
from services.campaign.sweeper import jobs
from shared.clock import SystemClock
from shared.contracts.events.audit import CampaignAudited
from shared.process import work


async def run(config: CampaignConfig) -> None:
    deps = build_deps(config, SystemClock(), "worker")
    await work(__package__, config, deps, handlers, jobs(deps), publishes=CampaignAudited.topic)
