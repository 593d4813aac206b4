"""Converts actings to response models."""

from uuid import UUID

from fastapi import Request

from services.binding.acting import schemas, service
from services.binding.callers import deps_of
from services.binding.models import Acting


async def operators_acting(request: Request, tenant_id: UUID) -> list[schemas.OperatorActingOut]:
    rows = await service.acting_for(deps_of(request), tenant_id)
    return [_acting_out(row) for row in rows]


def _acting_out(row: Acting) -> schemas.OperatorActingOut:
    return schemas.OperatorActingOut(
        acting_id=row.acting_id,
        operator_name=row.operator_name,
        reason=row.reason,
        until=row.until,
    )
