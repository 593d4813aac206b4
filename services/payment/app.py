"""The API process."""

from fastapi import FastAPI

from services.payment.config import PaymentConfig
from services.payment.console.routes import router as console_router
from services.payment.deps import build_deps
from services.payment.notices.routes import router as notice_router
from services.payment.payments.routes import router
from services.payment.payments.service import finish_calls
from services.payment.refunds.routes import router as refund_router
from shared.clock import Clock, SystemClock
from shared.process import make_api

SIGNED_BODY_MAX = 256 * 1024
"""A verified notice of 64 KB arrives in base64, with what the gateway has read of it, and notices
that wait together in one body (gateway/alipay/inbound/notify.py); the edge limits other bodies."""


def create_app(config: PaymentConfig, clock: Clock | None = None) -> FastAPI:
    """The payment API as an ASGI app; before it ends, it waits for the pay calls under way."""
    deps = build_deps(config, clock or SystemClock(), "api")
    return make_api(
        __package__,
        config,
        deps,
        (router, console_router, refund_router, notice_router),
        closing=(lambda: finish_calls(deps), deps.channels.aclose),
        body_limit=SIGNED_BODY_MAX,
    )
