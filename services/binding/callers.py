"""What the routes of binding share: who asks, and under which paths."""

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
    """Sealed keys and sessions are for the gateway; the other services have no use for them."""
    if principal(request).issuer not in issuers:
        raise Forbidden("this door is for the gateway")


async def _of_no_store(_request: Request) -> None:
    return None


whole_merchant = within_stores(_of_no_store)
"""For what is not one store's: closed to a person who is bound to some."""


def actor_of(caller: Principal) -> str:
    return f"user:{caller.subject}"
