"""The HTTP routes of refunds: request, read, retry and list."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from services.payment.callers import deps_of
from services.payment.pages import Cursor, not_ours, one_way, place
from services.payment.payments import store as payment_store
from services.payment.refunds import service
from services.payment.refunds.repo import ListedRefund, RefundFilter, RefundState
from services.payment.refunds.schemas import ListedRefundOut, RefundBody, RefundList, RefundOut
from services.payment.refunds.service import RefundRequest, RefundRetry
from shared.contracts.cursors import cursor_text
from shared.contracts.fields import Instant, PageSize, Text, Word
from shared.errors import NotFound
from shared.web import guard, principal, within_stores

PAYMENT = "/api/merchant/v1/payments/{payment_id}"
REFUND = f"{PAYMENT}/refunds/{{refund_request_id}}"

Number = Annotated[str, Text(64)]
Limit = Annotated[PageSize, Query()]

router = APIRouter(strict_content_type=False)
"""A body without a Content-Type is read as JSON."""


async def _store_of_payment(request: Request) -> list[UUID]:
    try:
        payment_id = UUID(request.path_params["payment_id"])
    except ValueError:
        raise NotFound from None
    payment = await payment_store.load(deps_of(request).db, principal(request).tenant, payment_id)
    return [payment.store_id] if payment is not None else []


of_its_store = within_stores(_store_of_payment)


@router.post(
    f"{PAYMENT}/refunds",
    dependencies=[guard("user", "payments.refund", step_up=True), of_its_store],
)
async def refund_payment(request: Request, payment_id: UUID, body: RefundBody) -> RefundOut:
    """Gives money back; the same refund_request_id again tells what became of it."""
    caller = principal(request)
    wanted = RefundRequest(
        tenant_id=caller.tenant,
        payment_id=payment_id,
        refund_request_id=body.refund_request_id,
        amount_fen=body.amount_fen,
        reason=body.reason,
        requested_by=caller.subject,
        requested_by_name=caller.name or None,
    )
    refund = await service.refund_payment(deps_of(request), wanted)
    return RefundOut.of(refund, shows_people=caller.sees_people)


@router.get(REFUND, dependencies=[guard("user", "payments.read"), of_its_store])
async def show_refund(request: Request, payment_id: UUID, refund_request_id: Word) -> RefundOut:
    caller = principal(request)
    found = await service.get_refund(deps_of(request), caller.tenant, payment_id, refund_request_id)
    return RefundOut.of(found, shows_people=caller.sees_people)


@router.post(
    f"{REFUND}/retry",
    dependencies=[guard("user", "payments.refund", step_up=True), of_its_store],
)
async def retry_refund(request: Request, payment_id: UUID, refund_request_id: Word) -> RefundOut:
    """The same refund once more: a rejected one is sent again under its own number, so that money
    moves once; one whose outcome is unknown is asked about within ten seconds. One that is done
    stays done."""
    caller = principal(request)
    retry = RefundRetry(
        tenant_id=caller.tenant,
        payment_id=payment_id,
        refund_request_id=refund_request_id,
        requested_by=caller.subject,
        requested_by_name=caller.name or None,
    )
    refund = await service.retry_refund(deps_of(request), retry)
    return RefundOut.of(refund, shows_people=caller.sees_people)


@router.get("/api/merchant/v1/refunds", dependencies=[guard("user", "payments.read")])
async def list_refunds(
    request: Request,
    state: RefundState | None = None,
    store_id: UUID | None = None,
    q: Number | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    cursor: Cursor | None = None,
    before: Cursor | None = None,
    limit: Limit = 20,
) -> RefundList:
    """Refunds of the stores one may see, the latest asked for first. `next` of an answer, as
    `cursor`, is the page after it; `previous`, as `before`, the page before it, whatever came
    meanwhile. `q` is part of the payment's out_trade_no or trade_no."""
    caller = principal(request)
    one_way(cursor, before)
    wanted = RefundFilter(
        state=state,
        store_id=store_id,
        stores=caller.store_ids,
        number=q,
        since=since,
        until=until,
        after=_place(cursor, "cursor"),
        before=_place(before, "before"),
        limit=limit,
    )
    page = await service.list_refunds(deps_of(request), caller.tenant, wanted)
    sees = caller.sees_people
    items = [ListedRefundOut.from_rows(row, shows_people=sees) for row in page.rows]
    cursors = {"next": _cursor(page.older_than), "previous": _cursor(page.newer_than)}
    return RefundList(items=items, **cursors)


def _cursor(row: ListedRefund | None) -> str | None:
    return cursor_text(row.requested_at, str(row.refund.refund_id)) if row else None


def _place(cursor: str | None, name: str) -> tuple[datetime, UUID] | None:
    found = place(cursor, name)
    if found is None:
        return None
    try:
        return found[0], UUID(found[1])
    except ValueError:
        raise not_ours(name) from None
