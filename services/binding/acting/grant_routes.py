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
    """The operators' requests for more permissions than look and help, and the grants that were
    given."""
    found = await grants.list_of_merchant(deps_of(request), principal(request).tenant)
    return schemas.GrantList(items=[_grant_out(request, row) for row in found])


@router.post(
    f"{MERCHANT_GRANTS}/{{grant_id}}/give",
    dependencies=[guard("user", "acting.consent", step_up=True)],
)
async def consent(request: Request, grant_id: UUID) -> schemas.GrantOut:
    """An owner gives the grant. It is valid from now on, for the requested time."""
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
async def refuse_grant_request(request: Request, grant_id: UUID) -> None:
    caller = principal(request)
    await grants.decide(deps_of(request), "merchant", caller, grant_id, "refused", caller.tenant)


@router.post(
    f"{MERCHANT_GRANTS}/{{grant_id}}/withdraw",
    dependencies=[guard("user", "acting.consent")],
    status_code=204,
)
async def withdraw_consent(request: Request, grant_id: UUID) -> None:
    """An owner ends the grant, whoever gave it, and with it the operator's acting. A second call
    changes nothing."""
    caller = principal(request)
    await grants.withdraw(deps_of(request), "merchant", caller, grant_id, caller.tenant)


# --- for operators


@router.get(OPERATOR_GRANTS, dependencies=[guard("user", "acting.use")])
async def list_grants(
    request: Request, merchant_id: fields.Id | None = None
) -> schemas.OperatorGrantList:
    """The open requests and grants of all operators, and all those of the caller."""
    caller = principal(request)
    rows = await grants.list_of_operators(deps_of(request), caller, merchant_id)
    return schemas.OperatorGrantList(
        items=[_operator_out(request, row, name, caller.subject) for row, name in rows]
    )


@router.post(OPERATOR_GRANTS, dependencies=[guard("user", "acting.use")], status_code=201)
async def request_grant(request: Request, body: schemas.GrantBody) -> schemas.GrantOut:
    """Requests more permissions than look and help, from the merchant's owners and the other
    operators."""
    wanted = GrantRequest(body.merchant_id, body.permission_set, body.reason, body.minutes)
    row = await grants.request_grant(deps_of(request), principal(request), wanted)
    return _grant_out(request, row)


@router.post(
    f"{OPERATOR_GRANTS}/{{merchant_id}}/{{grant_id}}/give",
    dependencies=[guard("user", "acting.grant", step_up=True)],
)
async def give_grant(request: Request, merchant_id: UUID, grant_id: UUID) -> schemas.GrantOut:
    """A second operator gives the grant. Not the requester, and no account that is new or was reset
    lately."""
    row = await grants.decide(
        deps_of(request), "operator", principal(request), grant_id, "given", merchant_id
    )
    return _grant_out(request, row)


@router.post(
    f"{OPERATOR_GRANTS}/{{merchant_id}}/{{grant_id}}/refuse",
    dependencies=[guard("user", "acting.grant")],
    status_code=204,
)
async def refuse_grant(request: Request, merchant_id: UUID, grant_id: UUID) -> None:
    await grants.decide(
        deps_of(request), "operator", principal(request), grant_id, "refused", merchant_id
    )


@router.post(
    f"{OPERATOR_GRANTS}/{{merchant_id}}/{{grant_id}}/withdraw",
    dependencies=[guard("user", "acting.use")],
    status_code=204,
)
async def withdraw_grant(request: Request, merchant_id: UUID, grant_id: UUID) -> None:
    """The operator withdraws an own request or returns an own grant. Whoever may give grants may
    end those of others, too."""
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
