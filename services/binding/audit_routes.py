"""The HTTP door of the audit log: a merchant's, and the operators' own (S132)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from services.binding import audit, people_schemas
from services.binding.audit_repo import AuditFilter
from services.binding.callers import deps_of
from services.binding.costly import costly
from services.binding.models import AuditEntry
from services.binding.session_routes import MERCHANT, OPERATOR
from shared.fields import Instant, PageNumber, PageSize, Text
from shared.web import guard, principal

Said = Annotated[str, Text(128, min=0)]

router = APIRouter()


def _filter(
    actor: Said | None = None,
    action: Said | None = None,
    subject: Said | None = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
) -> AuditFilter:
    return AuditFilter(actor, action, subject, since, until)


Wanted = Annotated[AuditFilter, Depends(_filter)]


async def _list(
    request: Request, wanted: AuditFilter, page: int, page_size: int
) -> people_schemas.AuditPage:
    rows, total = await audit.list_audit(
        deps_of(request), principal(request).tenant, wanted, page=page, page_size=page_size
    )
    items = [_entry_out(row) for row in rows]
    return people_schemas.AuditPage(items=items, total=total, page=page, page_size=page_size)


async def _export(request: Request, wanted: AuditFilter) -> StreamingResponse:
    await audit.check_export(deps_of(request), principal(request).tenant, wanted)
    return StreamingResponse(
        audit.export_audit(deps_of(request), principal(request).tenant, wanted),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


async def _verify(request: Request) -> people_schemas.VerdictOut:
    found = await audit.verify_audit(deps_of(request), principal(request).tenant)
    return people_schemas.VerdictOut.model_validate(found, from_attributes=True)


@router.get(f"{MERCHANT}/audit", dependencies=[guard("user", "audit.read")])
async def list_merchant_audit(
    request: Request, wanted: Wanted, page: PageNumber = 1, page_size: PageSize = 20
) -> people_schemas.AuditPage:
    return await _list(request, wanted, page, page_size)


@router.get(f"{OPERATOR}/audit", dependencies=[guard("user", "operators.audit")])
async def list_operator_audit(
    request: Request, wanted: Wanted, page: PageNumber = 1, page_size: PageSize = 20
) -> people_schemas.AuditPage:
    return await _list(request, wanted, page, page_size)


@router.get(
    f"{MERCHANT}/audit/export",
    dependencies=[guard("user", "audit.read"), costly("audit")],
    response_class=StreamingResponse,
)
async def export_merchant_audit(request: Request, wanted: Wanted) -> StreamingResponse:
    return await _export(request, wanted)


@router.get(
    f"{OPERATOR}/audit/export",
    dependencies=[guard("user", "operators.audit"), costly("audit")],
    response_class=StreamingResponse,
)
async def export_operator_audit(request: Request, wanted: Wanted) -> StreamingResponse:
    return await _export(request, wanted)


@router.post(
    f"{MERCHANT}/audit/verify", dependencies=[guard("user", "audit.read"), costly("audit")]
)
async def verify_merchant_audit(request: Request) -> people_schemas.VerdictOut:
    """Computes the whole chain again and holds it against the anchors."""
    return await _verify(request)


@router.post(
    f"{OPERATOR}/audit/verify", dependencies=[guard("user", "operators.audit"), costly("audit")]
)
async def verify_operator_audit(request: Request) -> people_schemas.VerdictOut:
    """Computes the whole chain again and holds it against the anchors."""
    return await _verify(request)


def _entry_out(row: AuditEntry) -> people_schemas.AuditOut:
    return people_schemas.AuditOut.model_validate(row, from_attributes=True)
