"""Builds the device service's API process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.device.config import DeviceConfig
from services.device.routes import router
from services.device.service import Deps
from shared.clock import Clock, SystemClock
from shared.db import Database
from shared.keys.sealed import LocalKeyProvider
from shared.keys.tokens import TokenVerifier
from shared.web import make_app

POOL = 6


def create_app(config: DeviceConfig, clock: Clock | None = None) -> FastAPI:
    clock = clock or SystemClock()
    db = Database(
        config.database_url, config.database_system_url, pool_size=POOL, name="device-api"
    )
    deps = Deps(db, clock, LocalKeyProvider(config.kek_file_device))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await db.open()
        yield
        await db.close()

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping()}

    app = make_app(
        "device",
        verifier=TokenVerifier.from_file("device", config.service_trust_file, clock),
        lifespan=lifespan,
        ready=ready,
        routers=(router,),
    )
    app.state.deps = deps
    return app
