"""Writing into the audit log: one entry, in the transaction of the change itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from services.binding.audit import repo
from services.binding.audit.repo import user_of
from services.binding.deps import Deps
from services.binding.models import AuditEntry
from shared.ids import uuid7

PLATFORM_ACTOR = "platform"
"""The actor in the audit log where no person acted."""


async def audit(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    entry: tuple[str, str, str],
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Adds an entry to the tenant's chain, in the transaction of the change itself. `entry` is
    (actor, action, subject). `reason` is the reason of the change itself, if it has one; otherwise
    the entry gets the reason of the acting under which it was done."""
    actor, action, subject = entry
    now = deps.clock.now()
    name, acting_for = await actor_name_at(tx, tenant_id, actor, now)
    request = get_contextvars()
    row = AuditEntry(
        tenant_id=tenant_id,
        audit_id=uuid7(deps.clock),
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        before=before,
        after=after,
        request_id=request.get("request_id"),
        actor_name=name,
        address=request.get("client_address"),
        reason=reason or acting_for,
    )
    await repo.add(tx, row)


async def actor_name_at(
    tx: AsyncSession, tenant_id: UUID, actor: str, at: datetime
) -> tuple[str, str | None]:
    """(name of the actor at that time, reason). The reason is that of the acting when an operator
    worked on the merchant's behalf, else None."""
    user_id = user_of(actor)
    if user_id is None:
        return actor, None
    acting = await repo.acting_at(tx, tenant_id, user_id, at)
    if acting is not None:
        return acting.operator_name, acting.reason
    return await repo.user_name(tx, user_id) or "", None


async def actor_label(tx: AsyncSession, tenant_id: UUID, actor: str, at: datetime) -> str:
    """The actor as a settings page shows it: the login of one of the merchant's people, or the name
    of the operator who acted, or the name of the command line."""
    user_id = user_of(actor)
    if user_id is None:
        return actor
    acting = await repo.acting_at(tx, tenant_id, user_id, at)
    if acting is not None:
        return acting.operator_name
    return await repo.user_login(tx, user_id) or ""
