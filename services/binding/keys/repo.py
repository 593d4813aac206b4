"""The queries of apps, their keys, and key pairs that wait; the caller owns the transaction, except
of the one statement that takes a `Database`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import App, AppKey, KeyPair
from services.binding.queries import was_used_before
from shared.db import Database

_KEYS_DUE = """
SELECT tenant_id, app_id, key_version FROM app_keys
WHERE next_check_at <= $1 ORDER BY next_check_at LIMIT $2
"""

PURGE_BATCH = 500


# --- apps and their keys


async def app_owner(tx: AsyncSession, app_id: str) -> UUID | None:
    """The tenant that has proven to own the app. System scope only."""
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
    """The app of the tenant that has proven to own it. System scope only."""
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
    """Updates those versions of the app's keys."""
    versions = update(AppKey).where(AppKey.tenant_id == tenant_id, AppKey.app_id == app_id)
    await tx.execute(versions.where(*which).values(**values))


async def draw_app_keys_forward(
    tx: AsyncSession, tenant_id: UUID, app_id: str, at: datetime
) -> None:
    """Makes versions that are retiring already end at `at`, if they would last longer."""
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
    """Ends pending versions that a newer one replaces, and erases their private keys."""
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


async def app_keys_due(db: Database, now: datetime, limit: int) -> list[tuple[UUID, str, int]]:
    """(tenant_id, app_id, key_version) of pending versions whose live check is due. One statement:
    a session of the ORM would cost several times as much, and a worker at rest asks all the
    time."""
    return [(found[0], found[1], found[2]) for found in await db.system.many(_KEYS_DUE, now, limit)]


async def app_key_used(
    tx: AsyncSession, tenant_id: UUID, app_id: str, key_version: int, at: datetime
) -> None:
    """Moves the last use forward; a later one stays."""
    version = AppKey.key_version == key_version
    await _change_app_keys(
        tx, tenant_id, app_id, version, was_used_before(AppKey.last_used_at, at), last_used_at=at
    )


def _is_retired(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return AppKey.not_after < now, AppKey.private_key_box.is_not(None)


async def tenants_with_retired_keys(tx: AsyncSession, now: datetime) -> Sequence[UUID]:
    """The tenants with private keys that are to be erased. System scope."""
    query = select(AppKey.tenant_id).where(*_is_retired(now)).distinct()
    return (await tx.scalars(query.order_by(AppKey.tenant_id).limit(PURGE_BATCH))).all()


async def erase_retired_keys(
    tx: AsyncSession, tenant_id: UUID, now: datetime
) -> Sequence[tuple[str, int]]:
    """Erases the sealed private keys of versions that have ended; the public facts stay as
    evidence. Returns (app_id, key_version) of each, in order."""
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
    return sorted((row[0], row[1]) for row in await tx.execute(statement))


# --- key pairs that wait


async def key_pair(
    tx: AsyncSession, tenant_id: UUID, key_pair_id: UUID, now: datetime
) -> KeyPair | None:
    query = select(KeyPair).where(
        KeyPair.tenant_id == tenant_id,
        KeyPair.key_pair_id == key_pair_id,
        KeyPair.expires_at > now,
    )
    return await tx.scalar(query)


async def newest_waiting_pair(tx: AsyncSession, tenant_id: UUID, now: datetime) -> KeyPair | None:
    query = (
        select(KeyPair)
        .where(KeyPair.tenant_id == tenant_id, KeyPair.expires_at > now)
        .order_by(KeyPair.created_at.desc(), KeyPair.key_pair_id.desc())
        .limit(1)
    )
    newest = await tx.scalar(query)
    return newest if newest is not None and newest.private_key_box is not None else None


async def erase_key_pair(tx: AsyncSession, tenant_id: UUID, key_pair_id: UUID) -> bool:
    """Erases the private key of a pair that is bound; the binding has its own copy. False when
    another binding used the pair before."""
    query = select(KeyPair).where(
        KeyPair.tenant_id == tenant_id, KeyPair.key_pair_id == key_pair_id
    )
    row = await tx.scalar(query.with_for_update())
    if row is None:
        return True  # it expired while the change waited for approval
    is_left, row.private_key_box = row.private_key_box is not None, None
    return is_left
