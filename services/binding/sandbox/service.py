"""The use cases of a rehearsal: an application of the sandbox for a merchant to bind, and how a
payment of one of its applications ends.

Where the egress calls the real Alipay, it returns 404 and nothing happens here. Everything is
created in the sandbox alone; the merchant changes only when its own people bind the application.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.keys import bound_apps, pasted
from services.binding.keys import generated as key_pairs
from services.binding.onboarding.service import Onboarding
from shared.errors import InvalidBody

KEY_FIELD = "/public_key"
Outcome = Literal["paid", "refused", "buyer_confirms", "unknown"]


@dataclass(frozen=True, slots=True)
class SandboxApp:
    """What the open platform's page would show after the upload of a public key."""

    app_id: str
    seller_id: str
    alipay_public_key: str


async def make_app(
    on: Onboarding,
    tenant_id: UUID,
    *,
    public_key: str | None,
    key_pair_id: UUID | None,
    actor: str,
) -> SandboxApp:
    """Creates an application with our public key, which was pasted or is of a generated pair.
    Raises KeyRefused for an unusable key, and the sandbox's own problems unchanged."""
    spki = await _public_key(on.deps, tenant_id, public_key, key_pair_id)
    made = await _rehearse(on, tenant_id, "apps", {"public_key": spki})
    app = SandboxApp(made["app_id"], made["seller_id"], made["alipay_public_key"])
    async with on.deps.db.tx(tenant_id) as tx:
        entry = (actor, "sandbox.app", app.app_id)
        await audit(on.deps, tx, tenant_id, entry, after={"seller_id": app.seller_id})
    return app


async def _public_key(
    deps: Deps, tenant_id: UUID, public_key: str | None, key_pair_id: UUID | None
) -> str:
    if public_key is not None and key_pair_id is None:
        return pasted.read_public_key(public_key, KEY_FIELD).spki
    if key_pair_id is not None and public_key is None:
        pair = await key_pairs.waiting_pair(deps, tenant_id, key_pair_id)
        if pair is not None:
            return pair.public.spki
    message = "二者给一个 give either this or key_pair_id"
    raise InvalidBody(errors=[{"pointer": KEY_FIELD, "message": message}])


async def choose_outcome(
    on: Onboarding,
    tenant_id: UUID,
    *,
    app_id: str,
    outcome: Outcome,
    auth_code: str | None,
    actor: str,
) -> None:
    """Sets how one payment of an application ends: the payment with the code, or without a code the
    next one. NotFound when the application is not the merchant's."""
    await bound_apps.own_app(on.deps, tenant_id, app_id)
    body = {"app_id": app_id, "outcome": outcome, "auth_code": auth_code}
    body = {name: value for name, value in body.items() if value is not None}
    await _rehearse(on, tenant_id, "outcome", body)
    async with on.deps.db.tx(tenant_id) as tx:
        entry = (actor, "sandbox.outcome", app_id)
        await audit(on.deps, tx, tenant_id, entry, after={"outcome": outcome})


async def _rehearse(on: Onboarding, tenant_id: UUID, path: str, body: Mapping[str, Any]) -> Any:
    """Calls the sandbox's own API through the egress. Its problems are raised unchanged,
    `sandbox.absent` where the egress calls the real Alipay. Unavailable without a response."""
    peer = on.egress.client
    return await peer.call_ok("POST", f"/sandbox/{path}", body=body, tenant_id=tenant_id)
