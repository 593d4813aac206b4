"""Queries of merchants, stores, accounts, apps and their keys; those of people, sign-ins,
onboarding and the audit log have a file each. The caller owns the transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from services.binding.models import (
    App,
    AppKey,
    AuditEntry,
    DataKey,
    Merchant,
    Session,
    Store,
    User,
)

PURGE_BATCH = 500


async def lock(tx: AsyncSession, name: str) -> None:
    """Serialises one name over all tenants until the transaction ends: unique constraints hold
    the tenant, so what must be unique among all of them is checked under this lock."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:n, 0))"), {"n": name})


# --- merchants, stores, people


async def merchant(tx: AsyncSession, tenant_id: UUID) -> Merchant | None:
    return await tx.get(Merchant, tenant_id)


async def merchant_for_update(tx: AsyncSession, tenant_id: UUID) -> Merchant | None:
    return await tx.scalar(
        select(Merchant).where(Merchant.tenant_id == tenant_id).with_for_update()
    )


async def merchant_kept(tx: AsyncSession, tenant_id: UUID) -> Merchant | None:
    """The merchant, whose rules stay as they are until this transaction ends."""
    found = select(Merchant).where(Merchant.tenant_id == tenant_id)
    return await tx.scalar(found.with_for_update(read=True))


async def store(tx: AsyncSession, tenant_id: UUID, store_id: UUID) -> Store | None:
    return await tx.get(Store, (tenant_id, store_id))


async def stores(
    tx: AsyncSession, tenant_id: UUID, *, page: int, page_size: int, only: Collection[UUID] = ()
) -> tuple[Sequence[Store], int]:
    mine = Store.tenant_id == tenant_id
    if only:
        mine = and_(mine, Store.store_id.in_(only))
    query = select(Store).where(mine).order_by(Store.created_at, Store.store_id)
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), await tx.scalar(select(func.count()).select_from(Store).where(mine)) or 0


async def store_by_name(tx: AsyncSession, tenant_id: UUID, name: str) -> Store | None:
    found = select(Store).where(Store.tenant_id == tenant_id, Store.name == name)
    return await tx.scalar(found)


async def user(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> User | None:
    return await tx.get(User, (tenant_id, user_id))


async def user_by_login(tx: AsyncSession, login_hash: str) -> User | None:
    return await tx.scalar(select(User).where(User.login_hash == login_hash))


async def merchant_by_handle(tx: AsyncSession, handle: str) -> UUID | None:
    """Whose handle it is. System scope only."""
    return await tx.scalar(select(Merchant.tenant_id).where(Merchant.handle == handle))


async def has_login_under(tx: AsyncSession, handle: str) -> bool:
    """Whether anybody's login ends with it. System scope only."""
    found = select(User.user_id).where(User.login_handle == handle)
    return await tx.scalar(found.limit(1)) is not None


async def operator_tenant(tx: AsyncSession) -> UUID | None:
    """The organisation that the operators belong to, once there is one."""
    query = select(User.tenant_id).where(User.role.like("operator\\_%"))
    return await tx.scalar(query.order_by(User.created_at).limit(1))


# --- sessions


async def session_by_hash(tx: AsyncSession, session_hash: str) -> Session | None:
    """By its cookie's digest, or by that of its cookie before the last renewal."""
    query = select(Session).where(
        or_(Session.session_hash == session_hash, Session.previous_hash == session_hash)
    )
    return await tx.scalar(query)


async def session(tx: AsyncSession, tenant_id: UUID, session_id: UUID) -> Session | None:
    return await tx.get(Session, (tenant_id, session_id))


# --- apps and their keys


async def app_owner(tx: AsyncSession, app_id: str) -> UUID | None:
    """Who has proven that the app is theirs. System scope only."""
    return await tx.scalar(
        select(App.tenant_id).where(App.app_id == app_id, App.proven_at.is_not(None))
    )


async def app_for_update(tx: AsyncSession, tenant_id: UUID, app_id: str) -> App | None:
    query = select(App).where(App.tenant_id == tenant_id, App.app_id == app_id)
    return await tx.scalar(query.with_for_update())


async def apps(tx: AsyncSession, tenant_id: UUID) -> Sequence[App]:
    query = select(App).where(App.tenant_id == tenant_id).order_by(App.created_at, App.app_id)
    return (await tx.scalars(query)).all()


async def app_by_tenant(tx: AsyncSession, tenant_id: UUID, app_id: str) -> App | None:
    return await tx.get(App, (tenant_id, app_id))


async def app_by_id(tx: AsyncSession, app_id: str) -> App | None:
    """The proven one. System scope only: the caller asks whose it is."""
    return await tx.scalar(select(App).where(App.app_id == app_id, App.proven_at.is_not(None)))


async def app_by_route(tx: AsyncSession, notify_route: str) -> App | None:
    """System scope only."""
    found = select(App).where(App.notify_route == notify_route, App.proven_at.is_not(None))
    return await tx.scalar(found)


async def app_keys(tx: AsyncSession, tenant_id: UUID, app_id: str) -> Sequence[AppKey]:
    """All versions, newest first."""
    query = select(AppKey).where(AppKey.tenant_id == tenant_id, AppKey.app_id == app_id)
    return (await tx.scalars(query.order_by(AppKey.key_version.desc()))).all()


async def _change_app_keys(
    tx: AsyncSession, tenant_id: UUID, app_id: str, *which: ColumnElement[bool], **values: Any
) -> None:
    """Gives those versions of the app's keys other values."""
    mine = update(AppKey).where(AppKey.tenant_id == tenant_id, AppKey.app_id == app_id)
    await tx.execute(mine.where(*which).values(**values))


async def draw_app_keys_forward(
    tx: AsyncSession, tenant_id: UUID, app_id: str, at: datetime
) -> None:
    """Versions that retire already end at `at` if they would last longer; never later."""
    await _change_app_keys(tx, tenant_id, app_id, AppKey.not_after > at, not_after=at)


async def retire_app_keys(
    tx: AsyncSession, tenant_id: UUID, app_id: str, key_version: int, at: datetime
) -> None:
    """Sets the end of the verified version that `key_version` has replaced."""
    replaced = (
        AppKey.key_version != key_version,
        AppKey.verified_at.is_not(None),
        AppKey.not_after.is_(None),
    )
    await _change_app_keys(tx, tenant_id, app_id, *replaced, not_after=at)


async def drop_pending_app_keys(
    tx: AsyncSession, tenant_id: UUID, app_id: str, before: int, now: datetime
) -> None:
    """A pending version that was replaced before it took over never counts; its private half
    goes."""
    pending = (
        AppKey.key_version < before,
        AppKey.verified_at.is_(None),
        AppKey.not_after.is_(None),
    )
    gone = {"not_after": now, "private_key_box": None, "next_check_at": None}
    await _change_app_keys(tx, tenant_id, app_id, *pending, **gone)


async def app_key_for_update(
    tx: AsyncSession, tenant_id: UUID, app_id: str, key_version: int
) -> AppKey | None:
    query = select(AppKey).where(
        AppKey.tenant_id == tenant_id, AppKey.app_id == app_id, AppKey.key_version == key_version
    )
    return await tx.scalar(query.with_for_update())


async def app_keys_due(
    tx: AsyncSession, now: datetime, limit: int
) -> Sequence[tuple[UUID, str, int]]:
    """(tenant_id, app_id, key_version) of pending versions whose live check is due; system
    scope."""
    query = (
        select(AppKey.tenant_id, AppKey.app_id, AppKey.key_version)
        .where(AppKey.next_check_at <= now)
        .order_by(AppKey.next_check_at)
        .limit(limit)
    )
    return [(found[0], found[1], found[2]) for found in await tx.execute(query)]


def was_used_before(
    column: InstrumentedAttribute[datetime | None], at: datetime
) -> ColumnElement[bool]:
    """For a last use that only ever moves forward."""
    return or_(column.is_(None), column < at)


async def app_key_used(
    tx: AsyncSession, tenant_id: UUID, app_id: str, key_version: int, at: datetime
) -> None:
    """Moves the last use forward; a later one that is known already stays."""
    version = AppKey.key_version == key_version
    await _change_app_keys(
        tx, tenant_id, app_id, version, was_used_before(AppKey.last_used_at, at), last_used_at=at
    )


async def data_key(tx: AsyncSession, tenant_id: UUID, purpose: str, kek_id: str) -> bytes | None:
    row = await tx.get(DataKey, (tenant_id, purpose, kek_id))
    return row.wrapped if row else None


async def put_data_key(tx: AsyncSession, key: DataKey) -> bytes:
    """Stores it unless somebody was faster; returns the one that counts."""
    values = {column.key: getattr(key, column.key) for column in DataKey.__table__.columns}
    await tx.execute(insert(DataKey).values(**values).on_conflict_do_nothing())
    query = select(DataKey.wrapped).where(
        DataKey.tenant_id == key.tenant_id,
        DataKey.purpose == key.purpose,
        DataKey.kek_id == key.kek_id,
    )
    return (await tx.scalars(query)).one()


# --- evidence and upkeep


async def audit(tx: AsyncSession, entry: AuditEntry) -> None:
    tx.add(entry)
    await tx.flush()


def _is_retired(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return AppKey.not_after < now, AppKey.private_key_box.is_not(None)


async def tenants_with_retired_keys(tx: AsyncSession, now: datetime) -> Sequence[UUID]:
    """Whose keys are to be erased. System scope."""
    query = select(AppKey.tenant_id).where(*_is_retired(now)).distinct()
    return (await tx.scalars(query.order_by(AppKey.tenant_id).limit(PURGE_BATCH))).all()


async def erase_retired_keys(
    tx: AsyncSession, tenant_id: UUID, now: datetime
) -> Sequence[tuple[str, int]]:
    """Drops the sealed private halves whose grace is over; the public facts stay as evidence.
    Answers (app_id, key_version) of each, in order."""
    name = tuple_(AppKey.app_id, AppKey.key_version)
    over = AppKey.tenant_id == tenant_id, *_is_retired(now)
    batch = select(AppKey.app_id, AppKey.key_version).where(*over)
    statement = (
        update(AppKey)
        .where(name.in_(batch.limit(PURGE_BATCH)), *over)
        .values(private_key_box=None)
        .returning(AppKey.app_id, AppKey.key_version)
        .execution_options(synchronize_session=False)
    )
    return sorted((one[0], one[1]) for one in await tx.execute(statement))
