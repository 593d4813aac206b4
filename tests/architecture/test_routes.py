"""Every door says who may use it, and the edge's route table knows every public one (§8 #20, #21).

The apps are built exactly as their processes build them, without being started.
"""

import importlib
import inspect
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from gateway.routing import ROUTES, match, table
from services.binding.expensive import ExpensiveRoute
from services.binding.tenancy.permissions import API_KEY, PERMISSIONS
from shared.contracts.principal import Principal
from shared.contracts.speakers import may_speak
from shared.errors import Problem
from shared.web import Guard
from tests.architecture.role_matrix import FILE, ROLES, guards, matrix, routes, spelled
from tests.architecture.tree import SERVICES
from tests.fixtures.clock import NOON, FixedClock
from tests.fixtures.tokens import ServiceKeys

COMING: set[str] = set()
"""Held already, by doors that are being built: what is used must leave this list."""
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
        settings[f"DATABASE_SYSTEM_URL_{service.upper()}"] = "postgresql://system@127.0.0.1:9/none"
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


def test_every_route_declares_exactly_one_guard(apps: dict[str, FastAPI]) -> None:
    """An undeclared door fails here, not in production."""
    seen = 0
    for service, app in apps.items():
        for route in routes(app):
            seen += 1
            assert len(guards(route)) == 1, (service, route.path)
    assert seen >= 25, "the reader above no longer finds the routes"


def test_guards_name_permissions_that_somebody_holds(apps: dict[str, FastAPI]) -> None:
    """A permission nobody has closes a door for ever; a misspelt one looks just like that."""
    held = {permission for granted in PERMISSIONS.values() for permission in granted}
    used = set()
    for app in apps.values():
        for route in routes(app):
            for guard in guards(route):
                if guard.permission is not None:
                    used.add(guard.permission)
                    assert guard.audience in {"user", "pos"}, route.path
                    if guard.audience == "pos":
                        assert guard.permission in API_KEY, route.path
    assert used <= held
    assert held - used == COMING, "a permission that opens no door"


def test_the_path_says_the_audience(apps: dict[str, FastAPI]) -> None:
    for service, app in apps.items():
        for route in routes(app):
            (guard,) = guards(route)
            prefix = route.path.split("/")[1]
            if prefix == "internal":
                assert guard.audience == "service", (service, route.path)
                assert guard.issuers, f"{service} {route.path}: guard('service', issuers=…)"
                assert all(may_speak(one, "service", service) for one in guard.issuers), route.path
            elif route.path.startswith("/api/pos/"):
                assert guard.audience == "pos", (service, route.path)
                assert guard.permission, (service, route.path)
            elif "/device/" in route.path:
                assert guard.audience in {"device", "public"}, (service, route.path)
            else:
                assert guard.audience in {"user", "public"}, (service, route.path)
            if guard.audience == "public":
                assert route.path in {
                    "/api/device/v1/enrol",
                    "/api/merchant/v1/session",
                    "/api/operator/v1/session",
                    "/api/operator/v1/first-run",
                    "/api/public/v1/password",
                    "/api/public/v1/password-link",
                }, "a public door is a decision: list it here"


def test_what_changes_money_or_merchants_needs_a_permission(apps: dict[str, FastAPI]) -> None:
    """S131: a console door that writes names the permission it takes."""
    for app in apps.values():
        for route in routes(app):
            (guard,) = guards(route)
            writes = bool((route.methods or set()) - {"GET", "HEAD"})
            is_own = route.path.endswith(("/session", "/session/step-up"))
            if guard.audience == "user" and writes and not is_own:
                assert guard.permission, route.path


def test_the_edge_covers_every_public_route(apps: dict[str, FastAPI]) -> None:
    rows = table()
    for service, app in apps.items():
        for route in routes(app):
            (guard,) = guards(route)
            for method in route.methods or ():
                if route.path.startswith("/internal/"):
                    assert match(rows, method, route.path) is None, route.path
                    continue
                found = match(rows, method, route.path)
                assert found is not None, f"{method} {route.path} is not in gateway/routing.py"
                assert (found.service, found.audience) == (service, guard.audience), route.path


def says_what_it_answers(route: APIRoute) -> bool:
    """By a model, by a status without a body, or by a kind of content that is no JSON."""
    kind = getattr(route.response_class, "media_type", None)
    is_file = kind is not None and kind != "application/json"
    return _is_model(route.response_model) or route.status_code == 204 or is_file


def _is_model(shape: Any) -> bool:
    """A model, or one of several."""
    shapes = get_args(shape) or (shape,)
    return all(isinstance(one, type) and issubclass(one, BaseModel) for one in shapes)


def test_every_route_says_what_it_answers(apps: dict[str, FastAPI]) -> None:
    """What is not declared stands in no OpenAPI document, and no type of the console knows it."""
    silent = [
        (service, route.path)
        for service, app in apps.items()
        for route in routes(app)
        if not says_what_it_answers(route)
    ]
    assert not silent


def test_a_route_that_does_not_say_it_is_seen() -> None:
    router = APIRouter()

    async def bare(request: Request) -> Response:
        raise AssertionError

    async def loose(request: Request) -> dict[str, str]:
        raise AssertionError

    for number, endpoint in enumerate((bare, loose)):
        router.add_api_route(f"/{number}", endpoint)
    made = [route for route in router.routes if isinstance(route, APIRoute)]
    assert [says_what_it_answers(route) for route in made] == [False, False]


SCHEMA_NAME = re.compile(r"\w+(?:Body|Out|List|Page)")
"""What is taken is a Body, what is answered an Out; several of them are a List, or a Page where
pages have numbers."""

OTHER_NAMES = {"HTTPValidationError", "ValidationError", "ResolvedActing", "ResolvedMore"}
"""FastAPI's own, and the parts of ResolvedOut: golden files keep the names of their classes."""


def misnamed(document: dict[str, Any]) -> set[str]:
    """Schemas of an OpenAPI document with another name; enumerations may, and `OTHER_NAMES`."""
    schemas = document["components"]["schemas"]
    objects = {name for name, schema in schemas.items() if schema["type"] == "object"}
    return {name for name in objects - OTHER_NAMES if not SCHEMA_NAME.fullmatch(name)}


def test_schemas_are_named_for_their_direction(apps: dict[str, FastAPI]) -> None:
    for service, app in apps.items():
        document = app.openapi()
        assert misnamed(document) == set(), service
        document["components"]["schemas"]["OrderDetail"] = {"type": "object"}
        assert misnamed(document) == {"OrderDetail"}


HASHES = re.compile(
    r"\.passwords\.|\b(links\.use|make_operator|make_key_pair|examine|bind_app)\("
    r"|(?<!require)_(sign_in|step_up|change_password|verify|export)\("
)
"""The calls by which a route of binding reaches argon2, RSA or the whole audit log."""


def test_expensive_routes_are_expensive_on_both_sides(apps: dict[str, FastAPI]) -> None:
    """A route that hashes, makes keys or reads a whole log has slots at binding and a class at the
    edge; a new one without them fails here."""
    rows, seen = table(), set()
    for route in routes(apps["binding"]):
        kinds = [
            one.call.kind
            for one in route.dependant.dependencies
            if type(one.call) is ExpensiveRoute
        ]
        is_expensive = HASHES.search(inspect.getsource(route.endpoint)) is not None
        for method in route.methods or ():
            if route.path.startswith("/internal/"):
                assert not kinds
                continue
            door = (method, route.path)
            assert len(kinds) == is_expensive, door
            found = match(rows, *door)
            assert found is not None
            wanted = {"sign_in": {"sign_in"}, None: {"", "platform"}}
            kind = kinds[0] if kinds else None
            assert found.share in wanted.get(kind, {"costly", "platform"}), door
            seen.add(kind)
    assert seen == {None, "sign_in", "password", "keys", "audit", "export"}


def test_the_edge_lists_nothing_that_does_not_exist(apps: dict[str, FastAPI]) -> None:
    served = {
        (service, method, path)
        for service, app in apps.items()
        for route in routes(app)
        for method in route.methods or ()
        for path in (route.path, "/".join(route.path.split("/")[:5]))
    }
    for row in ROUTES:
        for method in row.methods.split():
            assert (row.service, method, row.prefix) in served, (method, row.prefix)


def test_every_role_and_route_is_declared(apps: dict[str, FastAPI]) -> None:
    """S131, N23, §8 #21: a cell that is new or has changed fails until role_matrix.json says so."""
    declared, actual = json.loads(FILE.read_text()), matrix(apps)
    assert declared == actual, "read tests/architecture/role_matrix.py"
    assert FILE.read_text() == spelled(actual)
    for door, row in declared.items():
        assert set(row["roles"]) == (set(ROLES) if row["audience"] == "user" else set()), door


@pytest.mark.asyncio
async def test_the_declared_cells_are_what_the_guards_do(apps: dict[str, FastAPI]) -> None:
    """Each cell, asked of the door's own guard with a token made for that role, as the edge makes
    it; nobody passes without one, and a step-up counts for its five minutes only."""
    declared = json.loads(FILE.read_text())
    clock = FixedClock(NOON)
    for service, app in apps.items():
        for route in routes(app):
            (guard,) = guards(route)
            for method in route.methods or ():
                row = declared[f"{service} {method} {route.path}"]
                for role, cell in row["roles"].items():
                    told = [
                        await _verdict(guard, app, clock, ROLES[role], until)
                        for until in (None, clock.now(), clock.now() + timedelta(minutes=5))
                    ]
                    wanted = {
                        "no": ["auth.forbidden"] * 3,
                        "yes": ["in"] * 3,
                        "step-up": ["auth.step_up_needed", "auth.step_up_needed", "in"],
                    }
                    assert told == wanted[cell], (service, method, route.path, role)


async def _verdict(
    guard: Guard,
    app: FastAPI,
    clock: FixedClock,
    granted: frozenset[str],
    step_up_until: datetime | None,
) -> str:
    caller = Principal(
        kind="user", issuer="gateway-edge", subject=str(UUID(int=1)), tenant_id=UUID(int=2),
        session_id=str(UUID(int=3)), permissions=granted, step_up_until=step_up_until,
    )  # fmt: skip
    scope = {"type": "http", "app": app, "headers": [], "damselfly.principal": caller}
    app.state.verifier.clock = clock
    try:
        await guard(Request(scope))
    except Problem as problem:
        return problem.code
    return "in"
