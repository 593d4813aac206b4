"""The HTTP routes of refunds: request, read, retry and list."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from services.payment.deps import Deps
from services.payment.payments import store as payment_store
from services.payment.payments.schemas import taking
from services.payment.refunds import service
from services.payment.refunds.repo import ListedRefund, RefundFilter, RefundState
from services.payment.refunds.schemas import ListedRefundOut, RefundBody, RefundList, RefundOut
from services.payment.refunds.service import RefundRequest, RefundRetry
from shared.contracts.fields import Instant, PageSize, Text, Word
from shared.cursors import Cursor, cursor_text, not_ours, one_way, place
from shared.errors import NotFound
from shared.serve import json_response
from shared.web import guard, parse, principal, within_stores

PAYMENT = "/api/merchant/v1/payments/{payment_id}"
REFUND = f"{PAYMENT}/refunds/{{refund_request_id}}"

Number = Annotated[str, Text(64)]
Limit = Annotated[PageSize, Query()]

router = APIRouter()


def _deps(request: Request) -> Deps:
    deps: Deps = request.app.state.deps
    return deps


async def _store_of_payment(request: Request) -> list[UUID]:
    try:
        payment_id = UUID(request.path_params["payment_id"])
    except ValueError:
        raise NotFound from None
    payment = await payment_store.load(_deps(request).db, principal(request).tenant, payment_id)
    return [payment.store_id] if payment is not None else []


of_its_store = within_stores(_store_of_payment)


def _json(model: BaseModel) -> Response:
    return json_response(model.model_dump_json().encode())


@router.post(
    f"{PAYMENT}/refunds",
    dependencies=[guard("user", "payments.refund", step_up=True), of_its_store],
    response_model=RefundOut,
    openapi_extra=taking(RefundBody),
)
async def refund_payment(request: Request, payment_id: UUID) -> Response:
    """Gives money back; the same refund_request_id again tells what became of it."""
    caller = principal(request)
    body = await parse(request, RefundBody)
    wanted = RefundRequest(
        tenant_id=caller.tenant,
        payment_id=payment_id,
        refund_request_id=body.refund_request_id,
        amount_fen=body.amount_fen,
        reason=body.reason,
        requested_by=caller.subject,
        requested_by_name=caller.name or None,
    )
    refund = await service.refund_payment(_deps(request), wanted)
    return _json(RefundOut.of(refund, shows_people=caller.sees_people))


@router.get(
    REFUND,
    dependencies=[guard("user", "payments.read"), of_its_store],
    response_model=RefundOut,
)
async def show_refund(request: Request, payment_id: UUID, refund_request_id: Word) -> Response:
    caller = principal(request)
    found = await service.get_refund(_deps(request), caller.tenant, payment_id, refund_request_id)
    return _json(RefundOut.of(found, shows_people=caller.sees_people))


@router.post(
    f"{REFUND}/retry",
    dependencies=[guard("user", "payments.refund", step_up=True), of_its_store],
    response_model=RefundOut,
)
async def retry_refund(request: Request, payment_id: UUID, refund_request_id: Word) -> Response:
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
    refund = await service.retry_refund(_deps(request), retry)
    return _json(RefundOut.of(refund, shows_people=caller.sees_people))


@router.get(
    "/api/merchant/v1/refunds",
    dependencies=[guard("user", "payments.read")],
    response_model=RefundList,
)
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
) -> Response:
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
    page = await service.list_refunds(_deps(request), caller.tenant, wanted)
    sees = caller.sees_people
    items = [ListedRefundOut.from_rows(row, shows_people=sees) for row in page.rows]
    cursors = {"next": _cursor(page.older_than), "previous": _cursor(page.newer_than)}
    return _json(RefundList(items=items, **cursors))


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
