"""The API process."""

from fastapi import FastAPI

from services.binding.acting.grant_routes import router as acting_grant_router
from services.binding.acting.routes import at_merchant as acting_at_merchant_router
from services.binding.acting.routes import router as acting_router
from services.binding.audit.routes import router as audit_router
from services.binding.config import BindingConfig
from services.binding.crypto.passwords import Passwords
from services.binding.deps import build_deps
from services.binding.keys.routes import router as key_router
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
from shared.process import make_api

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
    sandbox_router,
    settings_router,
    key_router,
)
"""in the order in which docs/openapi lists their paths"""


def create_app(
    config: BindingConfig, clock: Clock | None = None, passwords: Passwords | None = None
) -> FastAPI:
    """The API on its own database."""
    deps = build_deps(config, clock or SystemClock(), "api", passwords)
    guided = onboarding.build(config, deps)
    app = make_api(__package__, config, deps, ROUTERS, closing=(guided.egress.aclose,))
    app.state.onboarding = guided
    app.state.first_run = FirstRun(deps, config.setup_code_file)
    return app
