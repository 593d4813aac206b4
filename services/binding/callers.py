"""What the routes of binding share: path prefixes, and checks of the caller."""

from fastapi import Request

from services.binding.deps import Deps
from shared.contracts.principal import Principal
from shared.errors import Forbidden
from shared.web import principal, within_stores

MERCHANT, OPERATOR, PUBLIC = "/api/merchant/v1", "/api/operator/v1", "/api/public/v1"
ALIPAY_KEY_READERS = frozenset({"gateway-edge", "gateway-egress"})
EDGE_ONLY = frozenset({"gateway-edge"})
EGRESS_ONLY = frozenset({"gateway-egress"})


def deps_of(request: Request) -> Deps:
    found: Deps = request.app.state.deps
    return found


def only(request: Request, issuers: frozenset[str]) -> None:
    """Forbidden unless one of `issuers` calls: sealed keys and sessions are for the gateway
    alone."""
    if principal(request).issuer not in issuers:
        raise Forbidden("this door is for the gateway")


async def _of_no_store(_request: Request) -> None:
    return None


whole_merchant = within_stores(_of_no_store)
"""A guard for routes about the whole merchant: closed to people who are bound to some stores."""


def actor_of(caller: Principal) -> str:
    return f"user:{caller.subject}"
