"""The use cases of payments: start, read and stop a payment.

A payment is three steps: a transaction that commits SUBMITTED, the call to the channel with no
transaction open, a transaction that settles. If the process dies in between, the sweeper goes on.
"""

import asyncio
import hashlib
from typing import Literal
from uuid import UUID

import orjson

from services.payment.channels.port import UNAVAILABLE, Fact, Unsent
from services.payment.deps import Deps
from services.payment.payments import settlement, store
from services.payment.payments.auth_code import route_auth_code
from services.payment.payments.rules import (
    OPEN,
    AppNotBound,
    MerchantIsSuspended,
    OrderActive,
    Replayed,
    RequestMismatch,
    UnknownStore,
)
from services.payment.schedule import PAY_START_S
from services.payment.snapshot import ChannelName, NewPayment, Payment, Scene, State, trade_no
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.payment import PaymentSucceeded
from shared.errors import InvalidBody, NotFound, Problem, Unavailable
from shared.ids import uuid7
from shared.telemetry import get_logger

SETTLE_RACE_S = 0.05
DEFAULT_SUBJECT = "门店消费"

log = get_logger("payment")
_REFUSALS: dict[str, type[Problem]] = {
    "nonce_replayed": Replayed,
    "merchant_suspended": MerchantIsSuspended,
    "unknown_store": UnknownStore,
    "app_not_bound": AppNotBound,
    "order_active": OrderActive,
}


def new_payment(
    deps: Deps,
    *,
    tenant_id: UUID,
    device_id: UUID,
    own_store_id: UUID | None,
    nonce: str | None,
    pay_request_id: str,
    amount_fen: int,
    auth_code: str | None,
    subject: str | None,
    store_id: UUID | None,
    order_ref: str | None,
    terminal_params: str | None,
) -> NewPayment:
    """The payment that a device requests. A Problem if it names no store or no valid auth code."""
    at_store = store_id or own_store_id
    if at_store is None:
        raise UnknownStore
    channel: ChannelName | Literal["none"] = "none"
    scene: Scene | Literal["none"] = "none"
    if amount_fen > 0:
        if auth_code is None:
            fault = {"pointer": "/auth_code", "message": "needed when something is payable"}
            raise InvalidBody(errors=[fault])
        through, scene = route_auth_code(deps.channels, auth_code)
        channel = through.name
    # Equal only if the same payment is requested again; the auth code itself is not stored.
    content = (amount_fen, auth_code, subject, store_id, order_ref, terminal_params)
    return NewPayment(
        tenant_id=tenant_id,
        payment_id=uuid7(deps.clock),
        store_id=at_store,
        is_own_store=at_store == own_store_id,
        device_id=device_id,
        nonce=nonce,
        pay_request_id=pay_request_id,
        request_hash=hashlib.sha256(orjson.dumps(content)).digest(),
        order_ref=order_ref,
        out_trade_no=trade_no(deps.clock),
        channel=channel,
        scene=scene,
        subject=subject or DEFAULT_SUBJECT,
        total_fen=amount_fen,
        payable_fen=amount_fen,
        created_at=deps.clock.now(),
        poll_s=deps.schedule.crashed_s,
        deadline_s=deps.schedule.deadline_s,
        open_s=deps.schedule.pay_open_s,
    )


async def start_payment(
    deps: Deps, new: NewPayment, auth_code: str | None, terminal_params: str | None
) -> Payment:
    """Takes a payment, or returns the existing one with the same pay_request_id."""
    asked_at = deps.clock.monotonic()
    verdict, payment = await _submitted(deps, new)
    if payment is None:
        raise _REFUSALS[verdict]
    if payment.request_hash != new.request_hash:
        raise RequestMismatch
    if verdict == "existing":
        return await _current(deps, payment)
    if payment.payable_fen == 0 or auth_code is None:
        return payment
    calling = asyncio.ensure_future(_pay(deps, payment, auth_code, terminal_params, asked_at))
    deps.paying[payment.payment_id] = calling
    calling.add_done_callback(lambda done: _call_ended(deps, payment, done))
    # The device may disconnect; the channel's response must be booked all the same.
    return await asyncio.shield(calling)


async def _current(deps: Deps, payment: Payment) -> Payment:
    """The payment for a repeated request: after the call under way, if it is in this process."""
    if payment.state is not State.SUBMITTED:
        return payment
    if payment.payment_id not in deps.paying:
        # The first request may be between its commit and its call, or have just settled.
        await asyncio.sleep(SETTLE_RACE_S)
    under_way = deps.paying.get(payment.payment_id)
    if under_way is not None:
        return await asyncio.shield(under_way)
    return await settlement.reload(deps, payment)


async def _submitted(deps: Deps, new: NewPayment) -> tuple[store.SubmitVerdict, Payment | None]:
    """Commits the row. If the connection is lost before the commit is confirmed, the row's
    payment_id shows whether it was ours (F18); the statement is not repeated, because its nonce
    would be refused."""
    event = _free_payment_event(deps, new) if new.payable_fen == 0 else None
    try:
        return await store.submit(deps.writes, new, event)
    except Unavailable:
        found = await store.find(deps.db, new.tenant_id, new.device_id, new.pay_request_id)
        if found is None:
            raise
        return "created" if found.payment_id == new.payment_id else "existing", found


def _free_payment_event(deps: Deps, new: NewPayment) -> outbox.Row:
    """The event of a payment with nothing payable: complete at once, without a channel (S99)."""
    return outbox.row(
        PaymentSucceeded(
            **stamp(new.tenant_id, deps.clock),
            **settlement.common_members(new),
            paid_at=new.created_at,
        )
    )


async def _pay(
    deps: Deps, payment: Payment, auth_code: str, terminal_params: str | None, asked_at: float
) -> Payment:
    fact: Fact = Unsent(UNAVAILABLE)
    key_version = None
    # Whoever waited long for the commit must not charge the buyer after a cancel has become final,
    # or after the clerk has stopped the payment.
    is_late = deps.clock.monotonic() - asked_at > PAY_START_S
    if payment.state is State.SUBMITTED and not is_late:
        channel = deps.channels.of(payment)
        fact, key_version = await channel.pay(payment, auth_code, terminal_params)
    return await settlement.settle(
        deps, payment, fact, is_pay_ended=True, is_lease_kept=True, key_version=key_version
    )


def _call_ended(deps: Deps, payment: Payment, done: "asyncio.Future[Payment]") -> None:
    deps.paying.pop(payment.payment_id, None)
    error = None if done.cancelled() else done.exception()
    if done.cancelled() or error is not None:
        # Nothing is lost: the row is SUBMITTED, and the sweeper queries the channel.
        log.warning(
            "payment.left_to_sweeper",
            payment_id=str(payment.payment_id),
            error=type(error).__name__ if error else "cancelled",
        )


async def finish_calls(deps: Deps) -> None:
    """Waits for the pay calls under way, before the process ends."""
    await asyncio.gather(*deps.paying.values(), return_exceptions=True)


async def get_payment(deps: Deps, tenant_id: UUID, device_id: UUID, pay_request_id: str) -> Payment:
    """A device's own payment; NotFound for one of another device."""
    found = await store.find(deps.db, tenant_id, device_id, pay_request_id)
    if found is None:
        raise NotFound
    return found


async def stop_payment(
    deps: Deps, tenant_id: UUID, device_id: UUID, pay_request_id: str, nonce: str | None
) -> Payment:
    """A clerk's stop: one last query, then cancel. A settled payment stays unchanged."""
    lease = settlement.new_lease()
    verdict, read_at, payment = await store.stop(
        deps.db,
        tenant_id,
        device_id,
        pay_request_id,
        nonce=nonce,
        lease=lease,
        lease_s=deps.schedule.lease_s,
    )
    if payment is None:
        raise Replayed if verdict == "nonce_replayed" else NotFound
    if verdict != "stopping" or payment.state not in OPEN:
        return payment
    return await settlement.advance(deps, payment, read_at, lease)
