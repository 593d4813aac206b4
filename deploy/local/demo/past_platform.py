"""The platform on another day: the apps of its own processes once more, in this process, on the
same databases, under a clock that is told where it stands.

Nothing of it is another way in: a device signs, a person signs in, egress asks Alipay, as ever. It
is how a demo merchant comes to have days before today; production has no such clock.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from deploy.local.demo.past_clock import Then
from deploy.local.layout import Layout
from gateway import edge, egress
from gateway.config import EdgeConfig, EgressConfig
from services.binding import app as binding
from services.binding.config import BindingConfig
from services.device import app as device
from services.device.config import DeviceConfig
from services.payment import app as payment
from services.payment.config import PaymentConfig

STARTED_AGAIN_S = 0.02
ISSUERS = {
    "binding": "binding",
    "device": "device",
    "payment": "payment",
    "egress": "gateway-egress",
    "edge": "gateway-edge",
}


class _Server(uvicorn.Server):
    """Several share one process, which has its own idea of when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def platform(layout: Layout, clock: Then) -> AsyncIterator[str]:
    """The address of its edge, for the block's length. Settings come from the environment."""
    doors = {name: _door() for name in ISSUERS}
    urls = {name: f"http://127.0.0.1:{door.getsockname()[1]}" for name, door in doors.items()}
    keys = {name: layout.secrets / f"{issuer}.pem" for name, issuer in ISSUERS.items()}
    apps = _apps(clock, urls, keys)
    servers = {name: _server(app) for name, app in apps.items()}
    async with asyncio.TaskGroup() as group:
        ends = {
            name: group.create_task(server.serve(sockets=[doors[name]]))
            for name, server in servers.items()
        }
        try:
            while not all(  # noqa: ASYNC110 - a server tells nobody when it has started
                server.started for server in servers.values()
            ):
                await asyncio.sleep(STARTED_AGAIN_S)
            yield urls["edge"]
        finally:
            # What these two still know of devices and keys they tell the others when they end.
            for name in ("edge", "egress"):
                servers[name].should_exit = True
                await asyncio.wait({ends[name]})
            for server in servers.values():
                server.should_exit = True


def _apps(clock: Then, urls: dict[str, str], keys: dict[str, Any]) -> dict[str, Any]:
    def told(name: str, *peers: str) -> dict[str, Any]:
        return {"service_key_file": keys[name], **{f"{peer}_url": urls[peer] for peer in peers}}

    return {
        "binding": binding.create_app(BindingConfig(**told("binding", "egress")), clock),
        "device": device.create_app(DeviceConfig(**told("device")), clock),
        "payment": payment.create_app(PaymentConfig(**told("payment", "egress")), clock),
        "egress": egress.create_app(EgressConfig(**told("egress", "binding")), clock),
        "edge": edge.create_app(
            EdgeConfig(**told("edge", "binding", "device", "payment")), clock
        )[0],
    }  # fmt: skip


def _door() -> socket.socket:
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    return door


def _server(app: Any) -> _Server:
    return _Server(
        uvicorn.Config(
            app, access_log=False, log_config=None, ws="none", lifespan="on",
            proxy_headers=False, timeout_graceful_shutdown=2,
        )
    )  # fmt: skip
