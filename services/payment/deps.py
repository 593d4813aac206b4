"""The dependencies of every use case of this service."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from services.payment.channels.alipay import Alipay
from services.payment.channels.port import Channels
from services.payment.config import PaymentConfig
from services.payment.schedule import Schedule
from services.payment.snapshot import Payment
from services.payment.writes import Writes
from shared.client import ServiceClient
from shared.clock import Clock
from shared.db import Database
from shared.egress import EgressClient
from shared.keys.tokens import TokenSigner

NAME = "payment"
DB_CONNECTIONS = 12
CALLS_MAX = {"api": 384, "worker": 32}
"""Calls to the egress at a time. The API may have as many as the egress lets through, because a
slow channel takes seconds for each; the worker as many as rows that it works on."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once per process."""

    db: Database
    writes: Writes
    """the hot writes of payments, in batches"""
    channels: Channels
    clock: Clock
    schedule: Schedule
    paying: "dict[UUID, asyncio.Future[Payment]]" = field(default_factory=dict)
    """pay calls of this process that are under way, by payment_id: a call goes on when its request
    ends, and a repeated request waits for the same call"""


def build_deps(config: PaymentConfig, clock: Clock, process: str) -> Deps:
    """The dependencies of the `api` or the `worker`; the database is not opened yet."""
    signer = TokenSigner.from_config(NAME, config, clock)
    egress = ServiceClient(
        config.egress_url,
        audience="egress",
        signer=signer,
        pool=CALLS_MAX[process],
        timeout_s=config.channel_wait_s,
    )
    db = Database(
        config.database_url,
        config.database_system_url,
        pool_size=DB_CONNECTIONS,
        name=f"payment-{process}",
    )
    return Deps(
        db=db,
        writes=Writes(db),
        channels=Channels(Alipay(EgressClient(egress), clock)),
        clock=clock,
        schedule=config.schedule,
    )
