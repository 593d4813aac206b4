"""The queries of the audit log; the caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, Text, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import Acting, AuditEntry, AuditHead, User

# Each member as the text that is hashed; `at` in microseconds since 1970.
_CHAINED = text(
    "SELECT seq, prev_hash, hash, tenant_id, audit_id,"
    " (extract(epoch FROM at) * 1000000)::bigint AS at_us, actor, actor_name, action, subject,"
    " before::text AS before, after::text AS after, request_id, address, reason"
    " FROM audit_log WHERE tenant_id = :tenant AND seq > :last ORDER BY seq LIMIT :limit"
)

# Adds the actor's name as it is now and, where an operator acted for the merchant, the operator's
# name and reason. They are part of the entry and of its hash.
_ADD_REPORTED = """
INSERT INTO audit_log (tenant_id, audit_id, at, actor, actor_name, action, subject, before, after,
                       request_id, address, reason)
SELECT $1, $2, $3, $4,
       coalesce(g.operator_name, u.name, CASE WHEN $10::uuid IS NULL THEN $4 ELSE '' END),
       $5, $6, $7::jsonb, $8::jsonb, $9, $11, g.reason
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
  SELECT operator_name, reason FROM acting
  WHERE tenant_id = $1 AND operator_id = $10::uuid AND created_at <= $3 AND until > $3
    AND coalesce(ended_at, until) >= $3
  ORDER BY created_at DESC LIMIT 1) AS g ON true
LEFT JOIN LATERAL (SELECT name FROM users WHERE user_id = $10::uuid LIMIT 1) AS u ON true
"""


# The present names of subjects. Deleted subjects and those of other services have none here.
_NAMES = text(
    "SELECT user_id::text AS id, name FROM users"
    " WHERE tenant_id = :tenant AND user_id::text = ANY(:ids)"
    " UNION ALL SELECT store_id::text, name FROM stores"
    " WHERE tenant_id = :tenant AND store_id::text = ANY(:ids)"
    " UNION ALL SELECT key_id, name FROM api_keys"
    " WHERE tenant_id = :tenant AND key_id = ANY(:ids)"
    " UNION ALL SELECT tenant_id::text, name FROM merchants"
    " WHERE tenant_id = :tenant AND tenant_id::text = ANY(:ids)"
)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: an actor's id or name, an action (or `app.*`), a subject, a span of time."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def _where(tenant_id: UUID, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [AuditEntry.tenant_id == tenant_id]
    if wanted.actor:
        names = (wanted.actor, f"user:{wanted.actor}")
        found.append(or_(AuditEntry.actor.in_(names), AuditEntry.actor_name == wanted.actor))
    if wanted.action:
        head = wanted.action.removesuffix("*")
        is_prefix = head != wanted.action
        found.append(
            AuditEntry.action.startswith(head, autoescape=True)
            if is_prefix
            else AuditEntry.action == wanted.action
        )
    if wanted.subject:
        found.append(AuditEntry.subject == wanted.subject)
    if wanted.since:
        found.append(AuditEntry.at >= wanted.since)
    if wanted.until:
        found.append(AuditEntry.at < wanted.until)
    return found


async def entries(
    tx: AsyncSession, tenant_id: UUID, wanted: AuditFilter, *, page: int, page_size: int
) -> tuple[Sequence[AuditEntry], int]:
    query = select(AuditEntry).where(*_where(tenant_id, wanted)).order_by(AuditEntry.seq.desc())
    rows = await tx.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), await count(tx, tenant_id, wanted)


async def names(tx: AsyncSession, tenant_id: UUID, rows: Sequence[AuditEntry]) -> dict[str, str]:
    """Name by subject."""
    ids = sorted({row.subject for row in rows})
    found = await tx.execute(_NAMES, {"tenant": tenant_id, "ids": ids})
    return {row.id: row.name for row in found}


async def count(tx: AsyncSession, tenant_id: UUID, wanted: AuditFilter) -> int:
    query = select(func.count()).select_from(AuditEntry).where(*_where(tenant_id, wanted))
    return await tx.scalar(query) or 0


async def cells_between(
    tx: AsyncSession,
    tenant_id: UUID,
    wanted: AuditFilter,
    names: Sequence[str],
    after: int,
    newest: int,
    limit: int,
) -> str | None:
    """The columns of that name of each entry, an array of arrays in JSON; None when there are no
    more. The text passes through the event loop as it is, so that a thread of low priority can do
    the work that each row costs."""
    query = select(
        AuditEntry.seq,
        func.json_build_array(*(getattr(AuditEntry, name) for name in names)).label("cells"),
    ).where(*_where(tenant_id, wanted), AuditEntry.seq > after, AuditEntry.seq <= newest)
    part = query.order_by(AuditEntry.seq).limit(limit).subquery()
    cells = func.json_agg(aggregate_order_by(part.c.cells, part.c.seq))
    return await tx.scalar(select(cast(cells, Text)))


async def head(tx: AsyncSession, tenant_id: UUID) -> tuple[int, str]:
    """(number, hash) of the newest entry."""
    query = select(AuditHead.seq, AuditHead.hash).where(AuditHead.tenant_id == tenant_id)
    found = (await tx.execute(query)).one_or_none()
    return (found.seq, found.hash) if found else (0, "")


async def anchored_seq(tx: AsyncSession, tenant_id: UUID) -> int:
    """The number of the last entry that the worker has anchored, according to the table."""
    query = select(AuditHead.anchored_seq).where(AuditHead.tenant_id == tenant_id)
    return await tx.scalar(query) or 0


async def chained(tx: AsyncSession, tenant_id: UUID, last: int, limit: int) -> list[dict[str, Any]]:
    """The next entries, with their members as the text that is hashed."""
    given: dict[str, Any] = {"tenant": tenant_id, "last": last, "limit": limit}
    rows = (await tx.execute(_CHAINED, given)).mappings().all()
    return [dict(row) for row in rows]


async def tenants(tx: AsyncSession) -> Sequence[UUID]:
    return (await tx.scalars(select(AuditHead.tenant_id).order_by(AuditHead.tenant_id))).all()


async def unanchored(tx: AsyncSession, limit: int) -> Sequence[AuditHead]:
    moved = AuditHead.seq > AuditHead.anchored_seq
    query = select(AuditHead).where(moved).order_by(AuditHead.anchored_at.nulls_first())
    return (await tx.scalars(query.limit(limit))).all()


async def note_anchor(tx: AsyncSession, tenant_id: UUID, seq: int, at: datetime) -> None:
    await tx.execute(
        update(AuditHead)
        .where(AuditHead.tenant_id == tenant_id)
        .values(anchored_seq=seq, anchored_at=at)
    )


async def add_reported(
    pg: "asyncpg.Connection[Any]",
    *,
    tenant_id: UUID,
    audit_id: UUID,
    at: datetime,
    entry: tuple[str, str, str],
    before: str | None,
    after: str | None,
    request_id: str | None,
    address: str | None,
) -> None:
    """`entry` is (actor, action, subject); the JSON members are given as text."""
    person = user_of(entry[0])
    facts = (before, after, request_id, person, address)
    await pg.execute(_ADD_REPORTED, tenant_id, audit_id, at, *entry, *facts)


def user_of(actor: str) -> UUID | None:
    """The person behind an actor such as `user:<id>`."""
    kind, _, subject = actor.partition(":")
    try:
        return UUID(subject) if kind == "user" else None
    except ValueError:
        return None


async def acting_at(
    tx: AsyncSession, tenant_id: UUID, operator_id: UUID, at: datetime
) -> Acting | None:
    """The acting of that operator which ran at that time."""
    query = select(Acting).where(
        Acting.tenant_id == tenant_id,
        Acting.operator_id == operator_id,
        Acting.created_at <= at,
        Acting.until > at,
        func.coalesce(Acting.ended_at, Acting.until) >= at,
    )
    return await tx.scalar(query.order_by(Acting.created_at.desc()).limit(1))


async def user_name(tx: AsyncSession, user_id: UUID) -> str | None:
    """None also where row security hides the person from this transaction."""
    return await tx.scalar(select(User.name).where(User.user_id == user_id))


async def user_login(tx: AsyncSession, user_id: UUID) -> str | None:
    """None also where row security hides the person from this transaction."""
    return await tx.scalar(select(User.login).where(User.user_id == user_id))


async def add(tx: AsyncSession, entry: AuditEntry) -> None:
    tx.add(entry)
    await tx.flush()
