"""The dependencies of every use case of this service."""

from dataclasses import dataclass

from services.device.config import DeviceConfig
from shared.clock import Clock
from shared.db import Database
from shared.keys.sealed import LocalKeyProvider

CONNECTIONS = {"api": 6, "worker": 4}


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once for each process."""

    db: Database
    clock: Clock
    key_provider: LocalKeyProvider


def build_deps(config: DeviceConfig, clock: Clock, process: str) -> Deps:
    """For the `api` or the `worker`; the database is not opened yet."""
    urls = config.database_url, config.database_system_url
    db = Database(*urls, pool_size=CONNECTIONS[process], name=f"device-{process}")
    return Deps(db, clock, LocalKeyProvider(config.kek_file_device))
