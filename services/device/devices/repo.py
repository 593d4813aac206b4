"""Every query of devices and codes; the caller opens the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    cast,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from services.device.devices.rules import CODE_TRIES, IN_FLIGHT, OPEN_CODES_MAX, SEEN_EVERY, Kind
from services.device.models import Device, EnrolmentCode, LeftRole, Standing, Store
from shared.contracts.events.binding import StoreCreated, StoreRenamed


async def lock(tx: AsyncSession, name: str) -> None:
    """Holds the advisory lock of that name until the transaction ends."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:n, 0))"), {"n": name})


async def stores_owner(tx: AsyncSession, store_id: UUID) -> UUID | None:
    """The merchant of a store: a look-up in system scope, for the command line."""
    found: UUID | None = await tx.scalar(select(Store.tenant_id).where(Store.store_id == store_id))
    return found


async def store(tx: AsyncSession, tenant_id: UUID, store_id: UUID) -> Store | None:
    return await tx.get(Store, (tenant_id, store_id))


# --- enrolment codes

# For people of any organisation: an operator who acted for the merchant could make codes, before
# acting was restricted.
_MAKER_LEFT = (
    select(LeftRole.user_id)
    .where(
        EnrolmentCode.created_by == "user:" + cast(LeftRole.user_id, Text),
        or_(
            EnrolmentCode.created_at < LeftRole.left_at + IN_FLIGHT,
            EnrolmentCode.created_at < LeftRole.renewed_at,
        ),
    )
    .exists()
)


# Also codes made before the merchant was resumed, by a session that the edge still accepted.
_MERCHANT_SUSPENDED = (
    select(Standing.tenant_id)
    .where(
        Standing.tenant_id == EnrolmentCode.tenant_id,
        or_(Standing.is_suspended, EnrolmentCode.created_at < Standing.said_at),
    )
    .exists()
)


def _is_open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The conditions of a code that would enrol some device now."""
    return (
        EnrolmentCode.used_at.is_(None),
        EnrolmentCode.revoked_at.is_(None),
        EnrolmentCode.expires_at > now,
        EnrolmentCode.tries < CODE_TRIES,
        ~_MAKER_LEFT,
        ~_MERCHANT_SUSPENDED,
    )


async def has_maker_left(tx: AsyncSession, code: EnrolmentCode) -> bool:
    """Whether the person who made the code has left the role that allowed it, or has had a new
    password since."""
    same = (EnrolmentCode.tenant_id == code.tenant_id, EnrolmentCode.code_id == code.code_id)
    return await tx.scalar(select(EnrolmentCode.code_id).where(*same, _MAKER_LEFT)) is not None


async def is_of_suspended(tx: AsyncSession, code: EnrolmentCode) -> bool:
    """Whether the code was made before or while its merchant was suspended."""
    same = (EnrolmentCode.tenant_id == code.tenant_id, EnrolmentCode.code_id == code.code_id)
    found = select(EnrolmentCode.code_id).where(*same, _MERCHANT_SUSPENDED)
    return await tx.scalar(found) is not None


async def use_code(
    tx: AsyncSession, code_hash: str, *, sn: str, now: datetime
) -> EnrolmentCode | None:
    """Marks the code as used if it is valid for this SN now. Of several tries at once only one
    succeeds, because each waits for the row lock and then checks the conditions again."""
    taken = await tx.scalars(
        update(EnrolmentCode)
        .where(
            EnrolmentCode.code_hash == code_hash,
            *_is_open(now),
            or_(EnrolmentCode.sn.is_(None), EnrolmentCode.sn == sn),
        )
        .values(used_at=now)
        .returning(EnrolmentCode)
        .execution_options(synchronize_session=False)
    )
    return taken.one_or_none()


async def open_codes(
    tx: AsyncSession, tenant_id: UUID, now: datetime, stores: frozenset[UUID]
) -> list[tuple[EnrolmentCode, str]]:
    query = (
        select(EnrolmentCode, Store.name)
        .join(
            Store,
            and_(
                Store.tenant_id == EnrolmentCode.tenant_id,
                Store.store_id == EnrolmentCode.store_id,
            ),
        )
        .where(EnrolmentCode.tenant_id == tenant_id, *_is_open(now))
        .order_by(EnrolmentCode.created_at.desc(), EnrolmentCode.code_id.desc())
        .limit(OPEN_CODES_MAX)
    )
    if stores:
        query = query.where(EnrolmentCode.store_id.in_(stores))
    return [(code, name) for code, name in await tx.execute(query)]


async def count_open_codes(tx: AsyncSession, tenant_id: UUID, now: datetime) -> int:
    query = select(func.count()).select_from(EnrolmentCode)
    return await tx.scalar(query.where(EnrolmentCode.tenant_id == tenant_id, *_is_open(now))) or 0


async def code(
    tx: AsyncSession, tenant_id: UUID, code_id: UUID, *, for_update: bool = False
) -> EnrolmentCode | None:
    return await tx.get(EnrolmentCode, (tenant_id, code_id), with_for_update=for_update or None)


async def count_try(tx: AsyncSession, code_hash: str) -> EnrolmentCode | None:
    """Counts a failed try against the code, if there is one, and returns it as it was before."""
    code = await tx.scalar(
        select(EnrolmentCode).where(EnrolmentCode.code_hash == code_hash).with_for_update()
    )
    if code is not None:
        await tx.execute(
            update(EnrolmentCode)
            .where(EnrolmentCode.tenant_id == code.tenant_id, EnrolmentCode.code_id == code.code_id)
            .values(tries=EnrolmentCode.tries + 1)
            .execution_options(synchronize_session=False)
        )
    return code


# --- devices


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions of a list of devices."""

    sn: str | None = None
    """part of the number on the device"""
    text: str | None = None
    """part of the number or of the name"""
    store_id: UUID | None = None
    status: str | None = None
    stores: frozenset[UUID] = frozenset()
    """only devices of these stores; empty: of all"""
    unseen_since: datetime | None = None
    """only terminals without a signed request or an enrolment since; test cashiers never count"""

    def conditions(self, tenant_id: UUID) -> list[ColumnElement[bool]]:
        wanted = [Device.tenant_id == tenant_id]
        if self.sn:
            wanted.append(Device.sn.icontains(self.sn, autoescape=True))
        if self.text:
            columns = (Device.sn, Device.name)
            wanted.append(or_(*(col.icontains(self.text, autoescape=True) for col in columns)))
        if self.stores:
            wanted.append(Device.store_id.in_(self.stores))
        if self.store_id is not None:
            wanted.append(Device.store_id == self.store_id)
        if self.status is not None:
            wanted.append(Device.status == self.status)
        if self.unseen_since is not None:
            wanted.append(func.coalesce(Device.seen_at, Device.enrolled_at) < self.unseen_since)
            wanted.append(Device.kind != Kind.TEST_CASHIER.value)
        return wanted


async def devices(
    tx: AsyncSession, tenant_id: UUID, narrowed: Filter, *, page: int, page_size: int
) -> tuple[list[tuple[Device, str]], int]:
    """One page of devices, newest first, each with its store's name; and how many there are."""
    wanted = narrowed.conditions(tenant_id)
    query = (
        select(Device, Store.name)
        .join(Store, and_(Store.tenant_id == Device.tenant_id, Store.store_id == Device.store_id))
        .where(*wanted)
        .order_by(Device.enrolled_at.desc(), Device.device_id)
    )
    rows = await tx.execute(query.limit(page_size).offset((page - 1) * page_size))
    found = [(row[0], row[1]) for row in rows]
    return found, await tx.scalar(select(func.count()).select_from(Device).where(*wanted)) or 0


async def device(
    tx: AsyncSession, tenant_id: UUID, device_id: UUID, *, for_update: bool = False
) -> Device | None:
    return await tx.get(Device, (tenant_id, device_id), with_for_update=for_update or None)


async def device_by_sn(tx: AsyncSession, tenant_id: UUID, sn: str) -> Device | None:
    query = select(Device).where(Device.tenant_id == tenant_id, Device.sn == sn)
    return await tx.scalar(query.with_for_update())


async def device_by_id(tx: AsyncSession, device_id: UUID) -> Device | None:
    """System scope only: the caller does not know the tenant."""
    return await tx.scalar(select(Device).where(Device.device_id == device_id))


_SEEN = """
WITH reported AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t(tenant_id, device_id, at)
), held AS MATERIALIZED (
  SELECT d.tenant_id, d.device_id, t.at
  FROM devices d JOIN reported t ON t.tenant_id = d.tenant_id AND t.device_id = d.device_id
  WHERE d.seen_at IS NULL OR t.at >= d.seen_at + $4::interval
  ORDER BY d.tenant_id, d.device_id FOR UPDATE OF d
)
UPDATE devices d SET seen_at = h.at FROM held h
WHERE d.tenant_id = h.tenant_id AND d.device_id = h.device_id
"""


async def note_seen(
    pg: "asyncpg.Connection[Any]", latest: Mapping[tuple[UUID, UUID], datetime]
) -> None:
    """`latest` is (tenant, device) -> time; rows are locked in one order, so that two reports never
    deadlock."""
    names = list(latest)
    await pg.execute(
        _SEEN,
        [tenant_id for tenant_id, _ in names],
        [device_id for _, device_id in names],
        list(latest.values()),
        SEEN_EVERY,
    )


# --- people who left a role, or have a new password

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_LEFT = """
INSERT INTO left_roles (tenant_id, user_id, {column})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
ON CONFLICT (tenant_id, user_id)
DO UPDATE SET {column} = greatest(left_roles.{column}, excluded.{column})
"""
_NOTE_LEFT = _LEFT.format(column="left_at")
_NOTE_RENEWED = _LEFT.format(column="renewed_at")
_REVOKE_CASHIERS = """
WITH gone AS (
  SELECT 'user:' || u AS maker, at + $3::interval AS until
  FROM unnest($1::uuid[], $2::timestamptz[]) AS incoming(u, at)
), held AS MATERIALIZED (
  SELECT d.tenant_id, d.device_id FROM devices d JOIN gone g ON g.maker = d.enrolled_by
  WHERE d.kind = 'test_cashier' AND d.status = 'active' AND (d.enrolled_at < g.until OR EXISTS (
    SELECT 1 FROM enrolment_codes c WHERE c.tenant_id = d.tenant_id AND c.device_id = d.device_id
      AND c.used_at = d.enrolled_at AND c.created_at < g.until))
  ORDER BY d.tenant_id, d.device_id FOR UPDATE OF d
)
UPDATE devices d SET status = 'revoked', revoked_at = $4, revoked_by = $5
FROM held h WHERE d.tenant_id = h.tenant_id AND d.device_id = h.device_id
RETURNING d.tenant_id, d.device_id, d.sn, d.enrolled_by
"""

People = Mapping[tuple[UUID, UUID], datetime]
"""(tenant, user) -> the time, sorted by the key"""


def maker_of(user_id: UUID) -> str:
    """The text under which codes and devices store their maker."""
    return f"user:{user_id}"


def maker_lock(maker: str) -> str:
    """The lock that orders two transactions: the enrolment of a test cashier by that maker's code,
    and the event that the maker has left."""
    return f"maker:{maker}"


async def lock_maker(pg: "asyncpg.Connection[Any]", maker: str) -> None:
    await pg.execute(_LOCK, maker_lock(maker))


async def note_left(pg: "asyncpg.Connection[Any]", people: People) -> None:
    await pg.execute(_NOTE_LEFT, *_columns(people))


async def note_renewed(pg: "asyncpg.Connection[Any]", people: People) -> None:
    await pg.execute(_NOTE_RENEWED, *_columns(people))


async def revoke_cashiers(
    pg: "asyncpg.Connection[Any]", people: People, *, now: datetime, actor: str
) -> list[tuple[UUID, UUID, str, str]]:
    """Revokes the test cashiers that were enrolled by codes of these people, made before they left
    or while their sessions were still accepted. Returns (tenant, device, SN, maker)."""
    _, users, left_at = _columns(people)
    rows = await pg.fetch(_REVOKE_CASHIERS, users, left_at, IN_FLIGHT, now, actor)
    return [(row["tenant_id"], row["device_id"], row["sn"], row["enrolled_by"]) for row in rows]


def _columns(people: People) -> tuple[list[UUID], list[UUID], list[datetime]]:
    return [name[0] for name in people], [name[1] for name in people], list(people.values())


# --- stores

_NOTE_STORES = """
INSERT INTO stores (tenant_id, store_id, name, created_at, said_at)
SELECT t, s, n, a, a FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
  AS incoming(t, s, n, a)
ON CONFLICT (tenant_id, store_id) DO UPDATE SET name = excluded.name, said_at = excluded.said_at
WHERE stores.said_at <= excluded.said_at
"""


async def note_stores(
    pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    """Stores the names in these events, one event per store; newer stored names stay."""
    await pg.execute(
        _NOTE_STORES,
        [event.tenant_id for event in events],
        [event.store_id for event in events],
        [event.name for event in events],
        [event.occurred_at for event in events],
    )


_REVOKE_CODES = """
UPDATE enrolment_codes c SET revoked_at = $1
FROM merchant_standings s
WHERE s.tenant_id = ANY($2::uuid[]) AND c.tenant_id = s.tenant_id AND c.created_at <= s.said_at
  AND c.expires_at > $1 AND c.used_at IS NULL AND c.revoked_at IS NULL
"""


async def revoke_codes(
    pg: "asyncpg.Connection[Any]", tenants: Sequence[UUID], now: datetime
) -> None:
    """The open codes that were made before their merchant was suspended."""
    await pg.execute(_REVOKE_CODES, now, tenants)
