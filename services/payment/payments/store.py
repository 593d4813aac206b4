"""The hot path: each call is one statement in a transaction of its own (store.sql,
store_worker.sql), or shares both with the calls that wait at the same time (writes).

The database functions decide races; the rules stand in `rules`. Each returns the row as a
`Payment`, read after the change.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, Literal, Self
from uuid import UUID

from services.payment.functions import EVENT_TYPES, call, required_row, row_calls
from services.payment.payments.rules import CaseKind, Decision
from services.payment.snapshot import NewPayment, Payment, State
from services.payment.writes import Write, Writes
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
_NO_EVENT: tuple[None, ...] = (None,) * len(EVENT_TYPES)
_NEW_NAMES = tuple(field.name for field in fields(NewPayment))
_new_columns = attrgetter(*_NEW_NAMES)

SUBMIT = Write(
    "payment_submit",
    row_calls(
        "payment_submit", "payment_submit_set", "new_payment", NewPayment,
        "s.failed, s.failure, s.verdict, (s.payment).*",
    ),
    itemgetter(*map(_NEW_NAMES.index, ("tenant_id", "device_id", "pay_request_id"))),
)  # fmt: skip
_BY_REQUEST = call("payment_by_request", 3)
_BY_ID = call("payment_by_id", 2)
_STOP = call("payment_stop", 6, "verdict, read_at, (payment).*")
_IS_DUE = call("is_anything_due", 0, "is_anything_due")
_LEASE = call("payments_lease", 3, "read_at, (payment).*")
_RENEW_PAYMENT = call("payment_renew", 4, "payment_renew")


def payment_of(record: Any) -> Payment:
    """The payment in a record that has all columns of payments, and perhaps others."""
    values = [record[name] for name in _NAMES]
    values[_STATE] = State(values[_STATE])
    return Payment(*values)


def _event_columns(event: Row | None) -> tuple[Any, ...]:
    # The event's tenant is that of the payment, which is an argument already.
    return event[1:] if event is not None else _NO_EVENT


async def submit(
    writes: Writes, new: NewPayment, event: Row | None = None
) -> tuple[SubmitVerdict, Payment | None]:
    """Stores the nonce and the payment as SUBMITTED (as SUCCESS, with `event`, when nothing is
    payable); with the same request id again it only reads. A refusal stores the nonce at most."""
    record = await writes.one(SUBMIT, (*_new_columns(new), *_event_columns(event)))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChange:
    """The change that `move` makes: a decision, and what is written with it in one transaction. The
    fields are the members of the type payment_change, in order."""

    tenant_id: UUID
    payment_id: UUID
    version: int
    lease_token: UUID | None
    is_lease_kept: bool
    state: str
    poll_s: float | None
    paid_fen: int | None
    trade_no: str | None
    buyer_id: str | None
    buyer_logon_id: str | None
    paid_at: datetime | None
    finished_at: datetime | None
    reason_code: str | None
    reason: str | None
    key_version: int | None
    is_pay_ended: bool
    side_id: UUID
    """id for the refund or the case that the change may open"""
    case_kind: CaseKind | None
    notice_app_id: str | None
    notify_id: str | None
    """the notice that this change applies"""

    @classmethod
    def of(
        cls,
        payment: Payment,
        decision: Decision,
        *,
        side_id: UUID,
        finished_at: datetime | None = None,
        key_version: int | None = None,
        is_pay_ended: bool = False,
        lease: UUID | None = None,
        is_lease_kept: bool = False,
        notice: tuple[str, str] | None = None,
    ) -> Self:
        """From the snapshot that the decision was made on; `notice` is (app_id, notify_id)."""
        paid = decision.paid
        return cls(
            tenant_id=payment.tenant_id,
            payment_id=payment.payment_id,
            version=payment.version,
            lease_token=lease,
            is_lease_kept=is_lease_kept,
            state=decision.state.value,
            poll_s=decision.poll_s,
            paid_fen=paid.total_fen if paid else None,
            trade_no=decision.trade_no,
            buyer_id=paid.buyer_id if paid else None,
            buyer_logon_id=paid.buyer_logon_id if paid else None,
            paid_at=paid.paid_at if paid else None,
            finished_at=finished_at,
            reason_code=decision.reason_code,
            reason=decision.reason,
            key_version=key_version,
            is_pay_ended=is_pay_ended,
            side_id=side_id,
            case_kind=decision.case,
            notice_app_id=notice[0] if notice else None,
            notify_id=notice[1] if notice else None,
        )


_CHANGE_NAMES = tuple(field.name for field in fields(PaymentChange))
_change_columns = attrgetter(*_CHANGE_NAMES)

MOVE = Write(
    "payment_move",
    row_calls(
        "payment_move",
        "payment_move_set",
        "payment_change",
        PaymentChange,
        "s.failed, s.failure, (s.payment).*",
    ),
    itemgetter(*map(_CHANGE_NAMES.index, ("tenant_id", "payment_id"))),
)


async def move(writes: Writes, change: PaymentChange, event: Row | None = None) -> Payment | None:
    """Compare-and-swap on the version in `change`; None if the row has changed since."""
    record = await writes.one(MOVE, (*_change_columns(change), *_event_columns(event)))
    return payment_of(record) if record["payment_id"] is not None else None


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
    """Sets the deadline to now; `stopping` means that the caller holds the lease."""
    record = await db.one(_STOP, tenant_id, device_id, nonce, pay_request_id, lease, lease_s)
    record = required_row(record)
    is_row = record["verdict"] in ("stopping", "leased", "settled")
    return record["verdict"], record["read_at"], payment_of(record) if is_row else None


async def is_anything_due(db: Database) -> bool:
    """Whether a payment, a refund or a notice may be due."""
    return bool(required_row(await db.system.one(_IS_DUE))[0])


async def lease_payments(
    db: Database, limit: int, lease: UUID, lease_s: float
) -> list[tuple[datetime, Payment]]:
    """Due payments for this worker, each with the database's present time."""
    records = await db.system.many(_LEASE, limit, lease, lease_s)
    return [(record["read_at"], payment_of(record)) for record in records]


async def renew_payment(
    db: Database, tenant_id: UUID, payment_id: UUID, lease: UUID, lease_s: float
) -> bool:
    """Extends the lease by `lease_s`; False if it is no longer held."""
    return bool(
        required_row(await db.one(_RENEW_PAYMENT, tenant_id, payment_id, lease, lease_s))[0]
    )
