"""The dependencies of every use case of this service."""

from dataclasses import dataclass

from services.order.config import OrderConfig
from shared.clock import Clock
from shared.db import Database

CONNECTIONS = {"api": 10, "worker": 3}
"""In the worker one is for events, the others for the housekeeping and the health routes."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once for each process."""

    db: Database
    clock: Clock


def build_deps(config: OrderConfig, clock: Clock, process: str) -> Deps:
    """For the `api` or the `worker`; the database is not opened yet."""
    urls = config.database_url, config.database_system_url
    db = Database(*urls, pool_size=CONNECTIONS[process], name=f"order-{process}")
    return Deps(db, clock)
