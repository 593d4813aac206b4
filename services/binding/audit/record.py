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
"""who did it, in the audit log, where no person did"""


async def audit(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    what: tuple[str, str, str],
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Adds to the tenant's chain, in the transaction of the change itself; `what` is (actor,
    action, subject). `reason`: why, where the change has one of its own."""
    actor, action, subject = what
    now = deps.clock.now()
    name, acting_for = await who(tx, tenant_id, actor, now)
    request = get_contextvars()
    entry = AuditEntry(
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
    await repo.add(tx, entry)


async def who(
    tx: AsyncSession, tenant_id: UUID, actor: str, at: datetime
) -> tuple[str, str | None]:
    """How the actor was called then, and, when it was an operator on the merchant's behalf, why."""
    user_id = user_of(actor)
    if user_id is None:
        return actor, None
    acting = await repo.acting_at(tx, tenant_id, user_id, at)
    if acting is not None:
        return acting.operator_name, acting.reason
    return await repo.user_name(tx, user_id) or "", None


async def signature(tx: AsyncSession, tenant_id: UUID, actor: str, at: datetime) -> str:
    """The actor as a settings page names them: a login of the merchant's, or what the operator who
    acted, or a command line, is called."""
    user_id = user_of(actor)
    if user_id is None:
        return actor
    acting = await repo.acting_at(tx, tenant_id, user_id, at)
    if acting is not None:
        return acting.operator_name
    return await repo.user_login(tx, user_id) or ""
