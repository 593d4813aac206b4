"""The HTTP routes of grants for acting operators, at both consoles."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from services.binding.acting import grants, schemas
from services.binding.acting.grants import GrantRequest
from services.binding.callers import MERCHANT, OPERATOR, deps_of
from services.binding.models import ActingGrant
from services.binding.tenancy.permissions import ACTING_MORE
from shared.contracts import fields
from shared.web import guard, principal

MERCHANT_GRANTS = f"{MERCHANT}/acting/grants"
OPERATOR_GRANTS = f"{OPERATOR}/acting/grants"

router = APIRouter()


# --- for the merchant


@router.get(MERCHANT_GRANTS, dependencies=[guard("user", "audit.read")])
async def list_merchant_grants(request: Request) -> schemas.GrantList:
    """Which operators ask for more than look and help, and which may do more."""
    found = await grants.list_of_merchant(deps_of(request), principal(request).tenant)
    return schemas.GrantList(items=[_grant_out(request, row) for row in found])


@router.post(
    f"{MERCHANT_GRANTS}/{{grant_id}}/give",
    dependencies=[guard("user", "acting.consent", step_up=True)],
)
async def consent(request: Request, grant_id: UUID) -> schemas.GrantOut:
    """An owner agrees: from now on, for as long as was asked for."""
    caller = principal(request)
    row = await grants.decide(
        deps_of(request), "merchant", caller, grant_id, "given", caller.tenant
    )
    return _grant_out(request, row)


@router.post(
    f"{MERCHANT_GRANTS}/{{grant_id}}/refuse",
    dependencies=[guard("user", "acting.consent")],
    status_code=204,
)
async def refuse_operator(request: Request, grant_id: UUID) -> None:
    caller = principal(request)
    await grants.decide(deps_of(request), "merchant", caller, grant_id, "refused", caller.tenant)


@router.post(
    f"{MERCHANT_GRANTS}/{{grant_id}}/withdraw",
    dependencies=[guard("user", "acting.consent")],
    status_code=204,
)
async def withdraw_consent(request: Request, grant_id: UUID) -> None:
    """An owner ends it, whoever gave it, and the operator's acting with it. Twice is once."""
    caller = principal(request)
    await grants.withdraw(deps_of(request), "merchant", caller, grant_id, caller.tenant)


# --- for operators


@router.get(OPERATOR_GRANTS, dependencies=[guard("user", "acting.use")])
async def list_grants(
    request: Request, merchant_id: fields.Id | None = None
) -> schemas.OperatorGrantList:
    """What waits or runs, of all operators, and what became of one's own."""
    caller = principal(request)
    rows = await grants.list_of_operators(deps_of(request), caller, merchant_id)
    return schemas.OperatorGrantList(
        items=[_operator_out(request, row, name, caller.subject) for row, name in rows]
    )


@router.post(OPERATOR_GRANTS, dependencies=[guard("user", "acting.use")], status_code=201)
async def ask(request: Request, body: schemas.GrantBody) -> schemas.GrantOut:
    """Asks the merchant's owners, and the other operators, for more than look and help."""
    wanted = GrantRequest(body.merchant_id, body.permission_set, body.reason, body.minutes)
    row = await grants.request_grant(deps_of(request), principal(request), wanted)
    return _grant_out(request, row)


@router.post(
    f"{OPERATOR_GRANTS}/{{merchant_id}}/{{grant_id}}/give",
    dependencies=[guard("user", "acting.grant", step_up=True)],
)
async def give(request: Request, merchant_id: UUID, grant_id: UUID) -> schemas.GrantOut:
    """A second operator agrees: nobody to themselves, and nobody who is new or newly reset."""
    row = await grants.decide(
        deps_of(request), "operator", principal(request), grant_id, "given", merchant_id
    )
    return _grant_out(request, row)


@router.post(
    f"{OPERATOR_GRANTS}/{{merchant_id}}/{{grant_id}}/refuse",
    dependencies=[guard("user", "acting.grant")],
    status_code=204,
)
async def refuse(request: Request, merchant_id: UUID, grant_id: UUID) -> None:
    await grants.decide(
        deps_of(request), "operator", principal(request), grant_id, "refused", merchant_id
    )


@router.post(
    f"{OPERATOR_GRANTS}/{{merchant_id}}/{{grant_id}}/withdraw",
    dependencies=[guard("user", "acting.use")],
    status_code=204,
)
async def withdraw(request: Request, merchant_id: UUID, grant_id: UUID) -> None:
    """The operator whose it is takes it back or returns it; whoever may give ends another's."""
    await grants.withdraw(deps_of(request), "operator", principal(request), grant_id, merchant_id)


# --- rows to response models


def _facts(request: Request, row: ActingGrant) -> dict[str, Any]:
    state, cause = grants.state_of(row, deps_of(request).clock.now())
    return {
        "grant_id": row.grant_id,
        "operator_name": row.operator_name,
        "permission_set": row.permission_set,
        "permissions": sorted(ACTING_MORE[row.permission_set]),
        "reason": row.reason,
        "minutes": row.minutes,
        "state": state,
        "asked_at": row.asked_at,
        "expires_at": row.expires_at,
        "decided_name": row.decided_name,
        "decided_for": row.decided_for,
        "decided_at": row.decided_at,
        "until": row.until,
        "ended_at": row.ended_at,
        "end_cause": cause,
    }


def _grant_out(request: Request, row: ActingGrant) -> schemas.GrantOut:
    return schemas.GrantOut(**_facts(request, row))


def _operator_out(
    request: Request, row: ActingGrant, merchant_name: str, subject: str
) -> schemas.OperatorGrantOut:
    return schemas.OperatorGrantOut(
        **_facts(request, row),
        merchant_id=row.tenant_id,
        merchant_name=merchant_name,
        is_own=str(row.operator_id) == subject,
    )
