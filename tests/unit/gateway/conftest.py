"""An edge and an egress in this process, with stand-ins for everything around them."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.config import EdgeConfig, EgressConfig
from gateway.edge import Edge
from gateway.egress import Egress
from gateway.server.asgi import HttpApp
from gateway.server.connections import ConnectionLimits
from gateway.server.static import StaticFiles
from shared.keys.sealed import LocalKeyProvider
from shared.keys.tokens import TokenVerifier
from tests.fixtures.clock import FixedClock
from tests.fixtures.keys import RsaPair
from tests.fixtures.tokens import ServiceKeys
from tests.unit.gateway.neighbours import (
    DEVICE,
    ROUTE,
    Neighbour,
    app_document,
    credential_document,
)
from tests.unit.gateway.wire import BODY_MAX, Served, serving


@dataclass
class Town:
    """Every neighbour by name, and the doors."""

    clock: FixedClock
    binding: Neighbour
    device: Neighbour
    payment: Neighbour
    campaign: Neighbour
    order: Neighbour
    alipay: Neighbour
    edge: Edge
    door: HttpApp
    egress: Egress
    egress_door: HttpApp
    keys: ServiceKeys

    def verifier(self, audience: str) -> TokenVerifier:
        return self.keys.verifier(audience, self.clock)


@pytest_asyncio.fixture
async def town(
    clock: FixedClock,
    kek: LocalKeyProvider,
    kek_file: Path,
    service_keys: ServiceKeys,
    app_keys: RsaPair,
    alipay_keys: RsaPair,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Town]:
    names = ("binding", "device", "payment", "campaign", "order", "alipay")
    neighbours = {name: await Neighbour().start() for name in names}
    for name in names:
        neighbours[name].on("GET", "/livez", {"status": "live"})
    settings = {
        "KAFKA_BOOTSTRAP": "127.0.0.1:9", "KEK_FILE": str(kek_file),
        "SERVICE_TRUST_FILE": str(service_keys.trust_file), "PUBLIC_URL": "https://pay.example.test",
        "ALIPAY_GATEWAY_URL": neighbours["alipay"].url + "/gateway.do",
        **{f"{name.upper()}_URL": neighbours[name].url for name in names[:5]},
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SERVICE_KEY_FILE", str(service_keys.key_file("gateway-edge")))
    # Whether somebody has built the console in this tree must not matter here.
    monkeypatch.setattr("gateway.edge.StaticFiles", lambda: StaticFiles(tmp_path / "no-console"))
    edge = Edge(EdgeConfig(), clock)
    edge._refusal_delay.base_s = 0
    monkeypatch.setenv("SERVICE_KEY_FILE", str(service_keys.key_file("gateway-egress")))
    egress = Egress(EgressConfig(alipay_timeout_ms=10_000), clock)
    app = app_document(kek, app_keys, alipay_keys)
    neighbours["binding"].on("GET", f"/internal/notify-routes/{ROUTE}", app)
    neighbours["binding"].on("GET", "/internal/apps/" + app["app_id"], app)
    neighbours["device"].on(
        "GET", f"/internal/devices/{DEVICE}/credential", credential_document(kek)
    )
    yield Town(
        clock=clock, edge=edge, egress=egress, keys=service_keys,
        door=HttpApp(edge.handle, edge.lifespan, unreadable_page=edge.page_for_unreadable_path),
        egress_door=HttpApp(egress.handle, egress.lifespan),
        **neighbours,
    )  # fmt: skip
    await edge.aclose()
    await egress.aclose()
    for neighbour in neighbours.values():
        await neighbour.stop()


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    async with contextlib.AsyncExitStack() as stack:

        async def started(
            delay_s: Callable[[str], float] = lambda _address: 0.0, **limits: Any
        ) -> Served:
            return await stack.enter_async_context(
                serving(ConnectionLimits(BODY_MAX, **limits), delay_s)
            )

        yield started
