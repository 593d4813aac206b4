"""Refunds: reserved in the payment's row, stored, then sent to the channel.

The reservation keeps Σ refunds ≤ paid also for parallel requests (G4). It is released only after
the channel has definitely refused. A refund keeps its out_request_no for good, so that a repetition
by the worker or by a person can never move money twice (F30).
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from services.payment.channels.port import RefundFact
from services.payment.deps import Deps
from services.payment.leases import renewed
from services.payment.models import PaymentRow, RefundRow
from services.payment.pages import Page, page_of
from services.payment.payments import repo as payment_repo
from services.payment.payments import store as payment_store
from services.payment.payments.rules import REFUNDABLE, check_move
from services.payment.payments.settlement import common_members, new_lease
from services.payment.refunds import repo, store
from services.payment.refunds.repo import ListedRefund, RefundFilter
from services.payment.refunds.rules import NotRefundable, RefundExceedsPaid, RefundMismatch
from services.payment.snapshot import Payment, State, trade_no
from shared import outbox
from shared.contracts.events.audit import PaymentAudited
from shared.contracts.events.base import stamp
from shared.contracts.events.payment import PaymentRefunded
from shared.errors import NotFound, Unavailable
from shared.ids import uuid7
from shared.telemetry import get_logger

BETWEEN_REFUNDS_S = 3.0
"""Alipay demands a pause between two refunds of one trade (alipay-protocol §4.4)."""

log = get_logger("refund")


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund that a person requests at the console."""

    tenant_id: UUID
    payment_id: UUID
    refund_request_id: str
    amount_fen: int
    reason: str | None
    requested_by: str
    requested_by_name: str | None


@dataclass(frozen=True, slots=True)
class RefundRetry:
    """A person's request to send a refund, or to query its outcome, once more."""

    tenant_id: UUID
    payment_id: UUID
    refund_request_id: str
    requested_by: str
    requested_by_name: str | None


async def refund_payment(deps: Deps, request: RefundRequest) -> RefundRow:
    """Refunds, or returns the existing refund with the same refund_request_id."""
    lease = new_lease()
    refund, is_new = await _reserve(deps, request, lease)
    return await _carry_out(deps, refund, lease) if is_new else refund


async def retry_refund(deps: Deps, retry: RefundRetry) -> RefundRow:
    """Retries a refund: one that the channel has refused is sent again under its own number; one
    with an unknown outcome is queried soon. Any other refund stays unchanged."""
    lease = new_lease()
    refund, is_reopened = await _reopen(deps, retry, lease)
    return await _carry_out(deps, refund, lease) if is_reopened else refund


async def _carry_out(deps: Deps, refund: RefundRow, lease: UUID) -> RefundRow:
    """Sends the refund to the channel now, unless it has to wait. If the database is unavailable
    meanwhile, the refund is returned as it is stored, and the worker completes it: an error would
    say that nothing was changed."""
    if refund.state != "SUBMITTED":
        return refund
    try:
        async with _renewed(deps, refund, lease):
            payment = await payment_store.load(deps.db, refund.tenant_id, refund.payment_id)
            if payment is None:
                raise NotFound
            fact = await _send(deps, payment, refund, is_repeated=False)
            return await _settle(deps, refund, fact, lease)
    except Unavailable as error:
        log.warning("refund.database_away", refund_id=str(refund.refund_id), error=str(error))
        return refund


def _renewed(deps: Deps, refund: RefundRow, lease: UUID) -> AbstractAsyncContextManager[None]:
    lease_s, name = deps.schedule.lease_s, (refund.tenant_id, refund.refund_id)
    return renewed(lease_s, lambda: store.renew_refund(deps.db, *name, lease, lease_s))


async def _reserve(deps: Deps, request: RefundRequest, lease: UUID) -> tuple[RefundRow, bool]:
    """Stores a refund. One that may be sent at once is leased to this request, so that the worker
    waits until the lease ends."""
    async with deps.db.tx(request.tenant_id) as tx:
        # The lock also makes a repeated request wait until the first is stored.
        payment = await payment_repo.lock_payment(tx, request.tenant_id, request.payment_id)
        if payment is None:
            raise NotFound
        known = await repo.refund_by_request(
            tx, request.tenant_id, request.payment_id, request.refund_request_id
        )
        if known is not None:
            if (known.amount_fen, known.reason) != (request.amount_fen, request.reason):
                raise RefundMismatch
            return known, False
        is_early = await _reserved(tx, payment, request.amount_fen)
        refund = RefundRow(
            tenant_id=request.tenant_id,
            refund_id=uuid7(deps.clock),
            payment_id=request.payment_id,
            refund_request_id=request.refund_request_id,
            out_request_no=trade_no(deps.clock),
            amount_fen=request.amount_fen,
            reason=request.reason,
            origin="console",
            requested_by=request.requested_by,
            requested_by_name=request.requested_by_name,
        )
        await _begin(deps, tx, refund, lease, is_early=is_early)
        return refund, True


async def _reserved(tx: AsyncSession, payment: PaymentRow, amount_fen: int) -> bool:
    """Reserves the amount or raises; returns whether it is too early for the channel."""
    if State(payment.state) not in REFUNDABLE or payment.channel == "none":
        raise NotRefundable
    if not await repo.reserve_refund(tx, payment, amount_fen):
        raise RefundExceedsPaid
    return await repo.is_refund_recent(tx, payment, BETWEEN_REFUNDS_S)


async def _begin(
    deps: Deps, tx: AsyncSession, refund: RefundRow, lease: UUID, *, is_early: bool
) -> None:
    refund.state = "CREATED" if is_early else "SUBMITTED"
    refund.created_at = deps.clock.now()
    refund.attempts = 0
    request = get_contextvars()
    refund.asked_in_request = request.get("request_id")
    refund.asked_from = request.get("client_address")
    refund.lease_token = None if is_early else lease
    wait_s = BETWEEN_REFUNDS_S if is_early else deps.schedule.lease_s
    await repo.add_refund(tx, refund, wait_s)


async def _reopen(deps: Deps, retry: RefundRetry, lease: UUID) -> tuple[RefundRow, bool]:
    """Reserves the amount of a refused refund again, as if the person requested it now. The first
    requester is kept in columns of its own; the audit log keeps every try."""
    name = (retry.tenant_id, retry.payment_id)
    async with deps.db.tx(retry.tenant_id) as tx:
        payment = await payment_repo.lock_payment(tx, *name)
        refund = await repo.refund_by_request(tx, *name, retry.refund_request_id)
        if payment is None or refund is None:
            raise NotFound
        if refund.state != "REJECTED":
            await repo.hasten_refund(tx, refund, deps.schedule.refund_query_s)
            return refund, False
        is_early = await _reserved(tx, payment, refund.amount_fen)
        before = _as_refused(refund)
        if refund.first_requested_at is None:
            refund.first_requested_by_name = refund.requested_by_name
            refund.first_requested_at = refund.created_at
        refund.requested_by, refund.requested_by_name = retry.requested_by, retry.requested_by_name
        refund.reason_code = refund.finished_at = None
        await _begin(deps, tx, refund, lease, is_early=is_early)
        event = _audit_event(deps, payment, refund, action="payment.refund_retry", before=before)
        await outbox.add(tx, event)
        return refund, True


def _as_refused(refund: RefundRow) -> dict[str, Any]:
    return {
        "state": "rejected",
        "reason_code": refund.reason_code,
        "requested_by_name": refund.requested_by_name,
        "created_at": refund.created_at.isoformat(),
    }


def _audit_event(
    deps: Deps,
    payment: PaymentRow,
    refund: RefundRow,
    *,
    action: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> PaymentAudited:
    """The audit log event: who requested the refund last, when and from where."""
    facts = {
        "refund_fen": refund.amount_fen,
        "out_trade_no": payment.out_trade_no,
        "refund_request_id": refund.refund_request_id,
    }
    return PaymentAudited(
        **stamp(refund.tenant_id, deps.clock),
        actor=f"user:{refund.requested_by}" if refund.requested_by else "platform",
        action=action,
        subject_id=str(refund.payment_id),
        before=before,
        after=facts | (after or {}),
        **_request_facts(refund),
    )


def _refusal_event(
    deps: Deps, payment: PaymentRow, refund: RefundRow, code: str | None
) -> PaymentAudited:
    refusal = {"reason": refund.reason, "reason_code": code}
    after = refusal | {"answered_at": deps.clock.now().isoformat()}
    return _audit_event(deps, payment, refund, action="payment.refund_refused", after=after)


def _request_facts(refund: RefundRow) -> dict[str, Any]:
    return {
        "asked_at": refund.created_at,
        "request_id": refund.asked_in_request,
        "address": refund.asked_from,
    }


async def _send(
    deps: Deps, payment: Payment, refund: RefundRow, *, is_repeated: bool
) -> RefundFact:
    """Sends the refund. `fund_change=N` proves nothing, and neither does a refusal after a try that
    may have succeeded: both are followed by a query."""
    channel = deps.channels.of(payment)
    number, amount_fen = refund.out_request_no, refund.amount_fen
    fact = await channel.refund(payment, number, amount_fen, refund.reason)
    if fact.outcome == "unclear" and fact.code == "fund_change":
        return await channel.query_refund(payment, number, amount_fen)
    if fact.outcome == "refused" and is_repeated:
        seen = await channel.query_refund(payment, number, amount_fen)
        if seen.outcome != "not_done":
            return seen
        # The process that sent it has just died: its request may still be on its way. Query again.
        return RefundFact("unclear", fact.code) if refund.state == "SUBMITTED" else fact
    return fact


async def advance_refund(deps: Deps, tenant_id: UUID, refund_id: UUID, lease: UUID) -> None:
    """One round for a leased refund: query its state, and send it (again) if it is not done."""
    async with deps.db.read(tenant_id) as tx:
        refund = await repo.refund_by_id(tx, tenant_id, refund_id)
    if refund is None or refund.lease_token != lease:
        return
    async with _renewed(deps, refund, lease):
        payment = await payment_store.load(deps.db, tenant_id, refund.payment_id)
        if payment is None:
            return
        if refund.state == "CREATED":
            fact = await _first_send(deps, payment, refund, lease)
        else:
            fact = await _ask_and_send(deps, payment, refund)
        if fact is not None:
            await _settle(deps, refund, fact, lease)


async def _ask_and_send(deps: Deps, payment: Payment, refund: RefundRow) -> RefundFact:
    """SUBMITTED: the sender died; UNKNOWN: the response was lost. Both may have been sent before
    and may still be completed by the channel."""
    number, amount_fen = refund.out_request_no, refund.amount_fen
    fact = await deps.channels.of(payment).query_refund(payment, number, amount_fen)
    if fact.outcome != "not_done":
        return fact
    return await _send(deps, payment, refund, is_repeated=True)


async def _first_send(
    deps: Deps, payment: Payment, refund: RefundRow, lease: UUID
) -> RefundFact | None:
    """Sends a refund that had to wait; it is stored as sent before that."""
    async with deps.db.tx(refund.tenant_id) as tx:
        is_ours = await repo.postpone_refund(
            tx, refund, "SUBMITTED", None, deps.schedule.lease_s, lease
        )
    return await _send(deps, payment, refund, is_repeated=False) if is_ours else None


async def _settle(
    deps: Deps, refund: RefundRow, fact: RefundFact, lease: UUID | None = None
) -> RefundRow:
    """Books the channel's result; locks the payment's row first, as every change of money does."""
    async with deps.db.tx(refund.tenant_id) as tx:
        payment = await payment_repo.lock_payment(tx, refund.tenant_id, refund.payment_id)
        if payment is None:
            raise NotFound
        now = deps.clock.now()
        if fact.outcome == "done":
            if await repo.finish_refund(tx, refund, "DONE", None, now, lease):
                _book(payment, refund)
                await outbox.add(tx, _refunded_event(deps, payment, refund))
        elif fact.outcome == "refused":
            if await repo.finish_refund(tx, refund, "REJECTED", fact.code, now, lease):
                payment.refund_reserved_fen -= refund.amount_fen
                payment.version += 1
                await outbox.add(tx, _refusal_event(deps, payment, refund, fact.code))
        else:
            wait_s = deps.schedule.refund_after(refund.attempts)
            await repo.postpone_refund(tx, refund, "UNKNOWN", fact.code, wait_s, lease)
        fresh = await repo.refund_by_id(tx, refund.tenant_id, refund.refund_id)
    log.info("refund.settled", refund_id=str(refund.refund_id), outcome=fact.outcome)
    return fresh or refund


def _book(payment: PaymentRow, refund: RefundRow) -> None:
    payment.refunded_fen += refund.amount_fen
    is_full = payment.refunded_fen == payment.payable_fen
    state = State.REFUNDED if is_full else State.PARTIAL_REFUND
    if payment.state != state:
        check_move(State(payment.state), state)
    payment.state = state.value
    payment.version += 1


def _refunded_event(deps: Deps, payment: PaymentRow, refund: RefundRow) -> PaymentRefunded:
    return PaymentRefunded(
        **stamp(payment.tenant_id, deps.clock),
        **common_members(payment_repo.snapshot(payment)),
        refund_id=refund.refund_id,
        refund_fen=refund.amount_fen,
        refunded_total_fen=payment.refunded_fen,
        is_full=payment.refunded_fen == payment.payable_fen,
        refunded_at=deps.clock.now(),
        refund_request_id=refund.refund_request_id,
        requested_by=refund.requested_by,
        reason=refund.reason,
        **_request_facts(refund),
    )


async def list_refunds(deps: Deps, tenant_id: UUID, wanted: RefundFilter) -> Page[ListedRefund]:
    """One page, newest first."""
    more = replace(wanted, limit=wanted.limit + 1)
    async with deps.db.read(tenant_id) as tx:
        found = await repo.list_refunds(tx, tenant_id, more)
    is_after, is_before = wanted.after is not None, wanted.before is not None
    return page_of(found, wanted.limit, is_after=is_after, is_before=is_before)


async def get_refund(
    deps: Deps, tenant_id: UUID, payment_id: UUID, refund_request_id: str
) -> RefundRow:
    async with deps.db.read(tenant_id) as tx:
        found = await repo.refund_by_request(tx, tenant_id, payment_id, refund_request_id)
    if found is None:
        raise NotFound
    return found
