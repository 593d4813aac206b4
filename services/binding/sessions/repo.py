"""The queries of sessions, and of the acting that a session is in; the caller owns the
transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import Acting, ActingGrant, Session

# --- sessions


async def session_by_hash(tx: AsyncSession, session_hash: str) -> Session | None:
    """By the digest of its cookie, or of its cookie before the last renewal."""
    query = select(Session).where(
        or_(Session.session_hash == session_hash, Session.previous_hash == session_hash)
    )
    return await tx.scalar(query)


async def session(tx: AsyncSession, tenant_id: UUID, session_id: UUID) -> Session | None:
    return await tx.get(Session, (tenant_id, session_id))


# --- sessions


def is_active(now: datetime) -> ColumnElement[bool]:
    """A condition for sessions that were not ended and have not expired. It does not consider
    idling."""
    return and_(Session.revoked_at.is_(None), Session.expires_at > now)


async def active_sessions(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, now: datetime, *, is_locked: bool = False
) -> Sequence[Session]:
    """Newest first. The caller has to leave out those that have idled too long."""
    query = select(Session).where(
        Session.tenant_id == tenant_id, Session.user_id == user_id, is_active(now)
    )
    query = query.order_by(Session.created_at.desc(), Session.session_id)
    return (await tx.scalars(query.with_for_update() if is_locked else query)).all()


async def sessions_at(tx: AsyncSession, tenant_id: UUID, now: datetime) -> Sequence[Session]:
    """All active sessions of a tenant's people; locked, always in the same order."""
    query = select(Session).where(Session.tenant_id == tenant_id, is_active(now))
    return (await tx.scalars(query.order_by(Session.session_id).with_for_update())).all()


async def session_for_update(tx: AsyncSession, tenant_id: UUID, session_id: UUID) -> Session | None:
    query = select(Session).where(Session.tenant_id == tenant_id, Session.session_id == session_id)
    return await tx.scalar(query.with_for_update())


# --- acting


async def acting(tx: AsyncSession, tenant_id: UUID, acting_id: UUID) -> Acting | None:
    return await tx.get(Acting, (tenant_id, acting_id))


async def end_acting(tx: AsyncSession, session: Session, now: datetime) -> None:
    """Ends the acting of a session, if one runs."""
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


async def sessions_of_cookie(tx: AsyncSession, cookie_hash: str) -> Sequence[Session]:
    """The sessions of the cookie that a browser still had when it signed in again; locked."""
    same = or_(Session.session_hash == cookie_hash, Session.previous_hash == cookie_hash)
    active = select(Session).where(same, Session.revoked_at.is_(None))
    return (await tx.scalars(active.with_for_update())).all()


async def active_grants(tx: AsyncSession, acting: Acting, now: datetime) -> Sequence[ActingGrant]:
    """The grants of an acting operator that are valid now."""
    query = select(ActingGrant).where(
        ActingGrant.tenant_id == acting.tenant_id,
        ActingGrant.operator_id == acting.operator_id,
        ActingGrant.state == "given",
        ActingGrant.until > now,
    )
    return (await tx.scalars(query.order_by(ActingGrant.until))).all()
