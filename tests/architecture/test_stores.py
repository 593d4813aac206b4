"""A person bound to certain stores meets a check at every door that names something of a store."""

from collections.abc import Iterator
from typing import Any, get_args

from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.web import StoreScope
from tests.architecture.role_matrix import guards, routes
from tests.architecture.tree import SERVICES
from tests.contract.generate import service_app

OF_A_STORE = {"store_id", "store_ids", "device_id", "payment_id", "order_no", "key_id"}
NARROWED = {
    # lists that the use case narrows to the caller's stores
    "GET /api/merchant/v1/orders": "order: test_list",
    "GET /api/pos/v1/orders": "order: test_pos",
    "GET /api/merchant/v1/dashboard": "order: test_dashboard",
    "GET /api/merchant/v1/stores": "binding: test_scope",
    "GET /api/merchant/v1/devices": "device: test_scope",
    "GET /api/merchant/v1/refunds": "payment: test_refund_list",
    "GET /api/merchant/v1/devices/codes": "device: test_codes",
    "GET /api/merchant/v1/dashboard/last-payments": "order: test_dashboard",
    # one's own session says what one's stores are
    "GET /api/merchant/v1/session": "one's own",
    "GET /api/operator/v1/session": "one's own",
    "POST /api/operator/v1/acting": "one's own",
    # operators are bound to no store
    "GET /api/operator/v1/staff": "operator",
    "POST /api/operator/v1/staff": "operator",
    "PATCH /api/operator/v1/staff/{user_id}": "operator",
    "GET /api/operator/v1/merchants/{merchant_id}/stores": "operator",
    "GET /api/operator/v1/devices": "operator",
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
    seen = set()
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
                assert len(scopes) == (0 if name in NARROWED else 1), (
                    f"{service} {name}: within_stores() after the guard"
                )
    assert set(NARROWED) <= seen, "a route that is no more must leave the list"
    assert len(seen) - len(NARROWED) >= 15, "the reader above no longer finds the routes"


def test_the_scope_stands_behind_the_guard() -> None:
    """What is another store's is told to nobody without the permission."""
    for service in SERVICES:
        for route in routes(service_app(service)):
            kinds = [type(one.call).__name__ for one in route.dependant.dependencies]
            if "StoreScope" in kinds:
                assert kinds.index("Guard") < kinds.index("StoreScope"), route.path
