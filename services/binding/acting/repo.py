"""The queries about grants for acting operators; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import Acting, ActingGrant, Merchant, Session

SHOWN = 100
OPEN = ("asked", "given")
_IS_OPEN = ActingGrant.state.in_(OPEN)


def _is_overdue(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(ActingGrant.state == "asked", ActingGrant.expires_at <= now),
        and_(ActingGrant.state == "given", ActingGrant.until <= now),
    )


async def for_update(tx: AsyncSession, tenant_id: UUID, grant_id: UUID) -> ActingGrant | None:
    query = select(ActingGrant).where(
        ActingGrant.tenant_id == tenant_id, ActingGrant.grant_id == grant_id
    )
    return await tx.scalar(query.with_for_update())


async def open_of(
    tx: AsyncSession,
    operator_id: UUID,
    *,
    home: UUID,
    tenant_id: UUID | None = None,
    permission_set: str | None = None,
) -> Sequence[ActingGrant]:
    """The open grants of an operator, at one merchant or at all of them (system scope). They are
    locked, always in the same order, so that transactions that lock several do not deadlock."""
    query = select(ActingGrant).where(
        ActingGrant.operator_tenant_id == home, ActingGrant.operator_id == operator_id, _IS_OPEN
    )
    if tenant_id is not None:
        query = query.where(ActingGrant.tenant_id == tenant_id)
    if permission_set is not None:
        query = query.where(ActingGrant.permission_set == permission_set)
    query = query.order_by(ActingGrant.tenant_id, ActingGrant.grant_id)
    return (await tx.scalars(query.with_for_update())).all()


async def open_at(tx: AsyncSession, tenant_id: UUID) -> Sequence[ActingGrant]:
    """The open grants of all operators at one merchant; locked, in the same order."""
    query = select(ActingGrant).where(ActingGrant.tenant_id == tenant_id, _IS_OPEN)
    return (await tx.scalars(query.order_by(ActingGrant.grant_id).with_for_update())).all()


async def of_merchant(tx: AsyncSession, tenant_id: UUID) -> Sequence[ActingGrant]:
    """Open grants before closed ones, each newest first."""
    query = select(ActingGrant).where(ActingGrant.tenant_id == tenant_id)
    query = query.order_by(_IS_OPEN.desc(), ActingGrant.asked_at.desc())
    return (await tx.scalars(query.limit(SHOWN))).all()


async def of_operators(
    tx: AsyncSession, home: UUID, operator_id: UUID, merchant_id: UUID | None
) -> Sequence[tuple[ActingGrant, str]]:
    """(grant, merchant's name): the open grants of all operators, and all grants of this operator.
    System scope."""
    query = (
        select(ActingGrant, Merchant.name)
        .join(Merchant, Merchant.tenant_id == ActingGrant.tenant_id)
        .where(
            ActingGrant.operator_tenant_id == home,
            or_(_IS_OPEN, ActingGrant.operator_id == operator_id),
        )
    )
    if merchant_id is not None:
        query = query.where(ActingGrant.tenant_id == merchant_id)
    query = query.order_by(_IS_OPEN.desc(), ActingGrant.asked_at.desc())
    return [(grant, name) for grant, name in await tx.execute(query.limit(SHOWN))]


async def overdue(tx: AsyncSession, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """(tenant, grant) of open grants whose time is over. System scope."""
    query = select(ActingGrant.tenant_id, ActingGrant.grant_id).where(_is_overdue(now))
    rows = await tx.execute(query.order_by(ActingGrant.asked_at).limit(limit))
    return [(tenant_id, grant_id) for tenant_id, grant_id in rows]


async def acting_sessions(
    tx: AsyncSession, home: UUID, operator_id: UUID, tenant_id: UUID
) -> Sequence[Session]:
    """An operator's sessions whose present or last acting is for the merchant; locked. System
    scope."""
    query = select(Session).where(
        Session.tenant_id == home,
        Session.user_id == operator_id,
        Session.acting_tenant_id == tenant_id,
        Session.revoked_at.is_(None),
    )
    query = query.order_by(Session.created_at.desc(), Session.session_id)
    return (await tx.scalars(query.with_for_update())).all()


async def acting_now(
    tx: AsyncSession, tenant_id: UUID, now: datetime, operator_id: UUID | None = None
) -> Sequence[Acting]:
    """The actings that run now, of one operator or of all."""
    query = select(Acting).where(
        Acting.tenant_id == tenant_id, Acting.until > now, Acting.ended_at.is_(None)
    )
    if operator_id is not None:
        query = query.where(Acting.operator_id == operator_id)
    return (await tx.scalars(query.order_by(Acting.created_at.desc()))).all()
