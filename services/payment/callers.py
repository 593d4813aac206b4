"""What the routes of payment share."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel

from services.payment.deps import Deps


def deps_of(request: Request) -> Deps:
    found: Deps = request.app.state.deps
    return found


def taking(body: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI request body of a route that reads its body itself (docs/adr/0027)."""
    schema = {"application/json": {"schema": body.model_json_schema()}}
    return {"requestBody": {"required": True, "content": schema}}
