"""The use cases of the notify inbox: take notices, count refusals, read, replay.

`settlement` applies notices; `store.sql` decides what is wrong with one. The operators' use cases
work across tenants, so they run in system scope, behind `notices.*` permissions.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from prometheus_client import Counter
from structlog.contextvars import get_contextvars

from services.payment.deps import Deps
from services.payment.models import NoticeRow, RefusalRow, ReplayRow
from services.payment.notices import repo, settlement, store
from services.payment.notices.repo import NoticeFilter, Refusal
from services.payment.notices.store import NoticeName, StoredNotice, paid_by
from services.payment.pages import Page, page_of
from services.payment.payments.rules import OPEN
from services.payment.snapshot import Payment
from shared import outbox
from shared.clock import Clock
from shared.contracts.events.audit import PaymentAudited
from shared.contracts.events.base import stamp
from shared.contracts.notices import Notice
from shared.db import Database, RowBusy
from shared.errors import NotFound
from shared.ids import uuid7
from shared.telemetry import get_logger

NOTICE_RETRY_S = 2.0
NO_TENANT = UUID(int=0)
"""The tenant of refusals on notify routes that belong to no app."""

NoticeOutcome = Literal["stored", "duplicate", "quarantined", "failed"]
"""The first three mean that the notice is committed."""

log = get_logger("notify")
_notices = Counter("notify_inbox_total", "Verified notices taken in", ["verdict", "reason"])
_replays = Counter("notify_replays_total", "Notices an operator had looked at again", ["state"])


async def take_notices(deps: Deps, notices: Sequence[Notice]) -> list[NoticeOutcome]:
    """Commits verified notices together and returns the outcome of each. A notice is applied here
    if that needs no query, else by the sweeper. One that cannot be stored does not affect the
    others. Unavailable: no outcome is known."""
    outcomes: list[NoticeOutcome] = ["failed"] * len(notices)
    stored = await _store(deps.db, dict(enumerate(notices)))
    for index, result in stored.items():
        outcomes[index] = _report(notices[index], result)
    # Rarely more than one: most are duplicates, because the till's polling has settled the payment.
    applied = {
        index: _apply(deps, notices[index], result.payment)
        for index, result in stored.items()
        if result.payment is not None
    }
    done = await asyncio.gather(*applied.values())
    applied_outcomes: dict[int, NoticeOutcome] = dict(zip(applied, done, strict=True))
    return [applied_outcomes.get(index, outcome) for index, outcome in enumerate(outcomes)]


async def _store(db: Database, notices: Mapping[int, Notice]) -> dict[int, StoredNotice]:
    """Stores all in one transaction. If the database refuses it (one bad notice, or two batches in
    conflict), stores each in a transaction of its own and leaves out those that fail alone."""
    try:
        stored = await store.store_notices(db, list(notices.values()), NOTICE_RETRY_S)
    except (asyncpg.PostgresError, RowBusy):
        if len(notices) > 1:
            singly: dict[int, StoredNotice] = {}
            for index, notice in notices.items():
                singly |= await _store(db, {index: notice})
            return singly
        (notice,) = notices.values()
        log.exception("notify.not_stored", notify_id=notice["notify_id"])
        return {}
    return dict(zip(notices, stored, strict=True))


def _report(notice: Notice, stored: StoredNotice) -> NoticeOutcome:
    _notices.labels(stored.verdict, stored.why).inc()
    if stored.verdict != "MISMATCH":
        return "stored" if stored.verdict == "RECEIVED" else "duplicate"
    log.error(
        "notify.quarantined",
        reason=stored.why,
        notify_id=notice["notify_id"],
        out_trade_no=notice["out_trade_no"],
        **_origin(notice),
    )
    return "quarantined"


async def _apply(deps: Deps, notice: Notice, payment: Payment) -> NoticeOutcome:
    """Applies a committed notice that needs no query. If that fails, the sweeper applies it, and
    the sender gets "failed", so that it delivers again."""
    paid = paid_by(notice)
    if payment.state in OPEN and paid is not None:
        try:
            await settlement.apply_notice(deps, NoticeName.of(notice), paid, payment)
        except Exception:
            log.exception("notify.not_applied", notify_id=notice["notify_id"], **_origin(notice))
            return "failed"
    return "stored"


def _origin(notice: Notice) -> dict[str, str]:
    """Log fields of the delivery at the edge, not of the internal call."""
    return {
        "tenant_id": str(notice["tenant_id"]),
        "app_id": notice["app_id"],
        "request_id": notice["request_id"],
    }


async def count_refusals(deps: Deps, refusals: Sequence[Refusal]) -> None:
    """Adds the edge's tallies to their hours."""
    async with deps.db.pg(None) as pg:
        await repo.add_refusals(pg, refusals)


async def list_notices(db: Database, wanted: NoticeFilter) -> Page[NoticeRow]:
    """One page, newest first, of every merchant."""
    more = replace(wanted, limit=wanted.limit + 1)
    async with db.read(None) as tx:
        found = await repo.notices(tx, more)
    is_after, is_before = wanted.after is not None, wanted.before is not None
    return page_of(found, wanted.limit, is_after=is_after, is_before=is_before)


async def notices_of(db: Database, tenant_id: UUID, out_trade_no: str) -> list[NoticeRow]:
    """The notices about one payment, newest first; for its merchant."""
    async with db.read(tenant_id) as tx:
        wanted = NoticeFilter(merchant_id=tenant_id, out_trade_no=out_trade_no)
        return await repo.notices(tx, wanted)


async def list_refusals(db: Database, since: datetime | None, limit: int) -> list[RefusalRow]:
    async with db.read(None) as tx:
        return await repo.refusals(tx, since, limit)


async def get_notice(db: Database, name: NoticeName) -> tuple[NoticeRow, list[ReplayRow]]:
    """One notice and its replays; NotFound if there is none."""
    async with db.read(None) as tx:
        row = await repo.notice(tx, *name)
        if row is None:
            raise NotFound
        return row, await repo.replays(tx, row)


async def replay_notice(
    db: Database, clock: Clock, name: NoticeName, *, actor: str, operator_tenant: UUID | None = None
) -> NoticeRow:
    """Makes the notice due for the worker, checked against our books as they are now. The replay is
    audited in the merchant's log and in that of `operator_tenant`, the operator's organisation. It
    may be repeated: a settled notice stays settled."""
    request_id = get_contextvars().get("request_id")
    # System scope: the events belong to the merchant and to the operators.
    async with db.tx(None) as tx:
        replay_id = uuid7(clock)
        row = await repo.replay(tx, name, replay_id, actor, request_id)
        if row is None:
            raise NotFound
        done = next(r for r in await repo.replays(tx, row) if r.replay_id == replay_id)
        after = {"state": done.state_after, "out_trade_no": row.out_trade_no}
        for tenant_id in dict.fromkeys((operator_tenant or name.tenant_id, name.tenant_id)):
            fact = PaymentAudited(
                **stamp(tenant_id, clock),
                actor=actor,
                action="notice.replay",
                subject_id=f"{name.app_id}:{name.notify_id}",
                before={"state": done.state_before},
                after=after | {"merchant_id": str(name.tenant_id)},
                request_id=request_id,
                address=get_contextvars().get("client_address"),
            )
            await outbox.add(tx, fact)
    _replays.labels(row.state).inc()
    return row
