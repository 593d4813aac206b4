"""Sealing of a tenant's secrets under its own data key, one per purpose."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.deps import Deps
from shared.keys.data_keys import data_key
from shared.keys.sealed import seal


async def seal_row(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str, plaintext: bytes, aad: str
) -> str:
    """A sealed box, which opens only with the same associated data."""
    provider = deps.key_provider.of(purpose)
    kek_id, wrapped = await data_key(tx, provider, tenant_id, purpose, deps.clock.now())
    return seal(provider, wrapped, plaintext, aad, kek_id)


async def seal_secret(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str, plaintext: bytes, row: str
) -> tuple[str, str]:
    """(box, associated data). The box opens only for that tenant, purpose and row."""
    aad = f"{tenant_id}|{row}|{purpose}"
    return await seal_row(deps, tx, tenant_id, purpose, plaintext, aad), aad
