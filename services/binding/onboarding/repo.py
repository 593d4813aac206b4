"""The queries of onboarding; the caller owns the transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, exists, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.binding.models import App, AppKey, Merchant, Store
from services.binding.onboarding.models import TERMINAL, KnownDevice, OnboardingDraft, OnboardingRow
from services.binding.queries import lock


async def newest_app(tx: AsyncSession, tenant_id: UUID) -> App | None:
    query = select(App).where(App.tenant_id == tenant_id).order_by(App.created_at.desc()).limit(1)
    return await tx.scalar(query)


async def rows_of(tx: AsyncSession, tenants: Sequence[UUID]) -> dict[UUID, Sequence[OnboardingRow]]:
    """All that is stored of their setups, by tenant."""
    query = select(OnboardingRow).where(OnboardingRow.tenant_id.in_(tenants))
    found: dict[UUID, list[OnboardingRow]] = {}
    for row in await tx.scalars(query.order_by(OnboardingRow.app_id)):
        found.setdefault(row.tenant_id, []).append(row)
    return {**found}


def of_app(stored: Iterable[OnboardingRow], app_id: str) -> dict[str, OnboardingRow]:
    """What is stored for the app, by row; what was done for the app to be ("") counts for every
    app that has nothing of its own there."""
    known = sorted((row for row in stored if row.app_id in {"", app_id}), key=lambda r: r.app_id)
    return {row.row: row for row in known}


async def rows(tx: AsyncSession, tenant_id: UUID, app_id: str) -> dict[str, OnboardingRow]:
    """The same, of one app."""
    return of_app((await rows_of(tx, [tenant_id])).get(tenant_id, ()), app_id)


async def put(tx: AsyncSession, row: OnboardingRow) -> None:
    """Writes the row whole, whatever was there."""
    names = [column.name for column in OnboardingRow.__table__.columns]
    values = {name: getattr(row, name) for name in names}
    keys = ("tenant_id", "app_id", "row")
    statement = insert(OnboardingRow).values(**values)
    changes = {name: statement.excluded[name] for name in names if name not in keys}
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


async def wake(
    tx: AsyncSession, tenant_id: UUID, app_id: str, names: Sequence[str], at: datetime, by: str
) -> None:
    """The rows are looked at then: what nothing is known of, and what failed or waits; not what
    waits for an answer already."""
    if not names:
        return
    statement = insert(OnboardingRow).values(
        [
            {
                "tenant_id": tenant_id, "app_id": app_id, "row": name, "state": "todo",
                "evidence": {}, "by": by, "at": at, "attempts": 0, "next_check_at": at,
            }
            for name in names
        ]
    )  # fmt: skip
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=("tenant_id", "app_id", "row"),
            set_={"next_check_at": at, "attempts": 0, "request_id": None, "answer": None},
            where=and_(
                OnboardingRow.state.in_(("todo", "failed")),
                or_(OnboardingRow.request_id.is_(None), OnboardingRow.answer.is_not(None)),
            ),
        )
    )


def row_lock(tenant_id: UUID, app_id: str, row: str) -> str:
    return f"onboarding:{tenant_id}:{app_id}:{row}"


async def lock_row(tx: AsyncSession, tenant_id: UUID, app_id: str, row: str) -> None:
    """Serialises what is written of one row, whether it is stored already or not."""
    await lock(tx, row_lock(tenant_id, app_id, row))


async def look_again(
    tx: AsyncSession, tenant_id: UUID, app_id: str, at: datetime | None, row: str
) -> None:
    """The row is looked at then: later, when it could not be looked at and must not be the next one
    again; None: not before somebody says so."""
    runs = update(OnboardingRow).where(
        OnboardingRow.tenant_id == tenant_id,
        OnboardingRow.app_id == app_id,
        OnboardingRow.row == row,
        OnboardingRow.next_check_at.is_not(None),
    )
    await tx.execute(runs.values(next_check_at=at))


async def await_answer(
    tx: AsyncSession,
    name: tuple[UUID, str, str],
    request_id: UUID,
    *,
    at: datetime,
    again_at: datetime,
    by: str,
) -> None:
    """From now on the row (tenant_id, app_id, row) is what is answered to that request; what is
    known of it stays. Without an answer until `again_at` it is due once more."""
    waits = {"request_id": request_id, "answer": None, "next_check_at": again_at}
    keys = ("tenant_id", "app_id", "row")
    statement = insert(OnboardingRow).values(
        **dict(zip(keys, name, strict=True)),
        state="todo", evidence={}, by=by, at=at, attempts=0, **waits,
    )  # fmt: skip
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=waits))


async def forget(tx: AsyncSession, tenant_id: UUID, app_id: str, *names: str) -> None:
    await tx.execute(
        delete(OnboardingRow).where(
            OnboardingRow.tenant_id == tenant_id,
            OnboardingRow.app_id.in_({"", app_id}),
            OnboardingRow.row.in_(names),
        )
    )


async def claim_due(
    tx: AsyncSession, now: datetime, until: datetime
) -> tuple[UUID, str, str] | None:
    """(tenant_id, app_id, row) of a row that is to be looked at, ours until `until`; system
    scope."""
    name = OnboardingRow.tenant_id, OnboardingRow.app_id, OnboardingRow.row
    oldest = (
        select(*name)
        .where(OnboardingRow.next_check_at <= now)
        .order_by(OnboardingRow.next_check_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(OnboardingRow)
        .where(tuple_(*name).in_(oldest))
        .values(next_check_at=until)
        .returning(*name)
        .execution_options(synchronize_session=False)
    )
    found = (await tx.execute(statement)).one_or_none()
    return (found[0], found[1], found[2]) if found is not None else None


# --- what was typed


async def drafts(tx: AsyncSession, tenant_id: UUID, app_id: str) -> dict[str, dict[str, Any]]:
    """By row; what was typed for the app to be counts until the app has a draft of its own."""
    query = (
        select(OnboardingDraft)
        .where(OnboardingDraft.tenant_id == tenant_id, OnboardingDraft.app_id.in_({"", app_id}))
        .order_by(OnboardingDraft.app_id)
    )
    return {draft.row: draft.form for draft in await tx.scalars(query)}


async def put_draft(tx: AsyncSession, draft: OnboardingDraft) -> None:
    told = {"form": draft.form, "by": draft.by, "at": draft.at}
    keys = {"tenant_id": draft.tenant_id, "app_id": draft.app_id, "row": draft.row}
    statement = insert(OnboardingDraft).values(**keys, **told)
    await tx.execute(statement.on_conflict_do_update(index_elements=tuple(keys), set_=told))


# --- whether anybody could pay now


async def keys_of(
    tx: AsyncSession, tenants: Sequence[UUID]
) -> dict[tuple[UUID, str], list[AppKey]]:
    """The key versions of all their apps, newest first."""
    query = select(AppKey).where(AppKey.tenant_id.in_(tenants))
    found: dict[tuple[UUID, str], list[AppKey]] = {}
    for key in await tx.scalars(query.order_by(AppKey.key_version.desc())):
        found.setdefault((key.tenant_id, key.app_id), []).append(key)
    return found


async def with_stores(tx: AsyncSession, tenants: Sequence[UUID]) -> set[UUID]:
    query = select(Store.tenant_id).where(Store.tenant_id.in_(tenants)).distinct()
    return set(await tx.scalars(query))


async def devices(
    tx: AsyncSession, tenants: Sequence[UUID], *, with_test_cashiers: bool
) -> dict[UUID, KnownDevice | None]:
    """The first that may speak now, by tenant; None: of the devices that were told of none may.
    A tenant of which none was told of ever is not among them."""
    of_tenant = KnownDevice.tenant_id == Merchant.tenant_id
    was_enrolled = KnownDevice.enrolled_at.is_not(None)
    speaks = [of_tenant, was_enrolled, KnownDevice.revoked_at.is_(None)]
    if not with_test_cashiers:
        speaks.append(KnownDevice.kind == TERMINAL)
    in_order = (KnownDevice.enrolled_at, KnownDevice.device_id)
    first = select(KnownDevice).where(*speaks).order_by(*in_order).limit(1).lateral()
    query = (
        select(Merchant.tenant_id, aliased(KnownDevice, first))
        .outerjoin(first, true())
        .where(Merchant.tenant_id.in_(tenants), exists().where(of_tenant, was_enrolled))
    )
    return {row[0]: row[1] for row in await tx.execute(query)}


async def has_selling_app(tx: AsyncSession, tenant_id: UUID, now: datetime) -> bool:
    """Whether any app of the merchant is switched on, has keys that count, and is not known to be
    without face-to-face pay."""
    counts = and_(
        AppKey.tenant_id == App.tenant_id,
        AppKey.app_id == App.app_id,
        AppKey.verified_at.is_not(None),
        or_(AppKey.not_after.is_(None), AppKey.not_after > now),
    )
    is_without = and_(
        OnboardingRow.tenant_id == App.tenant_id,
        OnboardingRow.app_id == App.app_id,
        OnboardingRow.row == "0.1",
        OnboardingRow.state == "failed",
    )
    query = select(
        exists().where(
            App.tenant_id == tenant_id,
            App.is_enabled,
            exists().where(counts),
            ~exists().where(is_without),
        )
    )
    return bool(await tx.scalar(query))
