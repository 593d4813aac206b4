"""The use cases of staff accounts, of both consoles (S131)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.acting import grants as acting_grants
from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import User
from services.binding.people import api_keys, links, repo, rules
from services.binding.people.links import Link
from services.binding.sessions import service as sessions
from services.binding.sign_in import repo as sign_in_repo
from services.binding.sign_in import unfinished
from services.binding.tenancy import accounts, authorization, logins, merchants, permissions
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.accounts import user_facts
from services.binding.tenancy.rules import Console, Role
from shared.contracts.principal import Principal
from shared.errors import InvalidBody, NotFound


@dataclass(frozen=True, slots=True)
class NewPerson:
    """The account to create."""

    login: str
    name: str
    role: Role
    store_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class PersonChange:
    """The values to change; None: stays as it is."""

    version: int
    name: str | None = None
    role: Role | None = None
    is_enabled: bool | None = None
    store_ids: Sequence[UUID] | None = None
    hand_keys_to: UUID | None = None
    """who gets the person's API keys, when the person may no longer have any"""


async def list_staff(
    deps: Deps, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[User], int]:
    async with deps.db.read(tenant_id) as tx:
        return await repo.staff(tx, tenant_id, page=page, page_size=page_size)


async def login_of(deps: Deps, tenant_id: UUID, username: str) -> str:
    """The login of that username at the merchant."""
    merchant = await merchants.get_merchant(deps, tenant_id)
    return logins.of_merchant(username, merchant.handle)


async def create_person(
    deps: Deps, console: Console, caller: Principal, new: NewPerson
) -> tuple[User, Link]:
    """Creates an account in the caller's tenant: (account, the link with which the person chooses a
    password)."""
    _require_role_of(console, new.role)
    actor = f"user:{caller.subject}"
    user = await accounts.create_user(
        deps,
        caller.tenant,
        role=new.role,
        login=new.login,
        password=None,
        actor=actor,
        name=new.name,
        store_ids=new.store_ids,
    )
    return user, await links.make(deps, caller.tenant, user.user_id, actor=actor, maker=caller)


async def change_person(
    deps: Deps, console: Console, caller: Principal, user_id: UUID, change: PersonChange
) -> User:
    """Changes an account. A person whose permissions change has to sign in again. Raises OwnRights
    for a change of one's own permissions, LastOwner, StaleVersion."""
    if change.role is not None:
        _require_role_of(console, change.role)
    # System scope: the end of a session may end an acting, which is another tenant's row.
    async with deps.db.tx(None) as tx:
        await authorization.lock_people(tx, caller.tenant)
        user = await tenancy_repo.user_for_update(tx, caller.tenant, user_id)
        if user is None:
            raise NotFound
        before, waiting = user_facts(user), unfinished.NOTHING
        await _apply(tx, user, change)
        after = user_facts(user)
        if after == before:
            return user
        if change.version != user.version:
            raise tenancy_rules.StaleVersion(current_version=user.version)
        user.version += 1
        if _powers(before) != _powers(after):
            await _check_powers(tx, user, before, caller)
            if not user.is_enabled or user.role != before["role"]:
                waiting = await unfinished.end_with_role(deps, tx, user)
            grants = await acting_grants.locked_of(tx, user)
            await sessions.end_all(deps, tx, caller.tenant, user_id)
            await acting_grants.end_with_powers(deps, tx, grants, actor=f"user:{caller.subject}")
            await _settle_powers(deps, tx, user, before, change, caller)
        entry = (f"user:{caller.subject}", "user.change", str(user_id))
        await audit(deps, tx, caller.tenant, entry, before=before, after=after)
        await unfinished.withdraw(deps, tx, waiting, actor=entry[0])
    return user


async def _apply(tx: AsyncSession, user: User, change: PersonChange) -> None:
    user.name = user.name if change.name is None else change.name
    user.role = user.role if change.role is None else change.role.value
    user.is_enabled = user.is_enabled if change.is_enabled is None else change.is_enabled
    if change.store_ids is not None:
        user.store_ids = list(change.store_ids)
    elif Role(user.role) is not Role.CASHIER:
        user.store_ids = []  # another role is not bound to stores
    await accounts.check_stores(tx, user.tenant_id, Role(user.role), user.store_ids)


def _powers(facts: dict[str, object]) -> tuple[object, ...]:
    return facts["role"], facts["is_enabled"], facts["store_ids"]


async def _check_powers(
    tx: AsyncSession, user: User, before: dict[str, object], caller: Principal
) -> None:
    was_head = Role(str(before["role"])).is_head and before["is_enabled"]
    is_head = user.role == before["role"] and user.is_enabled
    others = await repo.other_heads(tx, user, str(before["role"]))
    if was_head and not is_head and not others:
        raise rules.LastOwner
    if str(user.user_id) == caller.subject:
        raise rules.OwnRights


async def _settle_powers(
    deps: Deps,
    tx: AsyncSession,
    user: User,
    before: dict[str, object],
    change: PersonChange,
    caller: Principal,
) -> None:
    """The consequences of changed permissions. The keys and links of a disabled person end, and a
    person who gets another role or is enabled cannot approve anything for a while."""
    now = deps.clock.now()
    if user.is_enabled and (user.role != before["role"] or not before["is_enabled"]):
        user.may_approve_from = now + deps.approve_after
    if not user.is_enabled:
        await sign_in_repo.burn_links(tx, user.tenant_id, user.user_id, now)
    if not user.is_enabled or "api_keys.write" not in permissions.of_role(user.role):
        await api_keys.release_keys(
            deps, tx, user, change.hand_keys_to, actor=f"user:{caller.subject}"
        )


def _require_role_of(console: Console, role: Role) -> None:
    if role.console != console:
        message = f"{role.value} is no role of the {console} console"
        raise InvalidBody(errors=[{"pointer": "/role", "message": message}])
