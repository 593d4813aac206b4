"""Builds the payment API from its settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.payment.config import PaymentConfig
from services.payment.console.routes import router as console_router
from services.payment.deps import NAME, build_deps
from services.payment.notices.routes import router as notice_router
from services.payment.payments.routes import router
from services.payment.payments.service import finish_calls
from services.payment.refunds.routes import router as refund_router
from shared.clock import Clock, SystemClock
from shared.keys.tokens import TokenVerifier
from shared.web import make_app

SIGNED_BODY_MAX = 256 * 1024
"""A verified notice of 64 KB comes as its bytes and its fields; the edge limits everybody else."""
EGRESS_CALLS_MAX = 384
"""As many as the egress lets through to the channel; a slow channel holds them for seconds."""


def create_app(config: PaymentConfig, clock: Clock | None = None) -> FastAPI:
    """The payment API as an ASGI app."""
    clock = clock or SystemClock()
    deps = build_deps(config, clock, process="payment-api", calls_max=EGRESS_CALLS_MAX)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await deps.db.open()
        app.state.deps = deps
        try:
            yield
        finally:
            await finish_calls(deps)
            await deps.channels.aclose()
            await deps.db.close()

    async def ready() -> Mapping[str, bool]:
        return {"database": await deps.db.ping()}

    verifier = TokenVerifier.from_file(NAME, config.service_trust_file, clock)
    return make_app(
        NAME,
        verifier=verifier,
        lifespan=lifespan,
        ready=ready,
        routers=(router, console_router, refund_router, notice_router),
        body_limit=SIGNED_BODY_MAX,
    )
