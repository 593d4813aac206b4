"""The use cases of API keys for a merchant's own programs (POS, ERP).

The secret is told once. Kept are its digest, as evidence, and the secret sealed: the edge opens it
to check HMACs, exactly as it does for devices.
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
from services.binding.tenancy import permissions, standing
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
    """The key and its secret, which nobody can read again. Forbidden when the maker has lost the
    power to have keys since the token was made."""
    key_id, secret = f"dk_{random_token(ID_BYTES)}", random_token(SECRET_BYTES)
    tenant_id = caller.tenant
    async with deps.db.tx(tenant_id) as tx:
        await standing.require(tx, tenant_id, UUID(caller.subject), NEEDED)
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
        what = (f"user:{caller.subject}", "api_key.create", key_id)
        await audit(deps, tx, tenant_id, what, after=_facts(key))
    return key, secret


async def revoke_api_key(deps: Deps, caller: Principal, key_id: str) -> None:
    """The key counts no longer, and its sealed secret is erased. Twice is once."""
    async with deps.db.tx(caller.tenant) as tx:
        key = await repo.api_key_for_update(tx, caller.tenant, key_id)
        if key is None:
            raise NotFound
        if key.revoked_at is None:
            await _end(deps, tx, key, f"user:{caller.subject}")


async def leave(
    deps: Deps, tx: AsyncSession, person: User, heir_id: UUID | None, *, actor: str
) -> None:
    """A person who no longer may have keys leaves them: to somebody named, who may, or they end;
    within the caller's transaction."""
    keys = await repo.living_keys_of(tx, person.tenant_id, person.user_id)
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
            what = (actor, "api_key.hand_over", key.key_id)
            after = before | {"created_by": str(heir_id)}
            await audit(deps, tx, person.tenant_id, what, before=before, after=after)
        else:
            await _end(deps, tx, key, actor)


async def end_left(deps: Deps) -> None:
    """Ends the keys of people who were disabled, or lost the power to have keys, before keys ended
    with it: what an update finds. Later there is nothing to find."""
    may = [role.value for role, granted in permissions.PERMISSIONS.items() if NEEDED in granted]
    async with deps.db.read(None) as tx:
        makers = await repo.makers_who_may_not(tx, may, MAKERS_PER_ROUND)
    for tenant_id, user_id in makers:
        async with deps.db.tx(tenant_id) as tx:
            person = await tenancy_repo.user_for_update(tx, tenant_id, user_id)
            # Looked at again under the lock: the person may be enabled anew by now.
            if person is not None and not (person.is_enabled and person.role in may):
                await leave(deps, tx, person, None, actor=PLATFORM_ACTOR)


async def _end(deps: Deps, tx: AsyncSession, key: ApiKey, actor: str) -> None:
    """The key counts no longer, here and, by the event, in every cache of it."""
    key.revoked_at, key.secret_box = deps.clock.now(), None
    what = (actor, "api_key.revoke", key.key_id)
    await audit(deps, tx, key.tenant_id, what, before=_facts(key))
    await outbox.add(tx, ApiKeyRevoked(**stamp(key.tenant_id, deps.clock), key_id=key.key_id))


async def find_api_key(deps: Deps, key_id: str) -> ApiKey:
    """For the edge: a key that counts. While its merchant is suspended none does; the edge forgets
    those that it knows when it hears so (MerchantSuspended)."""
    async with deps.db.read(None) as tx:
        key = await repo.api_key_by_id(tx, key_id)
        merchant = await tenancy_repo.merchant(tx, key.tenant_id) if key is not None else None
    if key is None or key.revoked_at is not None:
        raise NotFound
    if merchant is not None and merchant.suspended_at is not None:
        raise NotFound
    return key


async def note_uses(deps: Deps, uses: Mapping[tuple[UUID, str], datetime]) -> None:
    """(tenant, key id) -> when it was last believed; only ever moves forward. In one order, so
    that two reports cannot wait for each other."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        for (tenant_id, key_id), used_at in sorted(uses.items()):
            # A clock that runs ahead must not hide the uses to come.
            await repo.api_key_used(tx, tenant_id, key_id, min(used_at, now))


def _facts(key: ApiKey) -> dict[str, str | None]:
    return {"name": key.name, "store_id": str(key.store_id) if key.store_id else None}
