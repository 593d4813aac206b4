"""Every door says who may use it, and the edge's route table knows every public one (§8 #20, #21).

The apps are built exactly as their processes build them, without being started.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from gateway.routing import ROUTES, match, table
from services.binding.permissions import PERMISSIONS
from shared.web import Guard
from tests.architecture.tree import SERVICES
from tests.fixtures.tokens import ServiceKeys

HEALTH = {"/livez", "/readyz", "/metrics"}
URL = "http://127.0.0.1:9"


@pytest.fixture
def apps(
    service_keys: ServiceKeys, kek_file: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, FastAPI]:
    settings = {
        "LISTEN": "127.0.0.1:0",
        "PUBLIC_URL": URL,
        "EGRESS_URL": URL,
        "KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "SERVICE_TRUST_FILE": str(service_keys.trust_file),
        "KEK_FILE": str(kek_file),
        "ALIPAY_GATEWAY_URL": URL,
    }
    for service in SERVICES:
        settings[f"{service.upper()}_URL"] = URL
        settings[f"DATABASE_URL_{service.upper()}"] = "postgresql://app@127.0.0.1:9/none"
        settings[f"DATABASE_OWNER_URL_{service.upper()}"] = "postgresql://owner@127.0.0.1:9/none"
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    built = {}
    for service in SERVICES:
        monkeypatch.setenv("SERVICE_KEY_FILE", str(service_keys.key_file(service)))
        config = importlib.import_module(f"services.{service}.config")
        app = importlib.import_module(f"services.{service}.app")
        built[service] = app.create_app(getattr(config, f"{service.capitalize()}Config")())
    return built


def _routes(app: FastAPI) -> Iterator[APIRoute]:
    """All API routes, however deep their routers are nested."""
    pending: list[Any] = list(app.routes)
    while pending:
        route = pending.pop()
        if isinstance(route, APIRoute):
            if route.path not in HEALTH:
                yield route
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "app", None) or route
            pending += getattr(inner, "routes", [])


def _guards(route: APIRoute) -> list[Guard]:
    return [
        dependency.call
        for dependency in route.dependant.dependencies
        if isinstance(dependency.call, Guard)
    ]


def test_every_route_declares_exactly_one_guard(apps: dict[str, FastAPI]) -> None:
    """An undeclared door fails here, not in production."""
    seen = 0
    for service, app in apps.items():
        for route in _routes(app):
            seen += 1
            assert len(_guards(route)) == 1, (service, route.path)
    assert seen >= 25, "the reader above no longer finds the routes"


def test_guards_name_permissions_that_somebody_holds(apps: dict[str, FastAPI]) -> None:
    """A permission nobody has closes a door for ever; a misspelt one looks just like that."""
    held = {permission for granted in PERMISSIONS.values() for permission in granted}
    used = set()
    for app in apps.values():
        for route in _routes(app):
            for guard in _guards(route):
                if guard.permission is not None:
                    used.add(guard.permission)
                    assert guard.audience == "user", route.path
    assert used <= held


def test_the_path_says_the_audience(apps: dict[str, FastAPI]) -> None:
    for service, app in apps.items():
        for route in _routes(app):
            (guard,) = _guards(route)
            prefix = route.path.split("/")[1]
            if prefix == "internal":
                assert guard.audience == "service", (service, route.path)
            elif "/device/" in route.path:
                assert guard.audience in {"device", "public"}, (service, route.path)
            else:
                assert guard.audience in {"user", "public"}, (service, route.path)
            if guard.audience == "public":
                assert route.path in {
                    "/api/device/v1/enrol",
                    "/api/merchant/v1/session",
                    "/api/operator/v1/session",
                }, "a public door is a decision: list it here"


def test_what_changes_money_or_merchants_needs_a_permission(apps: dict[str, FastAPI]) -> None:
    """S131: a console door that writes names the permission it takes."""
    for app in apps.values():
        for route in _routes(app):
            (guard,) = _guards(route)
            writes = bool((route.methods or set()) - {"GET", "HEAD"})
            if guard.audience == "user" and writes and not route.path.endswith("/session"):
                assert guard.permission, route.path


def test_the_edge_covers_every_public_route(apps: dict[str, FastAPI]) -> None:
    rows = table()
    for service, app in apps.items():
        for route in _routes(app):
            (guard,) = _guards(route)
            for method in route.methods or ():
                if route.path.startswith("/internal/"):
                    assert match(rows, method, route.path) is None, route.path
                    continue
                found = match(rows, method, route.path)
                assert found is not None, f"{method} {route.path} is not in gateway/routing.py"
                assert (found.service, found.audience) == (service, guard.audience), route.path


def test_the_edge_lists_nothing_that_does_not_exist(apps: dict[str, FastAPI]) -> None:
    served = {
        (service, method, "/".join(route.path.split("/")[:5]))
        for service, app in apps.items()
        for route in _routes(app)
        for method in route.methods or ()
    }
    for row in ROUTES:
        for method in row.methods.split():
            assert (row.service, method, row.prefix) in served, (method, row.prefix)
