"""The consumers of Kafka events: payments become orders, stores get their names."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.order import service
from services.order.deps import Deps
from shared.consumer import Handlers
from shared.contracts.events.binding import StoreCreated, StoreRenamed
from shared.contracts.events.payment import (
    PaymentClosed,
    PaymentFact,
    PaymentFailed,
    PaymentLateSuccess,
    PaymentRefunded,
    PaymentReversed,
    PaymentSucceeded,
)

handlers = Handlers("order")


@handlers.on(
    PaymentSucceeded,
    PaymentFailed,
    PaymentClosed,
    PaymentReversed,
    at_once=service.record_new_payments,
)
@handlers.on(PaymentRefunded, PaymentLateSuccess)
async def record_payments(
    _deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[PaymentFact]
) -> None:
    await service.record_payments(pg, events)


@handlers.on(StoreCreated, StoreRenamed)
async def name_stores(
    _deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    await service.name_stores(pg, events)
