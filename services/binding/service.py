"""The use cases of merchants, stores and people; with `apps` and `sessions` the only place here
that opens transactions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from services.binding import domain, repo
from services.binding.domain import Role
from services.binding.models import AuditEntry, Merchant, Store, User
from services.binding.passwords import Passwords
from shared import outbox
from shared.clock import Clock
from shared.db import Database
from shared.errors import NotFound
from shared.events.base import stamp
from shared.events.binding import MerchantCreated, StoreCreated
from shared.ids import uuid7
from shared.sealed import KeyProvider

KEEP_ENDED_SESSIONS = timedelta(days=1)


@dataclass(frozen=True)
class Deps:
    """What the use cases stand on."""

    db: Database
    clock: Clock
    key_provider: KeyProvider
    passwords: Passwords = field(default_factory=Passwords)


async def audit(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    what: tuple[str, str, str],
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """`what` is (actor, action, subject)."""
    actor, action, subject = what
    entry = AuditEntry(
        tenant_id=tenant_id,
        audit_id=uuid7(deps.clock),
        at=deps.clock.now(),
        actor=actor,
        action=action,
        subject=subject,
        before=before,
        after=after,
        request_id=get_contextvars().get("request_id"),
    )
    await repo.audit(tx, entry)


async def create_merchant(
    deps: Deps, *, name: str, login: str, password: str, actor: str, merchant_id: UUID | None = None
) -> tuple[Merchant, User]:
    """A tenant and the account of its owner."""
    domain.check_password(password, login)
    hashed = await deps.passwords.hash(password)
    tenant_id = merchant_id or uuid7(deps.clock)
    merchant = Merchant(tenant_id=tenant_id, name=name, created_at=deps.clock.now())
    async with deps.db.tx(None) as tx:
        if await repo.merchant(tx, tenant_id) is not None:
            raise domain.MerchantExists
        tx.add(merchant)
        await tx.flush()
        user = await _add_user(deps, tx, tenant_id, Role.MERCHANT_OWNER, login, hashed, actor)
        await audit(
            deps, tx, tenant_id, (actor, "merchant.create", str(tenant_id)), after={"name": name}
        )
        await outbox.add(tx, MerchantCreated(**stamp(tenant_id, deps.clock), name=name))
    return merchant, user


async def create_user(
    deps: Deps, tenant_id: UUID | None, *, role: Role, login: str, password: str, actor: str
) -> User:
    """An account: a merchant's (its tenant given), or an operator's (in the operators' own)."""
    domain.check_password(password, login)
    hashed = await deps.passwords.hash(password)
    async with deps.db.tx(None) as tx:
        if role.console == "merchant":
            if tenant_id is None or await repo.merchant(tx, tenant_id) is None:
                raise NotFound
            owner = tenant_id
        else:
            await repo.lock(tx, "operators")
            owner = await repo.operator_tenant(tx) or uuid7(deps.clock)
        return await _add_user(deps, tx, owner, role, login, hashed, actor)


async def _add_user(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    role: Role,
    login: str,
    password_hash: str,
    actor: str,
) -> User:
    """Logins are unique among all tenants: one look-up, no tenant in the sign-in form."""
    digest = domain.login_digest(login)
    await repo.lock(tx, f"login:{digest}")
    if await repo.user_by_login(tx, digest) is not None:
        raise domain.LoginTaken
    user = User(
        tenant_id=tenant_id,
        user_id=uuid7(deps.clock),
        login=login,
        login_hash=digest,
        password_hash=password_hash,
        role=role.value,
        is_enabled=True,
        created_at=deps.clock.now(),
    )
    tx.add(user)
    await tx.flush()
    await audit(
        deps,
        tx,
        tenant_id,
        (actor, "user.create", str(user.user_id)),
        after={"login": login, "role": role.value},
    )
    return user


async def list_merchants(
    deps: Deps, *, page: int, page_size: int
) -> tuple[Sequence[Merchant], int]:
    """All merchants, newest first: the operator's view, guarded by merchants.read."""
    async with deps.db.read(None) as tx:
        return await repo.merchants(tx, page=page, page_size=page_size)


async def get_merchant(deps: Deps, tenant_id: UUID) -> Merchant:
    async with deps.db.read(tenant_id) as tx:
        found = await repo.merchant(tx, tenant_id)
    if found is None:
        raise NotFound
    return found


async def create_store(
    deps: Deps, tenant_id: UUID, *, name: str, actor: str, store_id: UUID | None = None
) -> Store:
    now = deps.clock.now()
    store = Store(
        tenant_id=tenant_id, store_id=store_id or uuid7(deps.clock), name=name, created_at=now
    )
    async with deps.db.tx(tenant_id) as tx:
        if await repo.merchant(tx, tenant_id) is None:
            raise NotFound
        await repo.lock(tx, f"stores:{tenant_id}")
        if await repo.store_by_name(tx, tenant_id, name) is not None:
            raise domain.StoreNameTaken
        tx.add(store)
        await tx.flush()
        what = (actor, "store.create", str(store.store_id))
        await audit(deps, tx, tenant_id, what, after={"name": name})
        event = StoreCreated(**stamp(tenant_id, deps.clock), store_id=store.store_id, name=name)
        await outbox.add(tx, event)
    return store


async def list_stores(
    deps: Deps, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[Store], int]:
    async with deps.db.read(tenant_id) as tx:
        return await repo.stores(tx, tenant_id, page=page, page_size=page_size)


async def sweep(deps: Deps) -> int:
    """One bounded round of forgetting: ended sessions, old login tries, retired private keys."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        return (
            await repo.purge_sessions(tx, now - KEEP_ENDED_SESSIONS)
            + await repo.purge_login_tries(tx, now - domain.FORGET_TRIES_AFTER)
            + await repo.erase_retired_keys(tx, now)
        )


async def find_account(deps: Deps, login: str) -> tuple[User, Merchant | None] | None:
    """Who has that login, among all tenants (command line)."""
    async with deps.db.read(None) as tx:
        user = await repo.user_by_login(tx, domain.login_digest(login))
        if user is None:
            return None
        return user, await repo.merchant(tx, user.tenant_id)


async def find_store(deps: Deps, tenant_id: UUID, name: str) -> Store | None:
    async with deps.db.read(tenant_id) as tx:
        return await repo.store_by_name(tx, tenant_id, name)
