"""Builds the binding service's API process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI

from services.binding.acting.grant_routes import router as acting_grant_router
from services.binding.acting.routes import at_merchant as acting_at_merchant_router
from services.binding.acting.routes import router as acting_router
from services.binding.audit.routes import router as audit_router
from services.binding.config import BindingConfig
from services.binding.crypto import relying_party
from services.binding.crypto.keks import Keks
from services.binding.crypto.passwords import Passwords
from services.binding.deps import Deps
from services.binding.keys.routes import router as key_router
from services.binding.messages.routes import router as message_router
from services.binding.onboarding import service as onboarding
from services.binding.onboarding.routes import router as onboarding_router
from services.binding.oversight.routes import router as oversight_router
from services.binding.people.first_run import FirstRun
from services.binding.people.first_run_routes import router as first_run_router
from services.binding.people.link_routes import router as link_router
from services.binding.people.routes import router as people_router
from services.binding.sandbox.routes import router as sandbox_router
from services.binding.settings.merchant_routes import router as merchant_router
from services.binding.settings.routes import router as settings_router
from services.binding.sign_in.passkey_routes import router as passkey_router
from services.binding.sign_in.routes import gateway_router as session_gateway_router
from services.binding.sign_in.routes import router as session_router
from services.binding.sign_in.second_factor_routes import router as second_factor_router
from services.binding.tenancy.routes import router as store_router
from shared.clock import Clock, SystemClock
from shared.db import Database
from shared.keys.tokens import TokenVerifier
from shared.web import make_app

POOL = 6
SIGNED_BODY_MAX = 256 * 1024
"""A verified message of 64 KB comes as its bytes and its fields; the edge limits everybody else."""
ROUTERS = (
    session_router,
    acting_router,
    session_gateway_router,
    first_run_router,
    second_factor_router,
    link_router,
    passkey_router,
    people_router,
    merchant_router,
    acting_at_merchant_router,
    store_router,
    oversight_router,
    acting_grant_router,
    audit_router,
    onboarding_router,
    message_router,
    sandbox_router,
    settings_router,
    key_router,
)
"""in the order in which docs/openapi lists their paths"""


def create_app(
    config: BindingConfig, clock: Clock | None = None, passwords: Passwords | None = None
) -> FastAPI:
    clock = clock or SystemClock()
    db = Database(
        config.database_url, config.database_system_url, pool_size=POOL, name="binding-api"
    )
    deps = Deps(
        db,
        clock,
        Keks(config.kek_files),
        passwords or Passwords(),
        anchor_file=config.audit_anchor_file,
        trust_file=config.service_trust_file,
        approve_after=timedelta(hours=config.approve_after_h),
        operators_need_second_factor=config.operator_second_factor,
        relying_party=relying_party.of_url(config.public_url),
        is_sandbox=config.alipay_is_sandbox,
    )

    guided = onboarding.build(config, deps)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await db.open()
        yield
        await guided.platform.aclose()
        await db.close()

    async def ready() -> dict[str, bool]:
        return {"database": await db.ping()}

    app = make_app(
        "binding",
        verifier=TokenVerifier.from_file("binding", config.service_trust_file, clock),
        lifespan=lifespan,
        ready=ready,
        routers=ROUTERS,
        body_limit=SIGNED_BODY_MAX,
    )
    app.state.deps = deps
    app.state.onboarding = guided
    app.state.first_run = FirstRun(deps, config.setup_code_file)
    return app
