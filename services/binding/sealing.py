"""Sealing of a tenant's secrets under its own data key, one per purpose."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import repo
from services.binding.models import DataKey
from services.binding.service import Deps
from shared.sealed import new_data_key, seal


async def seal_secret(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, purpose: str, plaintext: bytes, row: str
) -> tuple[str, str]:
    """(box, associated data); the box opens for that tenant, purpose and row only."""
    kek_id = deps.key_provider.kek_id
    wrapped = await repo.data_key(tx, tenant_id, purpose, kek_id)
    if wrapped is None:
        _, fresh = new_data_key(deps.key_provider)
        wrapped = await repo.put_data_key(
            tx,
            DataKey(
                tenant_id=tenant_id,
                purpose=purpose,
                kek_id=kek_id,
                wrapped=fresh,
                created_at=deps.clock.now(),
            ),
        )
    aad = f"{tenant_id}|{row}|{purpose}"
    return seal(deps.key_provider, wrapped, plaintext, aad), aad
