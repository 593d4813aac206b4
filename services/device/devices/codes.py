"""Enrolment codes: the open ones, the state of one, and its revocation."""

from collections.abc import Sequence
from uuid import UUID

from services.device.deps import Deps
from services.device.devices import repo, rules
from services.device.devices.rules import CodeState
from services.device.devices.service import audit_event, state_of
from services.device.models import Device, EnrolmentCode
from shared import outbox
from shared.errors import NotFound


async def open_codes(
    deps: Deps, tenant_id: UUID, *, store_ids: frozenset[UUID]
) -> Sequence[tuple[EnrolmentCode, str]]:
    """Codes that would enrol a device now, the newest first, each with its store's name. Only of
    these stores; `store_ids` empty: of all."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.open_codes(tx, tenant_id, deps.clock.now(), store_ids)


async def store_of(deps: Deps, tenant_id: UUID, code_id: UUID) -> UUID | None:
    async with deps.db.read(tenant_id) as tx:
        code = await repo.code(tx, tenant_id, code_id)
    return code.store_id if code is not None else None


async def get_code(
    deps: Deps, tenant_id: UUID, code_id: UUID
) -> tuple[EnrolmentCode, CodeState, Device | None]:
    """A code, its state, and the device that a used code enrolled. NotFound if there is no such
    code, or if it is so old that it was deleted."""
    async with deps.db.read(tenant_id) as tx:
        code = await repo.code(tx, tenant_id, code_id)
        if code is None:
            raise NotFound
        has_maker_left = await repo.has_maker_left(tx, code)
        device = await repo.device(tx, tenant_id, code.device_id) if code.device_id else None
    return code, state_of(code, deps.clock.now(), has_maker_left=has_maker_left), device


async def revoke_code(deps: Deps, tenant_id: UUID, code_id: UUID, *, actor: str) -> None:
    """From now on the code enrols nothing. A second call changes nothing, nor does one for a code
    that has expired. Raises CodeUsed if a device has used it before."""
    async with deps.db.tx(tenant_id) as tx:
        code = await repo.code(tx, tenant_id, code_id, for_update=True)
        if code is None:
            raise NotFound
        if code.used_at is not None:
            raise rules.CodeUsed
        if code.revoked_at is not None or code.expires_at <= deps.clock.now():
            return
        code.revoked_at = deps.clock.now()
        operation = (actor, "device.code_revoke", code_id)
        after = {"store_id": str(code.store_id), "sn": code.sn}
        await outbox.add(tx, audit_event(deps, tenant_id, operation, after))
