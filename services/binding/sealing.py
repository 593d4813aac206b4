"""Sealing of a tenant's secrets under its own data key, one per purpose."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import repo
from services.binding.models import DataKey
from services.binding.service import Deps
from shared.sealed import new_data_key, seal


async def data_key(deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str) -> bytes:
    """The tenant's wrapped data key for that purpose, made on first use."""
    kek_id = deps.key_provider.kek_id
    known = await repo.data_key(tx, tenant_id, purpose, kek_id)
    if known is not None:
        return known
    _, wrapped = new_data_key(deps.key_provider)
    return await repo.put_data_key(
        tx,
        DataKey(
            tenant_id=tenant_id,
            purpose=purpose,
            kek_id=kek_id,
            wrapped=wrapped,
            created_at=deps.clock.now(),
        ),
    )


async def seal_secret(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str, plaintext: bytes, row: str
) -> tuple[str, str]:
    """(box, associated data); the box opens for that tenant, purpose and row only."""
    wrapped = await data_key(deps, tx, tenant_id, purpose)
    aad = f"{tenant_id}|{row}|{purpose}"
    return seal(deps.key_provider, wrapped, plaintext, aad), aad
