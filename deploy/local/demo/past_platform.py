"""The platform in the past: the apps of its processes once more, in this process, on the same
databases, under a clock that is set from outside.

It opens no other way in: devices sign, people sign in, and egress calls Alipay as always. The demo
merchant gets its days before today from it; production has no such clock.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from deploy.local.demo.past_clock import PastClock
from deploy.local.layout import Layout
from gateway import edge, egress
from gateway.config import EdgeConfig, EgressConfig
from services.binding import app as binding
from services.binding.config import BindingConfig
from services.device import app as device
from services.device.config import DeviceConfig
from services.payment import app as payment
from services.payment.config import PaymentConfig
from shared.serve import Http

START_POLL_S = 0.02
ISSUERS = {
    "binding": "binding",
    "device": "device",
    "payment": "payment",
    "egress": "gateway-egress",
    "edge": "gateway-edge",
}


class _Server(uvicorn.Server):
    """Several share one process, which handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def platform(layout: Layout, clock: PastClock) -> AsyncIterator[str]:
    """The address of its edge, for the block's length. Settings come from the environment."""
    sockets = {name: _bound_socket() for name in ISSUERS}
    urls = {name: f"http://127.0.0.1:{bound.getsockname()[1]}" for name, bound in sockets.items()}
    keys = {name: layout.secrets / f"{issuer}.pem" for name, issuer in ISSUERS.items()}
    apps = _apps(clock, urls, keys)
    servers = {name: _server(app) for name, app in apps.items()}
    async with asyncio.TaskGroup() as group:
        ends = {
            name: group.create_task(server.serve(sockets=[sockets[name]]))
            for name, server in servers.items()
        }
        try:
            while not all(  # noqa: ASYNC110 - a server does not report when it has started
                server.started for server in servers.values()
            ):
                await asyncio.sleep(START_POLL_S)
            yield urls["edge"]
        finally:
            # At their end these two report the last use of devices and keys to the others.
            for name in ("edge", "egress"):
                servers[name].should_exit = True
                await asyncio.wait({ends[name]})
            for server in servers.values():
                server.should_exit = True


def _apps(clock: PastClock, urls: dict[str, str], keys: dict[str, Any]) -> dict[str, Any]:
    def settings(name: str, *peers: str) -> dict[str, Any]:
        return {"service_key_file": keys[name], **{f"{peer}_url": urls[peer] for peer in peers}}

    return {
        "binding": binding.create_app(BindingConfig(**settings("binding", "egress")), clock),
        "device": device.create_app(DeviceConfig(**settings("device")), clock),
        "payment": payment.create_app(PaymentConfig(**settings("payment", "egress")), clock),
        "egress": egress.create_app(EgressConfig(**settings("egress", "binding")), clock),
        "edge": edge.create_app(
            EdgeConfig(**settings("edge", "binding", "device", "payment")), clock
        )[0],
    }  # fmt: skip


def _bound_socket() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def _server(app: Any) -> _Server:
    return _Server(
        uvicorn.Config(
            app, http=Http, access_log=False, log_config=None, ws="none", lifespan="on",
            proxy_headers=False, timeout_graceful_shutdown=2,
        )
    )  # fmt: skip
