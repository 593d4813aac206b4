"""The use cases of the notify inbox: take a notice, count what was refused, look, replay.

What a notice changes is decided by `settlement`; what is wrong with one, by `notices.sql`. The
operators' half works across tenants, so it runs in system scope, behind `notices.*` permissions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from prometheus_client import Counter
from structlog.contextvars import get_contextvars

from services.payment import hot, inbox_repo, settlement
from services.payment.deps import Deps
from services.payment.domain import OPEN
from services.payment.inbox_repo import NoticeFilter, Refusal
from services.payment.models import NoticeRow, RefusalRow, ReplayRow
from services.payment.notice import notice_fault, read_notice
from shared.clock import Clock
from shared.db import Database
from shared.errors import NotFound
from shared.ids import uuid7
from shared.telemetry import get_logger

NOTICE_RETRY_S = 2.0
NO_TENANT = UUID(int=0)
"""The tenant of refusals at addresses that belong to no app."""

NoticeWord = Literal["stored", "duplicate", "quarantined"]

log = get_logger("notify")
_notices = Counter("notify_inbox_total", "Verified notices taken in", ["verdict", "reason"])
_replays = Counter("notify_replays_total", "Notices an operator had looked at again", ["state"])


@dataclass(frozen=True, slots=True)
class NoticeName:
    """One notice: Alipay's id is unique within an app."""

    tenant_id: UUID
    app_id: str
    notify_id: str


async def take_notice(
    deps: Deps,
    tenant_id: UUID,
    app_id: str,
    fields: dict[str, str],
    body: bytes,
    received_at: datetime,
) -> NoticeWord:
    """Commits a verified notification; what it changes is done here when that needs no question,
    and by the sweeper when it does."""
    notice = read_notice(tenant_id, app_id, fields, body)
    verdict, why, payment = await hot.store_notice(
        deps.db, notice, notice_fault(fields), body, received_at, NOTICE_RETRY_S
    )
    _notices.labels(verdict, why).inc()
    if verdict == "DUPLICATE":
        return "duplicate"
    if verdict == "MISMATCH" or payment is None:
        log.error(
            "notify.quarantined",
            reason=why,
            tenant_id=str(tenant_id),
            app_id=app_id,
            notify_id=notice.notify_id,
            out_trade_no=notice.out_trade_no,
        )
        return "quarantined"
    if payment.state in OPEN and notice.kind == "paid":
        await settlement.apply_notice(deps, notice, payment)
    return "stored"


async def count_refusals(deps: Deps, refusals: Sequence[Refusal]) -> None:
    """Adds the edge's tallies to their hours."""
    async with deps.db.pg(None) as pg:
        await inbox_repo.add_refusals(pg, refusals)


async def list_notices(db: Database, wanted: NoticeFilter) -> list[NoticeRow]:
    """Newest first, of every merchant."""
    async with db.read(None) as tx:
        return await inbox_repo.notices(tx, wanted)


async def list_refusals(db: Database, since: datetime | None, limit: int) -> list[RefusalRow]:
    async with db.read(None) as tx:
        return await inbox_repo.refusals(tx, since, limit)


async def get_notice(db: Database, name: NoticeName) -> tuple[NoticeRow, list[ReplayRow]]:
    """One notice and who had it looked at again."""
    async with db.read(None) as tx:
        row = await inbox_repo.notice(tx, name.tenant_id, name.app_id, name.notify_id)
        if row is None:
            raise NotFound
        return row, await inbox_repo.replays(tx, row)


async def replay_notice(db: Database, clock: Clock, name: NoticeName, *, actor: str) -> NoticeRow:
    """Has the worker look at it again, with our books as they are now; who asked is recorded. As
    often as one likes: a notice that is done with stays done with."""
    request_id = get_contextvars().get("request_id")
    key = (name.tenant_id, name.app_id, name.notify_id)
    async with db.tx(name.tenant_id) as tx:
        row = await inbox_repo.replay(tx, key, uuid7(clock), actor, request_id)
    if row is None:
        raise NotFound
    _replays.labels(row.state).inc()
    return row
