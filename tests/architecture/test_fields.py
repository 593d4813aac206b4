"""What a route takes is made of shared.contracts.fields: no bare text, instant or number.

Over every request body (also those that a route reads itself), query and path parameter: text has a
marker that says what it may be made of, an instant is bounded and in UTC, a number has both ends.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from datetime import date, datetime, time
from enum import Enum
from types import UnionType
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from annotated_types import Le, Lt
from fastapi.params import Depends
from pydantic import AwareDatetime, Base64Bytes, BaseModel, SecretStr
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict, is_typeddict

from gateway.server import asgi
from services.order.schemas import OrderFilters
from shared.contracts import fields
from shared.contracts.fields import Secret, Text, Verbatim
from tests.architecture.role_matrix import routes
from tests.architecture.tree import SERVICES, parsed, under
from tests.contract.generate import service_app

PLAIN = (UUID, bool, bytes, type(None), Request, Response, asgi.Request)
"""They have no odd values, or are no fields."""
MARKERS = (Text, Secret, Verbatim)
EGRESS_PARAMS = "gateway.egress _CallBody.params[]: typing.Any is none of shared.contracts.fields"
"""From our own services only, and read once more as the parameters of the method asked for."""
READERS = {"parse", "model_validate_json", "model_validate"}


def _is_bounded(facts: list[Any]) -> bool:
    inner = [one for fact in facts for one in (fact, *getattr(fact, "metadata", ()))]
    return any(isinstance(one, Le | Lt) for one in inner)


def faults(shape: Any, where: str, facts: tuple[Any, ...] = (), seen: set[Any] | None = None
           ) -> Iterator[str]:  # fmt: skip
    """What of a type is bare, however deep it lies."""
    seen = set() if seen is None else seen
    origin, parts = get_origin(shape), get_args(shape)
    if origin is Annotated:
        if shape is not Base64Bytes:
            yield from faults(parts[0], where, (*facts, *parts[1:]), seen)
    elif origin in (Union, UnionType):
        for part in parts:
            yield from faults(part, where, facts, seen)
    elif origin is Literal or shape in PLAIN or isinstance(shape, ForwardRef):
        return
    elif origin is not None:
        for part in parts:
            yield from faults(part, f"{where}[]", (), seen)
    elif isinstance(shape, type) and issubclass(shape, BaseModel):
        if shape not in seen:
            seen.add(shape)
            for name, hint in get_type_hints(shape, include_extras=True).items():
                if name in shape.model_fields:
                    told = tuple(shape.model_fields[name].metadata)
                    yield from faults(hint, f"{where}.{name}", told, seen)
    elif is_typeddict(shape):
        for name, hint in get_type_hints(shape, include_extras=True).items():
            yield from faults(hint, f"{where}.{name}", (), seen)
    elif isinstance(shape, type) and issubclass(shape, Enum):
        return
    elif shape in (str, SecretStr):
        if not any(isinstance(fact, MARKERS) for fact in facts):
            yield f"{where}: bare {shape.__name__}"
    elif shape in (datetime, AwareDatetime):
        wanted = get_args(fields.Instant)[-1]
        if wanted not in facts:
            yield f"{where}: an instant that is not fields.Instant"
    elif shape is int:
        if not _is_bounded(list(facts)):
            yield f"{where}: a number without an upper end"
    else:
        yield f"{where}: {shape!r} is none of shared.contracts.fields"


def taken(endpoint: Any) -> Iterator[tuple[str, Any]]:
    """The parameters of an endpoint and of what it depends on."""
    hints = get_type_hints(endpoint, include_extras=True)
    for name, parameter in inspect.signature(endpoint).parameters.items():
        hint = hints.get(name, parameter.annotation)
        depends = [one for one in get_args(hint)[1:] if isinstance(one, Depends)]
        if depends and depends[0].dependency is not None:
            yield from taken(depends[0].dependency)
        else:
            yield name, hint


def test_every_parameter_and_body_is_made_of_shared_fields() -> None:
    found, seen = [], 0
    for service in SERVICES:
        for route in routes(service_app(service)):
            for name, hint in taken(route.endpoint):
                seen += 1
                found += faults(hint, f"{service} {route.path} {name}")
    assert not found, "\n".join(found)
    assert seen >= 150, "the reader above no longer finds the parameters"


def _read_by_hand() -> Iterator[tuple[str, str]]:
    """(module, model) of each `parse(request, Model)` and `Model.model_validate…(…)` at a door."""
    for path in under("services", "gateway"):
        if not path.stem.endswith("routes") and path.stem not in {"egress", "edge"}:
            continue
        module = ".".join(path.with_suffix("").parts)
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call):
                continue
            call = node.func
            if isinstance(call, ast.Name) and call.id == "parse":
                yield module, ast.unparse(node.args[1])
            elif isinstance(call, ast.Attribute) and call.attr in READERS:
                yield module, ast.unparse(call.value)


def test_bodies_that_a_route_reads_itself_are_too() -> None:
    found, seen = [], set()
    for module, name in _read_by_hand():
        model = importlib.import_module(module)
        for part in name.split("."):
            model = getattr(model, part, None)
        if isinstance(model, type) and issubclass(model, BaseModel):
            if module.endswith("audit.routes"):
                continue  # answers, read from rows
            seen.add(model.__name__)
            found += faults(model, f"{module} {name}")
    assert found == [EGRESS_PARAMS]
    assert {"PayBody", "NoticesBody", OrderFilters.__name__} <= seen


def test_a_body_is_a_parameter_of_its_route_but_for_these() -> None:
    """ADR 0027: the hot path reads its bodies itself, and two checks of a store read them, too."""
    found = {
        f"{path} {ast.unparse(node.args[1])}"
        for path in under("services")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "parse" and node.args[1:]
        if ast.unparse(node.args[0]) == "request"
    }
    assert found == {
        "services/payment/payments/routes.py PayBody",
        "services/payment/notices/routes.py NoticesBody",
        "services/device/devices/routes.py schemas.CodeBody",
        "services/device/devices/routes.py schemas.DeviceChangeBody",
    }


class _Bad(BaseModel):
    text: str
    maybe: str | None = None
    many: list[str] = []
    table: dict[str, Annotated[str, Text(3)]] = {}
    secret: SecretStr | None = None
    at: AwareDatetime | None = None
    naive: datetime | None = None
    day: date | None = None
    hour: time | None = None
    number: int = 0
    real: float = 0.0
    anything: Any = None


class _Good(BaseModel):
    text: Annotated[str, Text(3)]
    maybe: Annotated[str, Text(3)] | None = None
    table: dict[Annotated[str, Text(3)], Annotated[str, Verbatim(3)]] = {}
    secret: Annotated[SecretStr, Secret(3)] | None = None
    at: fields.Instant | None = None
    which: fields.Id | None = None
    word: Literal["a"] = "a"
    number: fields.Version = 0
    page: fields.PageNumber | None = None


@pytest.mark.parametrize("name", _Bad.model_fields)
def test_each_bare_type_is_seen(name: str) -> None:
    assert [one for one in faults(_Bad, "x") if one.startswith((f"x.{name}:", f"x.{name}[]:"))]


class _BadDict(TypedDict):
    word: fields.Word
    text: str


class _Holder(BaseModel):
    items: list[_BadDict]


def test_a_bare_type_within_a_typed_dict_is_seen() -> None:
    assert list(faults(_Holder, "x")) == ["x.items[].text: bare str"]


def test_good_types_pass() -> None:
    assert list(faults(_Good, "x")) == []
