"""A person bound to certain stores meets a check at every door that names something of a store, and
a list that is narrowed for them instead is asked as such a person by a test."""

import ast
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.web import StoreScope
from tests.architecture.role_matrix import guards, routes
from tests.architecture.tree import ROOT, SERVICES
from tests.contract.generate import service_app

OF_A_STORE = {"store_id", "store_ids", "device_id", "payment_id", "order_no", "key_id"}
NARROWED = {
    "GET /api/merchant/v1/orders": "order/test_scope.py::test_the_order_list",
    "GET /api/pos/v1/orders": "order/test_pos.py::test_a_key_of_one_store_reads_that_store",
    "GET /api/merchant/v1/dashboard": "order/test_scope.py::test_the_dashboard",
    "GET /api/merchant/v1/dashboard/last-payments": (
        "order/test_dashboard.py::test_last_payments_of_ones_own_stores"
    ),
    "GET /api/merchant/v1/stores": "binding/test_scope.py::test_a_person_of_one_store",
    "GET /api/merchant/v1/devices": "device/test_scope.py::test_a_person_of_one_store",
    "GET /api/merchant/v1/devices/codes": "device/devices/test_codes.py::test_who_may_not",
    "GET /api/merchant/v1/refunds": (
        "payment/refunds/test_refund_list.py::test_nobody_sees_beyond_their_stores_or_merchant"
    ),
}
"""Lists that the use case narrows to the caller's stores, each with the integration test that asks
as such a caller."""
UNBOUND = {
    # one's own session says what one's stores are
    "GET /api/merchant/v1/session",
    "GET /api/operator/v1/session",
    "POST /api/operator/v1/acting",
    # operators are bound to no store
    "GET /api/operator/v1/staff",
    "POST /api/operator/v1/staff",
    "PATCH /api/operator/v1/staff/{user_id}",
    "GET /api/operator/v1/merchants/{merchant_id}/stores",
    "GET /api/operator/v1/devices",
}


def _names(shape: Any, seen: set[Any]) -> Iterator[str]:
    """The members of a model, and of all it is made of."""
    if shape in seen:
        return
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        seen.add(shape)
        for name, member in shape.model_fields.items():
            yield name
            yield from _names(member.annotation, seen)
    for part in get_args(shape):
        if not isinstance(part, str):
            yield from _names(part, seen)


def names_of(route: APIRoute) -> set[str]:
    """What a route takes in its path, query and body, and what it answers."""
    flat = route.dependant
    given = [*flat.path_params, *flat.query_params]
    found = {field.alias for field in given}
    if route.body_field is not None:
        found.update(_names(route.body_field.field_info.annotation, set()))
    found.update(_names(route.response_model, set()))
    return found


def test_each_route_of_a_stores_things_checks_whose_they_are() -> None:
    seen, unchecked = set(), UNBOUND | set(NARROWED)
    for service in SERVICES:
        for route in routes(service_app(service)):
            (guard,) = guards(route)
            if guard.audience not in {"user", "pos"} or not names_of(route) & OF_A_STORE:
                continue
            scopes = [
                one for one in route.dependant.dependencies if isinstance(one.call, StoreScope)
            ]
            for method in route.methods or ():
                name = f"{method} {route.path}"
                seen.add(name)
                assert len(scopes) == (0 if name in unchecked else 1), (
                    f"{service} {name}: within_stores() after the guard"
                )
    assert unchecked <= seen, "a route that is no more must leave the list"
    assert len(seen - unchecked) >= 15, "the reader above no longer finds the routes"


def _asks_as_of_a_store(test: ast.AST) -> bool:
    """Whether it makes a caller of stores that it names one by one."""
    return any(
        isinstance(node, ast.keyword)
        and node.arg == "store_ids"
        and isinstance(node.value, ast.List)
        and node.value.elts != []
        for node in ast.walk(test)
    )


@pytest.mark.parametrize("route", sorted(NARROWED))
def test_each_list_is_asked_by_a_person_of_one_store(route: str) -> None:
    file, _, name = NARROWED[route].partition("::")
    tree = ast.parse((ROOT / "tests" / "integration" / file).read_text())
    tests = {one.name: one for one in tree.body if isinstance(one, ast.AsyncFunctionDef)}
    assert name in tests, f"{NARROWED[route]} is no test"
    assert _asks_as_of_a_store(tests[name]), f"{NARROWED[route]} passes no store_ids"


def test_the_scope_stands_behind_the_guard() -> None:
    """What is another store's is told to nobody without the permission."""
    for service in SERVICES:
        for route in routes(service_app(service)):
            kinds = [type(one.call).__name__ for one in route.dependant.dependencies]
            if "StoreScope" in kinds:
                assert kinds.index("Guard") < kinds.index("StoreScope"), route.path
