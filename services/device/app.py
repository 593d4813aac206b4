"""The API process."""

from fastapi import FastAPI

from services.device.config import DeviceConfig
from services.device.deps import build_deps
from services.device.devices.routes import router
from shared.clock import Clock, SystemClock
from shared.process import make_api


def create_app(config: DeviceConfig, clock: Clock | None = None) -> FastAPI:
    """The app on its own database."""
    deps = build_deps(config, clock or SystemClock(), "api")
    return make_api(__package__, config, deps, (router,))
