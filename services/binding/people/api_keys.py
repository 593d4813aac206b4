"""The use cases of API keys for a merchant's own programs (POS, ERP).

The secret is shown once. Its digest is stored as evidence, and the secret itself sealed: the edge
opens it to check HMACs, as it does for devices.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import PLATFORM_ACTOR, audit
from services.binding.deps import Deps
from services.binding.models import ApiKey, User
from services.binding.people import repo
from services.binding.sealing import seal_secret
from services.binding.tenancy import authorization, permissions
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.rules import UnknownStores
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import ApiKeyRevoked
from shared.contracts.principal import Principal
from shared.errors import InvalidBody, NotFound
from shared.ids import random_token

PURPOSE = "api-key"
NEEDED = "api_keys.write"
MAKERS_PER_ROUND = 100
ID_BYTES = 12
SECRET_BYTES = 32


async def list_api_keys(
    deps: Deps, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[ApiKey], int]:
    async with deps.db.read(tenant_id) as tx:
        return await repo.api_keys(tx, tenant_id, page=page, page_size=page_size)


async def create_api_key(
    deps: Deps, caller: Principal, *, name: str, store_id: UUID | None
) -> tuple[ApiKey, str]:
    """Creates a key: (key, secret). Nobody can read the secret again. Forbidden when the caller has
    lost the permission since the token was made."""
    key_id, secret = f"dk_{random_token(ID_BYTES)}", random_token(SECRET_BYTES)
    tenant_id = caller.tenant
    async with deps.db.tx(tenant_id) as tx:
        await authorization.require(tx, tenant_id, UUID(caller.subject), NEEDED)
        if store_id and not await tenancy_repo.known_stores(tx, tenant_id, [store_id]):
            raise UnknownStores
        box, aad = await seal_secret(deps, tx, tenant_id, PURPOSE, secret.encode(), key_id)
        key = ApiKey(
            tenant_id=tenant_id,
            key_id=key_id,
            name=name,
            store_id=store_id,
            secret_digest=tenancy_rules.sha256_hex(secret),
            secret_box=box,
            secret_aad=aad,
            created_by=UUID(caller.subject),
            created_at=deps.clock.now(),
        )
        tx.add(key)
        await tx.flush()
        entry = (f"user:{caller.subject}", "api_key.create", key_id)
        await audit(deps, tx, tenant_id, entry, after=_facts(key))
    return key, secret


async def revoke_api_key(deps: Deps, caller: Principal, key_id: str) -> None:
    """Revokes the key and erases its sealed secret. A second call changes nothing."""
    async with deps.db.tx(caller.tenant) as tx:
        key = await repo.api_key_for_update(tx, caller.tenant, key_id)
        if key is None:
            raise NotFound
        if key.revoked_at is None:
            await _revoke(deps, tx, key, f"user:{caller.subject}")


async def release_keys(
    deps: Deps, tx: AsyncSession, person: User, heir_id: UUID | None, *, actor: str
) -> None:
    """Hands over or revokes the keys of a person who may no longer have any, in the caller's
    transaction. `heir_id`: who gets them; None: they are revoked. InvalidBody when that person may
    not have keys either."""
    keys = await repo.active_keys_of(tx, person.tenant_id, person.user_id)
    if heir_id is not None:
        heir = await tenancy_repo.user(tx, person.tenant_id, heir_id)
        may = heir is not None and heir.is_enabled and heir.user_id != person.user_id
        if heir is None or not may or NEEDED not in permissions.of_role(heir.role):
            message = "此人不能接管 API 密钥 this person cannot have API keys"
            raise InvalidBody(errors=[{"pointer": "/hand_keys_to", "message": message}])
    for key in keys:
        before = _facts(key) | {"created_by": str(key.created_by)}
        if heir_id is not None:
            key.created_by = heir_id
            entry = (actor, "api_key.hand_over", key.key_id)
            after = before | {"created_by": str(heir_id)}
            await audit(deps, tx, person.tenant_id, entry, before=before, after=after)
        else:
            await _revoke(deps, tx, key, actor)


async def revoke_orphaned(deps: Deps) -> None:
    """Revokes the keys of people who are disabled or may have none. Only databases of earlier
    versions have such keys; now keys are released together with the permission."""
    may = [role.value for role, granted in permissions.PERMISSIONS.items() if NEEDED in granted]
    async with deps.db.read(None) as tx:
        makers = await repo.makers_without_permission(tx, may, MAKERS_PER_ROUND)
    for tenant_id, user_id in makers:
        async with deps.db.tx(tenant_id) as tx:
            person = await tenancy_repo.user_for_update(tx, tenant_id, user_id)
            # Checked again under the lock: the person may have been enabled meanwhile.
            if person is not None and not (person.is_enabled and person.role in may):
                await release_keys(deps, tx, person, None, actor=PLATFORM_ACTOR)


async def _revoke(deps: Deps, tx: AsyncSession, key: ApiKey, actor: str) -> None:
    """Revokes the key here and, by the event, in every cache."""
    key.revoked_at, key.secret_box = deps.clock.now(), None
    entry = (actor, "api_key.revoke", key.key_id)
    await audit(deps, tx, key.tenant_id, entry, before=_facts(key))
    await outbox.add(tx, ApiKeyRevoked(**stamp(key.tenant_id, deps.clock), key_id=key.key_id))


async def find_api_key(deps: Deps, key_id: str) -> ApiKey:
    """A valid key, for the edge. While its merchant is suspended no key is valid; the edge drops
    its cached keys when it receives MerchantSuspended."""
    async with deps.db.read(None) as tx:
        key = await repo.api_key_by_id(tx, key_id)
        merchant = await tenancy_repo.merchant(tx, key.tenant_id) if key is not None else None
    if key is None or key.revoked_at is not None:
        raise NotFound
    if merchant is not None and merchant.suspended_at is not None:
        raise NotFound
    return key


async def note_uses(deps: Deps, uses: Mapping[tuple[UUID, str], datetime]) -> None:
    """Records last uses: (tenant, key id) -> when the key was last accepted. A last use only moves
    forward. The rows are updated in one order, so that two reports cannot deadlock."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        for (tenant_id, key_id), used_at in sorted(uses.items()):
            # A time from a clock that is ahead would hide later uses, so it is limited to now.
            await repo.api_key_used(tx, tenant_id, key_id, min(used_at, now))


def _facts(key: ApiKey) -> dict[str, str | None]:
    return {"name": key.name, "store_id": str(key.store_id) if key.store_id else None}
