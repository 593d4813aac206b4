"""The API process."""

from fastapi import FastAPI

from services.campaign.config import CampaignConfig
from services.campaign.deps import build_deps
from services.campaign.routes import router
from shared.clock import Clock, SystemClock
from shared.process import make_api


def create_app(config: CampaignConfig, clock: Clock | None = None) -> FastAPI:
    """The app on its own database."""
    deps = build_deps(config, clock or SystemClock(), "api")
    return make_api(__package__, config, deps, (router,))
