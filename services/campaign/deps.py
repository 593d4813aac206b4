"""The dependencies of every use case of this service."""

from dataclasses import dataclass

from services.campaign.config import CampaignConfig
from shared.clock import Clock
from shared.db import Database

CONNECTIONS = {"api": 10, "worker": 5}
"""In the worker one is for events, the others for the sweeper and the health routes. The relay has
a connection of its own."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once for each process."""

    db: Database
    clock: Clock


def build_deps(config: CampaignConfig, clock: Clock, process: str) -> Deps:
    """For the `api` or the `worker`; the database is not opened yet."""
    urls = config.database_url, config.database_system_url
    db = Database(*urls, pool_size=CONNECTIONS[process], name=f"campaign-{process}")
    return Deps(db, clock)
