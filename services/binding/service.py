"""The use cases of merchants, stores and people; the other use cases stand beside it, in files
named after what they do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from services.binding import domain, logins, people_repo, repo, sign_in_repo
from services.binding.audit_repo import user_of
from services.binding.costly import Costly
from services.binding.domain import Role
from services.binding.keks import Keks
from services.binding.models import AuditEntry, Merchant, Store, User
from services.binding.passwords import Passwords
from services.binding.relying_party import RelyingParty
from services.binding.turns import Turns
from shared import inbox, outbox
from shared.clock import Clock
from shared.db import Database
from shared.errors import NotFound
from shared.events.base import stamp
from shared.events.binding import MerchantCreated, StoreCreated
from shared.ids import uuid7

HANDLES = "handles"
"""the lock under which handles are given, and logins that end with what may become one"""
PLATFORM_ACTOR = "platform"
"""who did it, in the audit log, where no person did"""
KEEP_ENDED_SESSIONS = timedelta(days=1)
APPROVE_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Deps:
    """What the use cases stand on."""

    db: Database
    clock: Clock
    key_provider: Keks
    passwords: Passwords = field(default_factory=Passwords)
    costly: Costly = field(default_factory=Costly)
    anchor_file: Path | None = None
    """where the heads of the audit chains are written down, outside the database"""
    anchor_key_file: Path | None = None
    """what they are signed with; the worker's"""
    trust_file: Path | None = None
    """what their signatures are verified with"""
    turns: Turns = field(default_factory=Turns)
    approve_after: timedelta = APPROVE_AFTER
    """how long a new, lifted or reset account cannot be anybody's second approver"""
    operators_need_second_factor: bool = False
    relying_party: RelyingParty | None = None
    """whom passkeys are made for; None: they cannot be used at this address"""
    is_sandbox: bool = False
    """whether the Alipay behind is the sandbox: only there does a test cashier count as a device"""
    public_url: str = ""
    """what one-time links begin with, where a command line prints them"""


async def audit(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    what: tuple[str, str, str],
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Adds to the tenant's chain, in the transaction of the change itself; `what` is (actor,
    action, subject). `reason`: why, where the change has one of its own."""
    actor, action, subject = what
    now = deps.clock.now()
    name, acting_for = await who(tx, tenant_id, actor, now)
    request = get_contextvars()
    entry = AuditEntry(
        tenant_id=tenant_id,
        audit_id=uuid7(deps.clock),
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        before=before,
        after=after,
        request_id=request.get("request_id"),
        actor_name=name,
        address=request.get("client_address"),
        reason=reason or acting_for,
    )
    await repo.audit(tx, entry)


async def who(
    tx: AsyncSession, tenant_id: UUID, actor: str, at: datetime
) -> tuple[str, str | None]:
    """How the actor was called then, and, when it was an operator on the merchant's behalf, why."""
    user_id = user_of(actor)
    if user_id is None:
        return actor, None
    acting = await people_repo.acting_at(tx, tenant_id, user_id, at)
    if acting is not None:
        return acting.operator_name, acting.reason
    return await people_repo.user_name(tx, user_id) or "", None


async def signature(tx: AsyncSession, tenant_id: UUID, actor: str, at: datetime) -> str:
    """The actor as a settings page names them: a login of the merchant's, or what the operator who
    acted, or a command line, is called."""
    user_id = user_of(actor)
    if user_id is None:
        return actor
    acting = await people_repo.acting_at(tx, tenant_id, user_id, at)
    if acting is not None:
        return acting.operator_name
    return await people_repo.user_login(tx, user_id) or ""


async def hashed_password(
    deps: Deps, password: str, own_words: Sequence[str], *, field: str = "/password"
) -> str:
    """The hash of a password that may be one, or WeakPassword. `own_words`: the login, and what
    the person and the merchant are called."""
    domain.check_password(password, own_words, field=field)
    if await deps.passwords.is_guessable(password, own_words):
        message = "太常见，容易被猜到 too common: it would be guessed soon"
        raise domain.WeakPassword(errors=[{"pointer": field, "message": message}])
    return await deps.passwords.hash(password)


async def create_merchant(
    deps: Deps,
    *,
    name: str,
    login: str,
    password: str | None,
    actor: str,
    merchant_id: UUID | None = None,
    handle: str | None = None,
    operators: UUID | None = None,
) -> tuple[Merchant, User]:
    """A tenant and the account of its owner; without a password its owner chooses one by a link
    (links.make), and without a handle one is made. `operators`: the organisation of the operator
    who makes it, whose log tells it, too. Raises LoginTaken, HandleTaken, ForeignHandle."""
    hashed = ""
    if password is not None:
        hashed = await hashed_password(deps, password, (*logins.words_of(login), name))
    tenant_id = merchant_id or uuid7(deps.clock)
    merchant = Merchant(
        tenant_id=tenant_id,
        name=name,
        created_at=deps.clock.now(),
        handle=handle or "",
        edition="flagship",
        dual_control=False,
        support_contact="",
        version=1,
    )
    async with deps.db.tx(None) as tx:
        if await repo.merchant(tx, tenant_id) is not None:
            raise domain.MerchantExists
        merchant.handle = await _free_handle(tx, handle)
        tx.add(merchant)
        await tx.flush()
        user = await _add_user(deps, tx, tenant_id, Role.MERCHANT_OWNER, login, hashed, actor)
        what = (actor, "merchant.create", str(tenant_id))
        facts = {"name": name, "handle": merchant.handle}
        await audit(deps, tx, tenant_id, what, after=facts)
        if operators is not None:
            # Behind the merchant's own entries, which nobody else can wait for yet.
            await audit(deps, tx, operators, what, after=facts | {"owner": login})
        await outbox.add(tx, MerchantCreated(**stamp(tenant_id, deps.clock), name=name))
    return merchant, user


async def _free_handle(tx: AsyncSession, wanted: str | None) -> str:
    """The wanted handle, or one that is made, once nobody has it: no merchant, and no login of
    somebody outside the merchant to be ends with it."""
    await repo.lock(tx, HANDLES)
    while True:
        handle = wanted or logins.new_handle()
        owner = await repo.merchant_by_handle(tx, handle)
        if owner is None and not await repo.has_login_under(tx, handle):
            return handle
        if wanted is not None:
            raise logins.HandleTaken


async def create_user(
    deps: Deps,
    tenant_id: UUID | None,
    *,
    role: Role,
    login: str,
    password: str | None,
    actor: str,
    name: str | None = None,
    store_ids: Sequence[UUID] = (),
    is_first: bool = False,
) -> User:
    """An account: a merchant's (its tenant given), or an operator's (in the operators' own);
    without a password the person chooses one by a link (links.make). `is_first`: only when there
    is no operator yet, else FirstRunOver."""
    hashed = ""
    if password is not None:
        hashed = await hashed_password(deps, password, (*logins.words_of(login), name or ""))
    async with deps.db.tx(None) as tx:
        if role.console == "merchant":
            if tenant_id is None or await repo.merchant(tx, tenant_id) is None:
                raise NotFound
            owner = tenant_id
        else:
            await repo.lock(tx, "operators")
            known = await repo.operator_tenant(tx)
            if is_first and known is not None:
                raise domain.FirstRunOver
            owner = known or uuid7(deps.clock)
        await check_stores(tx, owner, role, store_ids)
        return await _add_user(
            deps, tx, owner, role, login, hashed, actor, name=name, store_ids=store_ids
        )


async def check_stores(
    tx: AsyncSession, tenant_id: UUID, role: Role, store_ids: Sequence[UUID]
) -> None:
    """Only cashiers are bound to stores, and only to their own merchant's."""
    if not store_ids:
        return
    known = await people_repo.known_stores(tx, tenant_id, store_ids)
    if role is not Role.CASHIER or known != len(set(store_ids)):
        raise domain.UnknownStores


async def _add_user(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    role: Role,
    login: str,
    password_hash: str,
    actor: str,
    *,
    name: str | None = None,
    store_ids: Sequence[UUID] = (),
) -> User:
    """Logins are unique among all tenants: one look-up, no tenant in the sign-in form. What ends
    with a merchant's handle is that merchant's alone."""
    digest, handle = domain.login_digest(login), logins.handle_in(login)
    if handle:
        await _keep_out(tx, tenant_id, handle)
    await repo.lock(tx, f"login:{digest}")
    if await repo.user_by_login(tx, digest) is not None:
        raise domain.LoginTaken
    user = User(
        tenant_id=tenant_id,
        user_id=uuid7(deps.clock),
        login=login,
        login_hash=digest,
        login_handle=handle,
        password_hash=password_hash,
        role=role.value,
        is_enabled=True,
        created_at=deps.clock.now(),
        name=name or login,
        store_ids=list(store_ids),
        version=1,
        may_approve_from=deps.clock.now() + deps.approve_after,
    )
    tx.add(user)
    await tx.flush()
    what = (actor, "user.create", str(user.user_id))
    await audit(deps, tx, tenant_id, what, after=user_facts(user))
    return user


async def _keep_out(tx: AsyncSession, tenant_id: UUID, handle: str) -> None:
    owner = await repo.merchant_by_handle(tx, handle)
    if owner is None:
        # Nobody's yet: a merchant that is being made may take it.
        await repo.lock(tx, HANDLES)
        owner = await repo.merchant_by_handle(tx, handle)
    if owner not in (None, tenant_id):
        message = "@ 后面是另一商户的登录后缀 what follows the @ is another merchant's handle"
        raise logins.ForeignHandle(errors=[{"pointer": "/login", "message": message}])


def user_facts(user: User) -> dict[str, Any]:
    """What the audit log keeps of an account."""
    return {
        "login": user.login,
        "name": user.name,
        "role": user.role,
        "is_enabled": user.is_enabled,
        "store_ids": [str(store_id) for store_id in user.store_ids],
    }


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
        tenant_id=tenant_id,
        store_id=store_id or uuid7(deps.clock),
        name=name,
        created_at=now,
        version=1,
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
    deps: Deps, tenant_id: UUID, *, page: int, page_size: int, only: Collection[UUID] = ()
) -> tuple[Sequence[Store], int]:
    """All stores, or those that a cashier is bound to."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.stores(tx, tenant_id, page=page, page_size=page_size, only=only)


async def get_store(deps: Deps, tenant_id: UUID, store_id: UUID) -> Store:
    async with deps.db.read(tenant_id) as tx:
        found = await repo.store(tx, tenant_id, store_id)
    if found is None:
        raise NotFound
    return found


async def sweep(deps: Deps) -> None:
    """A round of forgetting: ended sessions, what is kept of signing in, retired private keys."""
    now = deps.clock.now()
    await _erase_keys(deps, now)
    await inbox.purge(deps.db)
    await deps.db.purge("sessions", "expires_at < $1", now - KEEP_ENDED_SESSIONS)
    await sign_in_repo.forget(deps.db, now)


async def _erase_keys(deps: Deps, now: datetime) -> None:
    """The end of a key's private half is evidence like its beginning (S132)."""
    async with deps.db.read(None) as tx:
        tenants = await repo.tenants_with_retired_keys(tx, now)
    # A transaction for each merchant: a round never waits for one log while it holds another.
    for tenant_id in tenants:
        async with deps.db.tx(tenant_id) as tx:
            for app_id, version in await repo.erase_retired_keys(tx, tenant_id, now):
                what = (PLATFORM_ACTOR, "app.key_erased", app_id)
                await audit(deps, tx, tenant_id, what, after={"key_version": version})


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
