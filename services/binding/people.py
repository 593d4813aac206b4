"""The use cases of staff accounts, of both consoles (S131)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import domain, people_repo, repo, service, sessions
from services.binding.domain import Console, Role
from services.binding.models import User
from services.binding.service import Deps, audit, user_facts
from shared.errors import InvalidBody, NotFound
from shared.tokens import Principal


@dataclass(frozen=True, slots=True)
class NewPerson:
    """An account to be."""

    login: str
    name: str
    password: str
    role: Role
    store_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What shall be different; None leaves it as it is."""

    version: int
    name: str | None = None
    role: Role | None = None
    is_enabled: bool | None = None
    store_ids: Sequence[UUID] | None = None


async def list_staff(
    deps: Deps, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[User], int]:
    async with deps.db.read(tenant_id) as tx:
        return await people_repo.staff(tx, tenant_id, page=page, page_size=page_size)


async def create_person(deps: Deps, console: Console, caller: Principal, new: NewPerson) -> User:
    """An account in the caller's own organisation."""
    _require_role_of(console, new.role)
    return await service.create_user(
        deps,
        caller.tenant,
        role=new.role,
        login=new.login,
        password=new.password,
        actor=f"user:{caller.subject}",
        name=new.name,
        store_ids=new.store_ids,
    )


async def change_person(
    deps: Deps, console: Console, caller: Principal, user_id: UUID, change: PersonChange
) -> User:
    """Changes an account. Whoever loses or gains a power signs in anew; nobody changes his own
    powers, and the last head of an organisation stays."""
    if change.role is not None:
        _require_role_of(console, change.role)
    # System scope: a session that ends may end an acting, which is another tenant's row.
    async with deps.db.tx(None) as tx:
        await repo.lock(tx, f"people:{caller.tenant}")
        user = await people_repo.user_for_update(tx, caller.tenant, user_id)
        if user is None:
            raise NotFound
        before = user_facts(user)
        await _apply(tx, user, change)
        after = user_facts(user)
        if after == before:
            return user
        if change.version != user.version:
            raise domain.StaleVersion(current_version=user.version)
        user.version += 1
        if _powers(before) != _powers(after):
            await _check_powers(tx, user, before, caller)
            await sessions.end_all(deps, tx, caller.tenant, user_id)
        what = (f"user:{caller.subject}", "user.change", str(user_id))
        await audit(deps, tx, caller.tenant, what, before=before, after=after)
    return user


async def _apply(tx: AsyncSession, user: User, change: PersonChange) -> None:
    user.name = user.name if change.name is None else change.name
    user.role = user.role if change.role is None else change.role.value
    user.is_enabled = user.is_enabled if change.is_enabled is None else change.is_enabled
    if change.store_ids is not None:
        user.store_ids = list(change.store_ids)
    elif Role(user.role) is not Role.CASHIER:
        user.store_ids = []  # another role is not bound to stores
    await service.check_stores(tx, user.tenant_id, Role(user.role), user.store_ids)


def _powers(facts: dict[str, object]) -> tuple[object, ...]:
    return facts["role"], facts["is_enabled"], facts["store_ids"]


async def _check_powers(
    tx: AsyncSession, user: User, before: dict[str, object], caller: Principal
) -> None:
    was_head = Role(str(before["role"])).is_head and before["is_enabled"]
    is_head = user.role == before["role"] and user.is_enabled
    others = await people_repo.other_heads(tx, user, str(before["role"]))
    if was_head and not is_head and not others:
        raise domain.LastOwner
    if str(user.user_id) == caller.subject:
        raise domain.OwnRights


async def reset_password(deps: Deps, caller: Principal, user_id: UUID, password: str) -> None:
    """Gives somebody a new password; all sessions of that account end."""
    async with deps.db.read(caller.tenant) as tx:
        user = await repo.user(tx, caller.tenant, user_id)
    if user is None:
        raise NotFound
    domain.check_password(password, user.login)
    hashed = await deps.passwords.hash(password)
    async with deps.db.tx(None) as tx:
        row = await people_repo.user_for_update(tx, caller.tenant, user_id)
        if row is None:
            raise NotFound
        row.password_hash = hashed
        ended = await sessions.end_all(deps, tx, caller.tenant, user_id)
        what = (f"user:{caller.subject}", "password.reset", str(user_id))
        await audit(deps, tx, caller.tenant, what, after={"sessions_ended": ended})


def _require_role_of(console: Console, role: Role) -> None:
    if role.console != console:
        message = f"{role.value} is no role of the {console} console"
        raise InvalidBody(errors=[{"pointer": "/role", "message": message}])
