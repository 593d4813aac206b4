"""The HTTP routes of rehearsals, in the sandbox only; elsewhere 404 `sandbox.absent`."""

from fastapi import APIRouter, Request

from services.binding.callers import MERCHANT, actor_of
from services.binding.onboarding.service import Onboarding
from services.binding.sandbox import service
from services.binding.sandbox.schemas import OutcomeBody, SandboxAppBody, SandboxAppOut
from shared.web import guard, principal

router = APIRouter()


def _on(request: Request) -> Onboarding:
    found: Onboarding = request.app.state.onboarding
    return found


@router.post(
    f"{MERCHANT}/sandbox/apps", dependencies=[guard("user", "apps.write")], status_code=201
)
async def make_app(request: Request, body: SandboxAppBody) -> SandboxAppOut:
    """Creates an application in the sandbox, to be bound: its AppID, the account that is paid, and
    Alipay's public key."""
    caller = principal(request)
    made = await service.make_app(
        _on(request),
        caller.tenant,
        public_key=body.public_key,
        key_pair_id=body.key_pair_id,
        actor=actor_of(caller),
    )
    return SandboxAppOut(
        app_id=made.app_id, seller_id=made.seller_id, alipay_public_key=made.alipay_public_key
    )


@router.post(
    f"{MERCHANT}/sandbox/outcome", dependencies=[guard("user", "apps.write")], status_code=204
)
async def choose_outcome(request: Request, body: OutcomeBody) -> None:
    """Chooses the outcome of one payment of the merchant's app: the one with that code, or without
    a code the next one. The last choice before the payment applies."""
    caller = principal(request)
    await service.choose_outcome(
        _on(request),
        caller.tenant,
        app_id=body.app_id,
        outcome=body.outcome,
        auth_code=body.auth_code,
        actor=actor_of(caller),
    )
