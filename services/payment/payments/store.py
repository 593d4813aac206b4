"""The hot path: each call is one statement in a transaction of its own (store.sql,
store_worker.sql).

The database functions decide races; the rules stay in `rules`. What comes back is the row as a
`Payment`, read after the change.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.payment.functions import call, there
from services.payment.payments.rules import Decision
from services.payment.schedule import Schedule
from services.payment.snapshot import Payment, State
from shared.db import Database
from shared.outbox import Row

SubmitVerdict = Literal[
    "created",
    "existing",
    "nonce_replayed",
    "merchant_suspended",
    "unknown_store",
    "app_not_bound",
    "order_active",
]
StopVerdict = Literal["stopping", "leased", "settled", "nonce_replayed", "not_found"]

_NAMES = tuple(field.name for field in fields(Payment))
_STATE = _NAMES.index("state")
_NOTHING_TO_SAY: tuple[None, ...] = (None,) * 6


_SUBMIT = call("payment_submit", 25, "verdict, (payment).*")
_BY_REQUEST = call("payment_by_request", 3)
_BY_ID = call("payment_by_id", 2)
_MOVE = call("payment_move", 27)
_STOP = call("payment_stop", 6, "verdict, read_at, (payment).*")
_LEASE = call("payments_lease", 3, "read_at, (payment).*")
_RENEW_PAYMENT = call("payment_renew", 4, "payment_renew")


def payment_of(record: Any) -> Payment:
    """The snapshot in a record that has all columns of payments, and perhaps others."""
    values = [record[name] for name in _NAMES]
    values[_STATE] = State(values[_STATE])
    return Payment(*values)


def _event_columns(event: Row | None) -> tuple[Any, ...]:
    # The tenant of the event is the tenant of the payment, which is an argument already.
    return event[1:] if event is not None else _NOTHING_TO_SAY


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What `submit` writes."""

    tenant_id: UUID
    payment_id: UUID
    store_id: UUID
    is_own_store: bool
    """the device's own store: vouched for by its token, so the read model is not asked"""
    device_id: UUID
    nonce: str | None
    pay_request_id: str
    request_hash: bytes
    order_ref: str | None
    out_trade_no: str
    channel: str
    scene: str
    subject: str
    total_fen: int
    payable_fen: int
    created_at: datetime


async def submit(
    db: Database, new: NewPayment, schedule: Schedule, event: Row | None = None
) -> tuple[SubmitVerdict, Payment | None]:
    """Stores the nonce and the payment as SUBMITTED (as SUCCESS, with `event`, when nothing is
    payable); with the same request id again it only reads. A refusal stores the nonce at most."""
    record = await db.one(
        _SUBMIT,
        new.tenant_id, new.payment_id, new.store_id, new.is_own_store, new.device_id,
        new.nonce, new.pay_request_id, new.request_hash, new.order_ref, new.out_trade_no,
        new.channel, new.scene, new.subject, new.total_fen, new.payable_fen, new.created_at,
        schedule.crashed_s, schedule.deadline_s, schedule.pay_open_s, *_event_columns(event),
    )  # fmt: skip
    record = there(record)
    is_row = record["verdict"] in ("created", "existing")
    return record["verdict"], payment_of(record) if is_row else None


async def find(
    db: Database, tenant_id: UUID, device_id: UUID, pay_request_id: str
) -> Payment | None:
    record = await db.one(_BY_REQUEST, tenant_id, device_id, pay_request_id)
    return payment_of(record) if record is not None else None


async def load(db: Database, tenant_id: UUID, payment_id: UUID) -> Payment | None:
    record = await db.one(_BY_ID, tenant_id, payment_id)
    return payment_of(record) if record is not None else None


@dataclass(frozen=True, slots=True)
class Move:
    """A decision and what is to happen together with it."""

    decision: Decision
    side_id: UUID
    """id for the refund or the case that the move may open"""
    finished_at: datetime | None = None
    event: Row | None = None
    key_version: int | None = None
    is_pay_ended: bool = False
    lease: UUID | None = None
    is_lease_kept: bool = False
    notice: tuple[str, str] | None = None
    """(app_id, notify_id) of the notice that this applies"""


async def move(db: Database, payment: Payment, made: Move) -> Payment | None:
    """Compare-and-swap from the snapshot `payment`; None when it is no longer like that."""
    decision, paid = made.decision, made.decision.paid
    record = await db.one(
        _MOVE,
        payment.tenant_id, payment.payment_id, payment.version, made.lease, made.is_lease_kept,
        decision.state.value, decision.poll_s, paid and paid.total_fen, decision.trade_no,
        paid and paid.buyer_id, paid and paid.buyer_logon_id, paid and paid.paid_at,
        made.finished_at, decision.reason_code, decision.reason, made.key_version,
        made.is_pay_ended, made.side_id, decision.case,
        made.notice and made.notice[0], made.notice and made.notice[1],
        *_event_columns(made.event),
    )  # fmt: skip
    return payment_of(record) if record is not None else None


async def stop(
    db: Database,
    tenant_id: UUID,
    device_id: UUID,
    pay_request_id: str,
    *,
    nonce: str | None,
    lease: UUID,
    lease_s: float,
) -> tuple[StopVerdict, datetime, Payment | None]:
    """Pulls the deadline to now; `stopping` means that the caller holds the lease."""
    record = await db.one(_STOP, tenant_id, device_id, nonce, pay_request_id, lease, lease_s)
    record = there(record)
    is_row = record["verdict"] in ("stopping", "leased", "settled")
    return record["verdict"], record["read_at"], payment_of(record) if is_row else None


async def lease_payments(
    db: Database, limit: int, lease: UUID, lease_s: float
) -> list[tuple[datetime, Payment]]:
    """Due payments for this worker, each with the database's present time."""
    records = await db.system.many(_LEASE, limit, lease, lease_s)
    return [(record["read_at"], payment_of(record)) for record in records]


async def renew_payment(
    db: Database, tenant_id: UUID, payment_id: UUID, lease: UUID, lease_s: float
) -> bool:
    """Whether the lease was still ours, and is for `lease_s` more."""
    return bool(there(await db.one(_RENEW_PAYMENT, tenant_id, payment_id, lease, lease_s))[0])
