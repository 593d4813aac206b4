"""Writes role_matrix.json: who may open which door, spelled out route by route and role by role.

Run `python -m tests.architecture.role_matrix` after a door or a permission has changed, and read
the diff as what it is: a change of somebody's power. `make check` only compares, so an undeclared
or changed cell fails until somebody has looked at it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.binding.tenancy.permissions import ACTING_MORE, PERMISSIONS, of_acting
from services.binding.tenancy.rules import Role
from shared.web import Guard
from tests.architecture.tree import SERVICES

FILE = Path(__file__).with_name("role_matrix.json")
HEALTH = {"/livez", "/readyz", "/metrics"}
ROLES = {role.value: granted for role, granted in PERMISSIONS.items()} | {
    "acting_ops": of_acting(Role.OPERATOR_OPS),
    "acting_admin": of_acting(Role.OPERATOR_ADMIN),
    "acting_granted": of_acting(Role.OPERATOR_ADMIN, ACTING_MORE),
}
"""Six roles, and operators who act for a merchant: by role, and with all that can be given."""


def routes(app: FastAPI) -> Iterator[APIRoute]:
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


def guards(route: APIRoute) -> list[Guard]:
    return [
        dependency.call
        for dependency in route.dependant.dependencies
        if isinstance(dependency.call, Guard)
    ]


def cell(guard: Guard, role: str) -> str:
    """`no`, `yes`, or `step-up`: only a moment after the password was entered."""
    if guard.audience != "user":
        return "no"
    if guard.permission is not None and guard.permission not in ROLES[role]:
        return "no"
    return "step-up" if guard.step_up else "yes"


def matrix(apps: dict[str, FastAPI]) -> dict[str, Any]:
    """`service METHOD path` -> audience, permission, and one cell per role."""
    found = {}
    for service, app in apps.items():
        for route in routes(app):
            (guard,) = guards(route)
            for method in sorted(route.methods or ()):
                found[f"{service} {method} {route.path}"] = {
                    "audience": guard.audience,
                    "permission": guard.permission,
                    "roles": {role: cell(guard, role) for role in ROLES}
                    if guard.audience == "user"
                    else {},
                }
    return dict(sorted(found.items()))


def spelled(found: dict[str, Any]) -> str:
    """One line per door, so that a diff shows doors."""
    lines = [f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    from tests.contract.generate import service_app

    FILE.write_text(spelled(matrix({name: service_app(name) for name in SERVICES})))
    sys.stdout.write(f"wrote {FILE.name}\n")


if __name__ == "__main__":
    main()
