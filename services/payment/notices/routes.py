"""The HTTP routes of the notify inbox: the edge delivers, an operator reads and replays."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.payment.callers import deps_of, taking
from services.payment.models import NoticeRow
from services.payment.notices import service
from services.payment.notices.repo import NoticeFilter, Refusal
from services.payment.notices.schemas import (
    SAMPLE_BYTES_MAX,
    NoticeDetailOut,
    NoticeList,
    NoticeOut,
    NoticesBody,
    NoticeState,
    RefusalBody,
    RefusalList,
    RefusalOut,
    RefusalsBody,
    TakenOut,
    VerdictsOut,
)
from services.payment.notices.service import NO_TENANT
from services.payment.notices.store import NoticeName
from services.payment.pages import Cursor, one_way, place
from shared.contracts.cursors import cursor_text
from shared.contracts.fields import Instant, Word
from shared.contracts.speakers import EDGE
from shared.serve import json_response
from shared.web import guard, parse, principal

NOTICES = "/api/operator/v1/notices"

Limit = Annotated[int, Query(ge=1, le=200)]

router = APIRouter()


only_edge = guard("service", issuers={EDGE})
"""A notice is trusted because the edge has verified it, so no other process may deliver one."""


@router.post(
    "/internal/notify",
    dependencies=[only_edge],
    response_model=VerdictsOut,
    openapi_extra=taking(NoticesBody),
)
async def take_notices(request: Request) -> Response:
    """Notifications that the edge has verified: `verdicts` says of each, in their order, whether
    it is committed (stored, duplicate, quarantined) or not (failed)."""
    body = await parse(request, NoticesBody)
    outcomes = await service.take_notices(deps_of(request), body.items)
    return json_response({"verdicts": outcomes})


@router.post("/internal/notify-refusals", dependencies=[only_edge])
async def count_refusals(request: Request, body: RefusalsBody) -> TakenOut:
    """The edge's tallies of what it refused: numbers, and one example each."""
    await service.count_refusals(deps_of(request), [_refusal(item) for item in body.items])
    return TakenOut(taken=len(body.items))


def _refusal(item: RefusalBody) -> Refusal:
    return Refusal(
        tenant_id=item.tenant_id or NO_TENANT,
        app_id=item.app_id.replace("\0", ""),
        reason=item.reason,
        refused=item.refused,
        first_at=item.first_at,
        last_at=item.last_at,
        client=item.client.replace("\0", ""),
        out_trade_no=item.out_trade_no.replace("\0", ""),
        body=item.body_b64[:SAMPLE_BYTES_MAX],
    )


@router.get(NOTICES, dependencies=[guard("user", "notices.read")])
async def list_notices(
    request: Request,
    verdict: NoticeState | None = None,
    reason: Word | None = None,
    merchant_id: UUID | None = None,
    app_id: Word | None = None,
    out_trade_no: Word | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    cursor: Cursor | None = None,
    before: Cursor | None = None,
    limit: Limit = 50,
) -> NoticeList:
    """Notices of all merchants, newest first. `next` of an answer, as `cursor`, is the page after
    it; `previous`, as `before`, the page before it, whatever came meanwhile."""
    one_way(cursor, before)
    wanted = NoticeFilter(
        state=verdict,
        reason=reason,
        merchant_id=merchant_id,
        app_id=app_id,
        out_trade_no=out_trade_no,
        since=since,
        until=until,
        after=place(cursor),
        before=place(before, "before"),
        limit=limit,
    )
    page = await service.list_notices(deps_of(request).db, wanted)
    cursors = {"next": _cursor(page.older_than), "previous": _cursor(page.newer_than)}
    return NoticeList(items=[NoticeOut.of(row) for row in page.rows], **cursors)


def _cursor(row: NoticeRow | None) -> str | None:
    return cursor_text(row.received_at, row.notify_id) if row else None


@router.get(f"{NOTICES}/refusals", dependencies=[guard("user", "notices.read")])
async def list_refusals(
    request: Request, since: Instant | None = None, limit: Limit = 50
) -> RefusalList:
    """What the edge refused, by hour, app and reason; the latest first."""
    rows = await service.list_refusals(deps_of(request).db, since, limit)
    return RefusalList(items=[RefusalOut.of(row) for row in rows])


@router.get(
    f"{NOTICES}/{{merchant_id}}/{{app_id}}/{{notify_id}}",
    dependencies=[guard("user", "notices.read")],
)
async def show_notice(
    request: Request, merchant_id: UUID, app_id: Word, notify_id: Word
) -> NoticeDetailOut:
    name = NoticeName(merchant_id, app_id, notify_id)
    return NoticeDetailOut.from_rows(*await service.get_notice(deps_of(request).db, name))


@router.post(
    f"{NOTICES}/{{merchant_id}}/{{app_id}}/{{notify_id}}/replay",
    dependencies=[guard("user", "notices.replay")],
)
async def replay_notice(
    request: Request, merchant_id: UUID, app_id: Word, notify_id: Word
) -> NoticeOut:
    """Looked at again by the worker, at once; may be asked for as often as one likes."""
    deps = deps_of(request)
    name = NoticeName(merchant_id, app_id, notify_id)
    caller = principal(request)
    actor = f"user:{caller.subject}"
    row = await service.replay_notice(
        deps.db, deps.clock, name, actor=actor, operator_tenant=caller.tenant
    )
    return NoticeOut.of(row)
