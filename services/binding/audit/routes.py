"""The HTTP routes of the audit log: a merchant's log, and the operators' own (S132)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.binding.audit import log, schemas
from services.binding.audit.repo import AuditFilter
from services.binding.callers import MERCHANT, OPERATOR, deps_of
from services.binding.expensive import expensive
from services.binding.models import AuditEntry
from shared.contracts.fields import Instant, PageNumber, PageSize, Text
from shared.web import Streamed, guard, principal

FilterText = Annotated[str, Text(128, min=0)]

After = Annotated[int, Query(ge=0, lt=2**63)]

router = APIRouter()


class Csv(Response):
    media_type = "text/csv"


def _filter(
    actor: FilterText | None = None,
    action: FilterText | None = None,
    subject: FilterText | None = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
) -> AuditFilter:
    return AuditFilter(actor, action, subject, since, until)


Wanted = Annotated[AuditFilter, Depends(_filter)]


async def _list(
    request: Request, wanted: AuditFilter, page: int, page_size: int
) -> schemas.AuditPage:
    rows, total, names = await log.list_audit(
        deps_of(request), principal(request).tenant, wanted, page=page, page_size=page_size
    )
    items = [_entry_out(row, names.get(row.subject)) for row in rows]
    return schemas.AuditPage(items=items, total=total, page=page, page_size=page_size)


async def _export(request: Request, wanted: AuditFilter, after: int) -> Response:
    parts = await log.begin_export(deps_of(request), principal(request), wanted, after)
    headers = {"Content-Disposition": f'attachment; filename="audit-{after + 1}.csv"'}
    return Streamed(parts, media_type="text/csv; charset=utf-8", headers=headers)


async def _verify(request: Request) -> schemas.VerdictOut:
    found = await log.verify_audit(deps_of(request), principal(request).tenant)
    return schemas.VerdictOut.model_validate(found, from_attributes=True)


@router.get(f"{MERCHANT}/audit", dependencies=[guard("user", "audit.read")])
async def list_merchant_audit(
    request: Request, wanted: Wanted, page: PageNumber = 1, page_size: PageSize = 20
) -> schemas.AuditPage:
    return await _list(request, wanted, page, page_size)


@router.get(f"{OPERATOR}/audit", dependencies=[guard("user", "operators.audit")])
async def list_operator_audit(
    request: Request, wanted: Wanted, page: PageNumber = 1, page_size: PageSize = 20
) -> schemas.AuditPage:
    return await _list(request, wanted, page, page_size)


@router.get(
    f"{MERCHANT}/audit/export",
    dependencies=[guard("user", "audit.read"), expensive("export")],
    response_class=Csv,
)
async def export_merchant_audit(request: Request, wanted: Wanted, after: After = 0) -> Response:
    """The file, sent while it is made. A download that broke off can be continued after its last
    entry."""
    return await _export(request, wanted, after)


@router.get(
    f"{OPERATOR}/audit/export",
    dependencies=[guard("user", "operators.audit"), expensive("export")],
    response_class=Csv,
)
async def export_operator_audit(request: Request, wanted: Wanted, after: After = 0) -> Response:
    """The file, sent while it is made. A download that broke off can be continued after its last
    entry."""
    return await _export(request, wanted, after)


@router.post(
    f"{MERCHANT}/audit/verify", dependencies=[guard("user", "audit.read"), expensive("audit")]
)
async def verify_merchant_audit(request: Request) -> schemas.VerdictOut:
    """Computes the whole chain again and compares it with the anchors."""
    return await _verify(request)


@router.post(
    f"{OPERATOR}/audit/verify", dependencies=[guard("user", "operators.audit"), expensive("audit")]
)
async def verify_operator_audit(request: Request) -> schemas.VerdictOut:
    """Computes the whole chain again and compares it with the anchors."""
    return await _verify(request)


def _entry_out(row: AuditEntry, name: str | None) -> schemas.AuditOut:
    found = schemas.AuditOut.model_validate(row, from_attributes=True)
    return found.model_copy(update={"subject_name": name})
