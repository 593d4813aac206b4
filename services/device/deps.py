"""The dependencies of every use case of this service."""

import asyncio
from dataclasses import dataclass, field

from services.device.config import DeviceConfig
from shared.client import ServiceClient
from shared.clock import Clock
from shared.db import Database
from shared.egress import EgressClient
from shared.keys.sealed import LocalKeyProvider
from shared.keys.tokens import TokenSigner

CONNECTIONS = {"api": 6, "worker": 4}
PLATFORM_CALLS_MAX = 8
PLATFORM_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once for each process."""

    db: Database
    clock: Clock
    key_provider: LocalKeyProvider
    egress: EgressClient | None = None
    """the worker's; no other process calls the platform"""
    release_requested: asyncio.Event = field(default_factory=asyncio.Event)
    """set when the consumer takes a request about a mini program; wakes the worker's lanes"""


def build_deps(config: DeviceConfig, clock: Clock, process: str) -> Deps:
    """For the `api` or the `worker`; the database is not opened yet."""
    urls = config.database_url, config.database_system_url
    db = Database(*urls, pool_size=CONNECTIONS[process], name=f"device-{process}")
    return Deps(db, clock, LocalKeyProvider(config.kek_file_device))


def egress_client(config: DeviceConfig, clock: Clock) -> EgressClient:
    client = ServiceClient(
        config.egress_url,
        audience="egress",
        signer=TokenSigner.from_config("device", config, clock),
        pool=PLATFORM_CALLS_MAX,
        timeout_s=PLATFORM_WAIT_S,
    )
    return EgressClient(client)
