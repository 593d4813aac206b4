"""The use cases of accounts: creating them, and checking their logins and passwords."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import Merchant, User
from services.binding.tenancy import logins, repo, rules
from services.binding.tenancy.rules import Role
from shared.errors import NotFound
from shared.ids import uuid7

HANDLES = "handles"
"""The name of the lock under which handles are assigned, and logins whose ending could become a
handle."""


async def hashed_password(
    deps: Deps, password: str, own_words: Sequence[str], *, field: str = "/password"
) -> str:
    """The hash of the password. Raises WeakPassword. `own_words`: the login, and the names of the
    person and the merchant, which the password must not contain."""
    rules.check_password(password, own_words, field=field)
    if await deps.passwords.is_guessable(password, own_words):
        message = "太常见，容易被猜到 too common: it would be guessed soon"
        raise rules.WeakPassword(errors=[{"pointer": field, "message": message}])
    return await deps.passwords.hash(password)


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
    """Creates an account of a merchant (`tenant_id`), or of an operator (in the operators' tenant).
    Without a password the person chooses one with a link (links.make). `is_first`: only when there
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
            await queries.lock(tx, "operators")
            known = await repo.operator_tenant(tx)
            if is_first and known is not None:
                raise rules.FirstRunOver
            owner = known or uuid7(deps.clock)
        await check_stores(tx, owner, role, store_ids)
        return await add_user(
            deps, tx, owner, role, login, hashed, actor, name=name, store_ids=store_ids
        )


async def check_stores(
    tx: AsyncSession, tenant_id: UUID, role: Role, store_ids: Sequence[UUID]
) -> None:
    """UnknownStores for stores of another merchant, or for a role that is not cashier."""
    if not store_ids:
        return
    known = await repo.known_stores(tx, tenant_id, store_ids)
    if role is not Role.CASHIER or known != len(set(store_ids)):
        raise rules.UnknownStores


async def add_user(
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
    """Creates an account in the caller's transaction. Logins are unique among all tenants, so the
    sign-in form needs no tenant. A login that ends with a merchant's handle is reserved for that
    merchant. Raises LoginTaken, ForeignHandle."""
    digest, handle = rules.login_digest(login), logins.handle_in(login)
    if handle:
        await _check_handle(tx, tenant_id, handle)
    await queries.lock(tx, f"login:{digest}")
    if await repo.user_by_login(tx, digest) is not None:
        raise rules.LoginTaken
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
    entry = (actor, "user.create", str(user.user_id))
    await audit(deps, tx, tenant_id, entry, after=user_facts(user))
    return user


async def _check_handle(tx: AsyncSession, tenant_id: UUID, handle: str) -> None:
    owner = await repo.merchant_by_handle(tx, handle)
    if owner is None:
        # Nobody has it yet, but a merchant that is being created may take it, so wait for that.
        await queries.lock(tx, HANDLES)
        owner = await repo.merchant_by_handle(tx, handle)
    if owner not in (None, tenant_id):
        message = "@ 后面是另一商户的登录后缀 what follows the @ is another merchant's handle"
        raise logins.ForeignHandle(errors=[{"pointer": "/login", "message": message}])


def user_facts(user: User) -> dict[str, Any]:
    """The facts of an account for the audit log."""
    return {
        "login": user.login,
        "name": user.name,
        "role": user.role,
        "is_enabled": user.is_enabled,
        "store_ids": [str(store_id) for store_id in user.store_ids],
    }


async def find_account(deps: Deps, login: str) -> tuple[User, Merchant | None] | None:
    """(account, its merchant) of a login, among all tenants; for the command line."""
    async with deps.db.read(None) as tx:
        user = await repo.user_by_login(tx, rules.login_digest(login))
        if user is None:
            return None
        return user, await repo.merchant(tx, user.tenant_id)
