"""Enrolment codes that nobody has used yet: which there are, and taking one back."""

from collections.abc import Sequence
from uuid import UUID

from services.device import domain, repo
from services.device.models import EnrolmentCode
from services.device.service import Deps, audited
from shared import outbox
from shared.errors import NotFound


async def open_codes(
    deps: Deps, tenant_id: UUID, *, seen: frozenset[UUID]
) -> Sequence[tuple[EnrolmentCode, str]]:
    """Codes that would enrol a device now, the newest first, each with its store's name. `seen`:
    the only stores that count; empty: all."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.open_codes(tx, tenant_id, deps.clock.now(), seen)


async def store_of(deps: Deps, tenant_id: UUID, code_id: UUID) -> UUID | None:
    async with deps.db.read(tenant_id) as tx:
        code = await repo.code(tx, tenant_id, code_id)
    return code.store_id if code is not None else None


async def revoke_code(deps: Deps, tenant_id: UUID, code_id: UUID, *, actor: str) -> None:
    """From now on it enrols nothing; twice is once. Raises CodeUsed when a device was quicker."""
    async with deps.db.tx(tenant_id) as tx:
        code = await repo.code(tx, tenant_id, code_id, for_update=True)
        if code is None:
            raise NotFound
        if code.used_at is not None:
            raise domain.CodeUsed
        if code.revoked_at is not None:
            return
        code.revoked_at = deps.clock.now()
        what = (actor, "device.code_revoke", code_id)
        after = {"store_id": str(code.store_id), "sn": code.sn}
        await outbox.add(tx, audited(deps, tenant_id, what, after))
