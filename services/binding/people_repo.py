"""The queries about people, sessions, acting, API keys and settings; the caller owns the
transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import (
    Acting,
    ApiKey,
    App,
    AppChangeRequest,
    Session,
    Store,
    User,
)
from services.binding.repo import was_used_before

# --- staff


async def staff(
    tx: AsyncSession, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[User], int]:
    mine = User.tenant_id == tenant_id
    query = select(User).where(mine).order_by(User.created_at, User.user_id)
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), await _count(tx, User, mine)


async def user_for_update(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> User | None:
    query = select(User).where(User.tenant_id == tenant_id, User.user_id == user_id)
    return await tx.scalar(query.with_for_update())


async def anybody_came_in(tx: AsyncSession, tenant_id: UUID) -> bool:
    """Whether anybody of it has chosen a password, also one who is disabled by now."""
    return await _count(tx, User, User.tenant_id == tenant_id, User.password_hash != "") > 0


async def other_heads(tx: AsyncSession, user: User, role: str) -> int:
    """How many others of that role can sign in."""
    return await _count(
        tx,
        User,
        User.tenant_id == user.tenant_id,
        User.role == role,
        User.is_enabled.is_(True),
        User.user_id != user.user_id,
    )


async def known_stores(tx: AsyncSession, tenant_id: UUID, store_ids: Sequence[UUID]) -> int:
    return await _count(tx, Store, Store.tenant_id == tenant_id, Store.store_id.in_(store_ids))


async def store_for_update(tx: AsyncSession, tenant_id: UUID, store_id: UUID) -> Store | None:
    query = select(Store).where(Store.tenant_id == tenant_id, Store.store_id == store_id)
    return await tx.scalar(query.with_for_update())


async def size(tx: AsyncSession, tenant_id: UUID) -> tuple[int, int, int]:
    """(stores, staff, apps) of a merchant."""
    return (
        await _count(tx, Store, Store.tenant_id == tenant_id),
        await _count(tx, User, User.tenant_id == tenant_id),
        await _count(tx, App, App.tenant_id == tenant_id),
    )


# --- sessions


def lives(now: datetime) -> ColumnElement[bool]:
    """Of a session: neither ended nor over; one that merely idled away lives here still."""
    return and_(Session.revoked_at.is_(None), Session.expires_at > now)


async def living_sessions(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, now: datetime, *, is_locked: bool = False
) -> Sequence[Session]:
    """Newest first; those that merely idled away are left to the caller."""
    query = select(Session).where(
        Session.tenant_id == tenant_id, Session.user_id == user_id, lives(now)
    )
    query = query.order_by(Session.created_at.desc(), Session.session_id)
    return (await tx.scalars(query.with_for_update() if is_locked else query)).all()


async def sessions_at(tx: AsyncSession, tenant_id: UUID, now: datetime) -> Sequence[Session]:
    """All living sessions of an organisation's people; locked, in one order."""
    query = select(Session).where(Session.tenant_id == tenant_id, lives(now))
    return (await tx.scalars(query.order_by(Session.session_id).with_for_update())).all()


async def session_for_update(tx: AsyncSession, tenant_id: UUID, session_id: UUID) -> Session | None:
    query = select(Session).where(Session.tenant_id == tenant_id, Session.session_id == session_id)
    return await tx.scalar(query.with_for_update())


# --- acting


async def acting(tx: AsyncSession, tenant_id: UUID, acting_id: UUID) -> Acting | None:
    return await tx.get(Acting, (tenant_id, acting_id))


async def acting_now(
    tx: AsyncSession, tenant_id: UUID, now: datetime, operator_id: UUID | None = None
) -> Sequence[Acting]:
    """Who acts now: one operator's actings, or everybody's."""
    query = select(Acting).where(
        Acting.tenant_id == tenant_id, Acting.until > now, Acting.ended_at.is_(None)
    )
    if operator_id is not None:
        query = query.where(Acting.operator_id == operator_id)
    return (await tx.scalars(query.order_by(Acting.created_at.desc()))).all()


async def acting_at(
    tx: AsyncSession, tenant_id: UUID, operator_id: UUID, at: datetime
) -> Acting | None:
    """The acting in which something was done at that time."""
    query = select(Acting).where(
        Acting.tenant_id == tenant_id,
        Acting.operator_id == operator_id,
        Acting.created_at <= at,
        Acting.until > at,
        func.coalesce(Acting.ended_at, Acting.until) >= at,
    )
    return await tx.scalar(query.order_by(Acting.created_at.desc()).limit(1))


async def user_name(tx: AsyncSession, user_id: UUID) -> str | None:
    """As far as this transaction may look."""
    return await tx.scalar(select(User.name).where(User.user_id == user_id))


async def user_login(tx: AsyncSession, user_id: UUID) -> str | None:
    """As far as this transaction may look."""
    return await tx.scalar(select(User.login).where(User.user_id == user_id))


# --- API keys and settings


async def api_keys(
    tx: AsyncSession, tenant_id: UUID, *, page: int, page_size: int
) -> tuple[Sequence[ApiKey], int]:
    mine = ApiKey.tenant_id == tenant_id
    query = select(ApiKey).where(mine).order_by(ApiKey.created_at.desc(), ApiKey.key_id)
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), await _count(tx, ApiKey, mine)


async def api_key_for_update(tx: AsyncSession, tenant_id: UUID, key_id: str) -> ApiKey | None:
    query = select(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.key_id == key_id)
    return await tx.scalar(query.with_for_update())


async def living_keys_of(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> Sequence[ApiKey]:
    """The keys that somebody made, or took over, and that count; locked."""
    query = select(ApiKey).where(
        ApiKey.tenant_id == tenant_id, ApiKey.created_by == user_id, ApiKey.revoked_at.is_(None)
    )
    return (await tx.scalars(query.order_by(ApiKey.key_id).with_for_update())).all()


async def makers_who_may_not(
    tx: AsyncSession, may: Sequence[str], limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """(tenant, person) of keys that count although their maker is disabled or of no role in `may`.
    System scope only."""
    query = (
        select(User.tenant_id, User.user_id)
        .join(ApiKey, and_(ApiKey.tenant_id == User.tenant_id, ApiKey.created_by == User.user_id))
        .where(ApiKey.revoked_at.is_(None), or_(User.is_enabled.is_(False), User.role.not_in(may)))
    )
    rows = await tx.execute(query.distinct().order_by(User.tenant_id, User.user_id).limit(limit))
    return [(tenant_id, user_id) for tenant_id, user_id in rows]


async def changes_asked_by(tx: AsyncSession, user_id: UUID) -> Sequence[AppChangeRequest]:
    """What still waits for a second person, of whatever merchant: operators who act ask for
    nothing, but what they asked for before that update waits for up to a week. Locked. System
    scope."""
    query = select(AppChangeRequest).where(
        AppChangeRequest.asked_by == user_id, AppChangeRequest.state == "waiting"
    )
    order = (AppChangeRequest.tenant_id, AppChangeRequest.change_id)
    return (await tx.scalars(query.order_by(*order).with_for_update())).all()


async def api_key_by_id(tx: AsyncSession, key_id: str) -> ApiKey | None:
    """System scope only: the caller asks whose it is."""
    return await tx.scalar(select(ApiKey).where(ApiKey.key_id == key_id))


async def api_key_used(tx: AsyncSession, tenant_id: UUID, key_id: str, at: datetime) -> None:
    """Moves the last use forward; a later one that is known already stays."""
    await tx.execute(
        update(ApiKey)
        .where(
            ApiKey.tenant_id == tenant_id,
            ApiKey.key_id == key_id,
            was_used_before(ApiKey.last_used_at, at),
        )
        .values(last_used_at=at)
    )


async def end_acting(tx: AsyncSession, session: Session, now: datetime) -> None:
    """Ends the acting that a session is in, if any."""
    if session.acting_id is None or session.acting_tenant_id is None:
        return
    await tx.execute(
        update(Acting)
        .where(
            Acting.tenant_id == session.acting_tenant_id,
            Acting.acting_id == session.acting_id,
            Acting.ended_at.is_(None),
            Acting.until > now,
        )
        .values(ended_at=now)
    )
    session.acting_id = session.acting_tenant_id = None


async def _count(tx: AsyncSession, model: Any, *where: ColumnElement[bool]) -> int:
    return await tx.scalar(select(func.count()).select_from(model).where(*where)) or 0
