"""Data keys in a service's own table `data_keys`: one for each tenant, purpose and key-encryption
key, created when it is first needed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.keys.sealed import KeyProvider, new_data_key

_FIND = text("SELECT wrapped FROM data_keys WHERE tenant_id = :t AND purpose = :p AND kek_id = :k")
_PUT = text(
    "INSERT INTO data_keys (tenant_id, purpose, kek_id, wrapped, created_at)"
    " VALUES (:t, :p, :k, :wrapped, :at) ON CONFLICT DO NOTHING"
)


async def data_key(
    tx: AsyncSession, provider: KeyProvider, tenant_id: UUID, purpose: str, now: datetime
) -> tuple[str, bytes]:
    """(id of the key-encryption key, wrapped data key). If two are made at once, one is kept."""
    name = {"t": tenant_id, "p": purpose, "k": provider.kek_id}
    known: bytes | None = await tx.scalar(_FIND, name)
    if known is None:
        name["k"], wrapped = new_data_key(provider)
        await tx.execute(_PUT, {**name, "wrapped": wrapped, "at": now})
        known = (await tx.scalars(_FIND, name)).one()
    return str(name["k"]), known
