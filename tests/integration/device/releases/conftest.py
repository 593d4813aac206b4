"""The worker's part of the device service, against the open platform that the tests play."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest_asyncio

from services.device.consumers import take_requests
from services.device.releases import service
from shared.client import ServiceClient
from shared.contracts.events import decode
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import ReleaseRequested
from shared.contracts.events.device import ReleaseChanged
from shared.egress import EgressClient
from tests.integration.device.conftest import MERCHANT
from tests.integration.open_platform import Platform

APP_ID = "2021000000000001"
LEASE_S = 65


class Killed(BaseException):
    """The worker's process ended here."""


@dataclass
class Releases:
    """`await releases.request("review", "act", form=…)` is what binding publishes; `.work()` and
    `.look()` are the worker's rounds; `.told()` what was published, in order."""

    deps: Any
    database: Any
    clock: Any
    platform: Any

    def event(self, step, kind, tenant_id=MERCHANT, **members):
        known = {"app_id": APP_ID, "app_version": "1.0.0", "actor": "user:1"} | members
        return ReleaseRequested(
            **stamp(tenant_id, self.clock), **{"request_id": uuid4()} | known, step=step, kind=kind
        )

    async def take(self, *events):
        async with self.deps.db.pg(None) as pg:
            await take_requests(self.deps, pg, events)

    async def request(self, step, kind, **members):
        event = self.event(step, kind, **members)
        await self.take(event)
        return event.request_id

    async def work(self):
        return await service.work_off(self.deps)

    async def look(self):
        return await service.look_round(self.deps)

    async def done(self, step, kind, **members):
        """Requested and worked off; what came of it."""
        await self.request(step, kind, **members)
        await self.work()
        return (await self.told())[-1]

    async def told(self):
        rows = await self.database.fetch("SELECT payload, type FROM outbox ORDER BY seq")
        return [decode(bytes(row["payload"])) for row in rows if row["type"] == ReleaseChanged.type]

    async def after_a_kill(self):
        """Another worker, once the lease of the dead one is over."""
        self.clock.advance(LEASE_S + 1)
        return await self.work()


@pytest_asyncio.fixture(scope="module")
async def open_platform():
    platform = Platform()
    await platform.start()
    yield platform
    await platform.stop()


@pytest_asyncio.fixture
async def releases(device, open_platform, service_keys, clock):
    open_platform.forget()
    client = ServiceClient(
        open_platform.url, audience="egress", signer=service_keys.signer("device", clock),
        timeout_s=5,
    )  # fmt: skip
    deps = replace(device.deps, egress=EgressClient(client))
    yield Releases(deps, device.database, clock, open_platform)
    await client.aclose()
