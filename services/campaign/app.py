"""The API process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.campaign.config import CampaignConfig
from services.campaign.routes import router
from services.campaign.service import Deps
from shared.clock import Clock, SystemClock
from shared.db import Database
from shared.keys.tokens import TokenVerifier
from shared.web import make_app


def create_app(config: CampaignConfig, clock: Clock | None = None) -> FastAPI:
    """The app on its own database; nothing is opened before the server starts."""
    clock = clock or SystemClock()
    db = Database(config.database_url, config.database_system_url, name="campaign-api")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await db.open()
        try:
            yield
        finally:
            await db.close()

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping()}

    app = make_app(
        "campaign",
        verifier=TokenVerifier.from_file("campaign", config.service_trust_file, clock),
        lifespan=lifespan,
        ready=ready,
        routers=(router,),
    )
    app.state.deps = Deps(db=db, clock=clock)
    return app
