"""The API process."""

from fastapi import FastAPI

from services.device.config import DeviceConfig
from services.device.deps import build_deps
from services.device.devices.routes import router as device_router
from services.device.releases.routes import router as release_router
from shared.clock import Clock, SystemClock
from shared.process import make_api

SIGNED_BODY_MAX = 256 * 1024
"""A verified message of 64 KB arrives in base64, and once more as its fields; the edge limits other
bodies."""


def create_app(config: DeviceConfig, clock: Clock | None = None) -> FastAPI:
    """The app on its own database."""
    deps = build_deps(config, clock or SystemClock(), "api")
    routers = (device_router, release_router)
    return make_api(__package__, config, deps, routers, body_limit=SIGNED_BODY_MAX)
