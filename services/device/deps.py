"""The dependencies of every use case of this service."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.device.config import DeviceConfig
from shared.clock import Clock
from shared.db import Database
from shared.egress import EgressClient
from shared.keys.sealed import LocalKeyProvider

if TYPE_CHECKING:
    from shared.client import ServiceClient

CONNECTIONS = {"api": 6, "worker": 4}
PLATFORM_CALLS_MAX = 8
PLATFORM_WAIT_S = 20.0


def _nobody() -> "ServiceClient":
    raise RuntimeError("this process asks no platform")


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once for each process."""

    db: Database
    clock: Clock
    key_provider: LocalKeyProvider
    egress: EgressClient = field(default_factory=lambda: EgressClient(_nobody))
    """only the worker calls it"""
    release_requested: asyncio.Event = field(default_factory=asyncio.Event)
    """set when the consumer takes a request about a mini program; wakes the worker's lanes"""


def build_deps(config: DeviceConfig, clock: Clock, process: str) -> Deps:
    """For the `api` or the `worker`; the database is not opened yet."""
    urls = config.database_url, config.database_system_url
    db = Database(*urls, pool_size=CONNECTIONS[process], name=f"device-{process}")

    def connect() -> "ServiceClient":
        from shared.client import ServiceClient
        from shared.keys.tokens import TokenSigner

        signer = TokenSigner.from_config("device", config, clock)
        return ServiceClient(
            config.egress_url, audience="egress", signer=signer,
            pool=PLATFORM_CALLS_MAX, timeout_s=PLATFORM_WAIT_S,
        )  # fmt: skip

    return Deps(db, clock, LocalKeyProvider(config.kek_file_device), EgressClient(connect))
