"""The HTTP routes: the merchant's order list, one order in detail, and the dashboard. The first two
also have routes for the merchant's own programs. Operators get the figures of many merchants."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.order import service
from services.order.deps import Deps
from services.order.schemas import (
    DashboardOut,
    FiguresOut,
    LastPaymentList,
    LastPaymentOut,
    MerchantFiguresOut,
    OrderDetailOut,
    OrderFilters,
    OrderList,
)
from shared.contracts.fields import Id, Word
from shared.errors import InvalidBody
from shared.serve import faults, json_response
from shared.web import guard, principal, within_stores

DEVICES_MAX = 100
MERCHANTS_MAX = 100

router = APIRouter()


def _filters(request: Request) -> OrderFilters:
    """The filters of the query. An empty filter is ignored; one that is given twice is refused."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if len(names) != len(set(names)):
        raise InvalidBody("each filter may be given once")
    try:
        return OrderFilters.model_validate({name: value for name, value in given if value})
    except ValidationError as error:
        raise InvalidBody(errors=faults(error)) from None


async def _store_of_order(request: Request) -> list[UUID]:
    deps: Deps = request.app.state.deps
    order_no = request.path_params["order_no"]
    shown = await service.show_order(deps, principal(request).tenant, order_no)
    return [shown.order.store_id]


of_its_store = within_stores(_store_of_order)


@router.get(
    "/api/pos/v1/orders",
    dependencies=[guard("pos", "orders.read")],
    response_model=OrderList,
)
async def list_orders_for_pos(request: Request) -> Response:
    """The merchant's orders, or those of the store that the API key is bound to. It has the same
    filters as the console's list."""
    return await list_orders(request)


@router.get(
    "/api/pos/v1/orders/{order_no}",
    dependencies=[guard("pos", "orders.read"), of_its_store],
    response_model=OrderDetailOut,
)
async def show_order_for_pos(request: Request, order_no: Word) -> Response:
    return await show_order(request, order_no)


@router.get(
    "/api/merchant/v1/orders",
    dependencies=[guard("user", "orders.read")],
    response_model=OrderList,
)
async def list_orders(request: Request) -> Response:
    """`page` counts from the newest order at this moment. `after` and `before` continue from the
    `next` and `previous` of a response. Pages that are read in this way return every order that
    existed at the beginning once, however many are added meanwhile. An order whose payment began
    earlier and ended meanwhile may be returned or not."""
    deps: Deps = request.app.state.deps
    filters = _filters(request)
    caller = principal(request)
    wanted = replace(filters.wanted(), stores=caller.store_ids)
    position = filters.position()
    if position is None:
        listed = await service.list_orders(
            deps, caller.tenant, wanted, page=filters.page, page_size=filters.page_size
        )
    else:
        listed = await service.list_from_position(
            deps,
            caller.tenant,
            wanted,
            position,
            page_size=filters.page_size,
            is_older=filters.after is not None,
        )
    return json_response(OrderList.of(listed, filters).model_dump_json().encode())


@router.get(
    "/api/merchant/v1/orders/{order_no}",
    dependencies=[guard("user", "orders.read"), of_its_store],
    response_model=OrderDetailOut,
)
async def show_order(request: Request, order_no: Word) -> Response:
    deps: Deps = request.app.state.deps
    caller = principal(request)
    shown = await service.show_order(deps, caller.tenant, order_no)
    return json_response(OrderDetailOut.of(shown).model_dump_json().encode())


@router.get(
    "/api/merchant/v1/dashboard",
    dependencies=[guard("user", "orders.read")],
    response_model=DashboardOut,
)
async def show_dashboard(request: Request, store_id: UUID | None = None) -> Response:
    deps: Deps = request.app.state.deps
    caller = principal(request)
    board = await service.dashboard(
        deps, caller.tenant, store_id=store_id, visible_stores=caller.store_ids
    )
    return json_response(DashboardOut.of(board).model_dump_json().encode())


@router.get(
    "/api/operator/v1/figures",
    dependencies=[guard("user", "merchants.read")],
    response_model=FiguresOut,
)
async def show_figures(
    request: Request,
    merchant_id: Annotated[list[Id], Query(min_length=1, max_length=MERCHANTS_MAX)],
) -> Response:
    """Today's sales, and the last sale, of each of these merchants; for an operator."""
    deps: Deps = request.app.state.deps
    as_of, rows = await service.figures_of(deps, merchant_id)
    found = FiguresOut(items=[MerchantFiguresOut.of(row) for row in rows], as_of=as_of)
    return json_response(found.model_dump_json().encode())


@router.get(
    "/api/merchant/v1/dashboard/last-payments",
    dependencies=[guard("user", "orders.read")],
)
async def show_last_payments(
    request: Request, device_id: Annotated[list[UUID], Query(max_length=DEVICES_MAX)]
) -> LastPaymentList:
    """The last payment of each of these devices. Devices without a payment are left out."""
    caller = principal(request)
    found = await service.last_payments(
        request.app.state.deps, caller.tenant, device_id, visible_stores=caller.store_ids
    )
    return LastPaymentList(items=[LastPaymentOut(**payment._asdict()) for payment in found])
