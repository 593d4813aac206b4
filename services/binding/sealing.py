"""Sealing of a tenant's secrets under its own data key, one per purpose."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.deps import Deps
from services.binding.models import DataKey
from shared.keys.sealed import new_data_key, seal


async def _data_key(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str
) -> tuple[str, bytes]:
    """(id of the key-encryption key, wrapped data key) of the tenant and purpose; made on first
    use."""
    provider = deps.key_provider.of(purpose)
    kek_id = provider.kek_id
    known = await queries.data_key(tx, tenant_id, purpose, kek_id)
    if known is not None:
        return kek_id, known
    kek_id, wrapped = new_data_key(provider)
    return kek_id, await queries.put_data_key(
        tx,
        DataKey(
            tenant_id=tenant_id,
            purpose=purpose,
            kek_id=kek_id,
            wrapped=wrapped,
            created_at=deps.clock.now(),
        ),
    )


async def seal_row(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str, plaintext: bytes, aad: str
) -> str:
    """A sealed box, which opens only with the same associated data."""
    kek_id, wrapped = await _data_key(deps, tx, tenant_id, purpose)
    return seal(deps.key_provider.of(purpose), wrapped, plaintext, aad, kek_id)


async def seal_secret(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str, plaintext: bytes, row: str
) -> tuple[str, str]:
    """(box, associated data). The box opens only for that tenant, purpose and row."""
    aad = f"{tenant_id}|{row}|{purpose}"
    return await seal_row(deps, tx, tenant_id, purpose, plaintext, aad), aad
