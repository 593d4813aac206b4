"""What the routes of binding share: path prefixes, and checks of the caller."""

from fastapi import Request

from services.binding.deps import Deps
from shared.contracts.principal import Principal
from shared.web import within_stores

MERCHANT, OPERATOR, PUBLIC = "/api/merchant/v1", "/api/operator/v1", "/api/public/v1"


def deps_of(request: Request) -> Deps:
    found: Deps = request.app.state.deps
    return found


async def _of_no_store(_request: Request) -> None:
    return None


whole_merchant = within_stores(_of_no_store)
"""A guard for routes about the whole merchant: closed to people who are bound to some stores."""


def actor_of(caller: Principal) -> str:
    return f"user:{caller.subject}"
