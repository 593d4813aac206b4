"""The payment service's tables; `migrations/` creates them, and a test compares the two.

CHECKs mirror the rules and stand in the migrations only; keys and indexes stand here, too. Two
states that the database allows, CREATED and CANCELLED_LOCAL, are not in use.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: DateTime(timezone=True),
    }


_Id = Mapped[UUID]
_Fen = Mapped[Annotated[int, mapped_column(BigInteger)]]
_Instant = Mapped[datetime]
_MaybeInstant = Mapped[datetime | None]


def _key() -> Any:
    return mapped_column(primary_key=True)


def _of_payment(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "payment_id"],
        ["payments.tenant_id", "payments.payment_id"],
        name=f"fk_{table}_payment",
    )


def _count(start: int) -> Any:
    return mapped_column(server_default=text(str(start)))


class PaymentRow(Base):
    """One attempt to take money under one out_trade_no; `snapshot.Payment` is its snapshot."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint(
            "pay_request_id", "device_id", "tenant_id", name="uq_payments_pay_request_id"
        ),
        UniqueConstraint("out_trade_no", "tenant_id", name="uq_payments_out_trade_no"),
        Index(
            "uq_payments_active_order_ref", "order_ref", "tenant_id", unique=True,
            postgresql_where=text("order_ref IS NOT NULL AND state IN ('CREATED', 'SUBMITTED',"
            " 'PAYING', 'UNKNOWN', 'CANCELLING', 'MANUAL', 'SUCCESS', 'PARTIAL_REFUND')"),
        ),
        Index("ix_payments_next_poll_at", "next_poll_at",
              postgresql_where=text("next_poll_at IS NOT NULL")),
        Index("ix_payments_created_at", "created_at", postgresql_using="brin"),
    )  # fmt: skip

    tenant_id: _Id = _key()
    payment_id: _Id = _key()
    store_id: _Id
    device_id: _Id
    pay_request_id: Mapped[str]
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    order_ref: Mapped[str | None]
    out_trade_no: Mapped[str]
    channel: Mapped[str]
    scene: Mapped[str]
    subject: Mapped[str]
    total_fen: _Fen
    payable_fen: _Fen
    app_id: Mapped[str | None]
    seller_id: Mapped[str | None]
    key_version: Mapped[int | None]
    state: Mapped[str]
    version: Mapped[int] = _count(1)
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]
    trade_no: Mapped[str | None]
    buyer_id: Mapped[str | None]
    buyer_logon_id: Mapped[str | None]
    refund_reserved_fen: _Fen = _count(0)
    refunded_fen: _Fen = _count(0)
    created_at: _Instant
    paid_at: _MaybeInstant
    finished_at: _MaybeInstant
    deadline_at: _Instant
    pay_open_until: _MaybeInstant
    cancelling_at: _MaybeInstant
    next_poll_at: _MaybeInstant
    attempts: Mapped[int] = _count(0)
    lease_until: _MaybeInstant
    lease_token: Mapped[UUID | None]
    stored_value_fen: _Fen = _count(0)


class RefundRow(Base):
    """One refund; `origin`: requested by a person, or booked by a cancel of a paid trade."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint(
            "payment_id", "refund_request_id", "tenant_id", name="uq_refunds_refund_request_id"
        ),
        UniqueConstraint("out_request_no", "tenant_id", name="uq_refunds_out_request_no"),
        _of_payment("refunds"),
        Index("ix_refunds_next_poll_at", "next_poll_at",
              postgresql_where=text("next_poll_at IS NOT NULL")),
        Index("ix_refunds_created_at", "created_at", postgresql_using="brin"),
        Index("ix_refunds_asked", "tenant_id",
              text("COALESCE(first_requested_at, created_at)"), "refund_id"),
    )  # fmt: skip

    tenant_id: _Id = _key()
    refund_id: _Id = _key()
    payment_id: _Id
    refund_request_id: Mapped[str]
    out_request_no: Mapped[str]
    amount_fen: _Fen
    reason: Mapped[str | None]
    origin: Mapped[str]
    requested_by: Mapped[str | None]
    requested_by_name: Mapped[str | None]
    """the person's name at the time of the request; empty in refunds older than this column"""
    first_requested_by_name: Mapped[str | None]
    """the person of the first request, if the refund was tried again, and its time:
    `requested_by_name` and `created_at` belong to the last try"""
    first_requested_at: _MaybeInstant
    asked_in_request: Mapped[str | None]
    """request id and client address of the last try, for the audit log: its outcome may become
    known in the worker"""
    asked_from: Mapped[str | None]
    state: Mapped[str]
    reason_code: Mapped[str | None]
    created_at: _Instant
    finished_at: _MaybeInstant
    next_poll_at: _MaybeInstant
    attempts: Mapped[int] = _count(0)
    lease_until: _MaybeInstant
    lease_token: Mapped[UUID | None]


class CaseRow(Base):
    """A case for a person: late money, another amount than ours, or no final result."""

    __tablename__ = "payment_cases"
    __table_args__ = (
        UniqueConstraint("payment_id", "kind", "tenant_id", name="uq_payment_cases_kind"),
        _of_payment("payment_cases"),
    )

    tenant_id: _Id = _key()
    case_id: _Id = _key()
    payment_id: _Id
    kind: Mapped[str]
    opened_at: _Instant
    closed_at: _MaybeInstant


class NoticeRow(Base):
    """A verified asynchronous notification, once per (app_id, notify_id)."""

    __tablename__ = "notify_inbox"
    __table_args__ = (
        Index("ix_notify_inbox_next_try_at", "next_try_at",
              postgresql_where=text("next_try_at IS NOT NULL")),
        Index("ix_notify_inbox_received_at", "received_at"),
        Index("ix_notify_inbox_out_trade_no", "out_trade_no"),
    )  # fmt: skip

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    notify_id: Mapped[str] = _key()
    kind: Mapped[str]
    out_trade_no: Mapped[str]
    trade_no: Mapped[str | None]
    out_biz_no: Mapped[str | None]
    seller_id: Mapped[str | None]
    total_fen: Mapped[Annotated[int, mapped_column(BigInteger)] | None]
    buyer_id: Mapped[str | None]
    buyer_logon_id: Mapped[str | None]
    paid_at: _MaybeInstant
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str]
    detail: Mapped[str | None]
    received_at: _Instant
    next_try_at: _MaybeInstant
    attempts: Mapped[int] = _count(0)
    deliveries: Mapped[int] = _count(1)
    last_received_at: _MaybeInstant
    last_detail: Mapped[str | None]
    asked_at: _MaybeInstant
    query_said: Mapped[str | None]
    channel: Mapped[str]
    fault: Mapped[str | None]
    """what was wrong with the notice by itself, apart from what `detail` says"""


class RefusalRow(Base):
    """Refusals of the edge for one reason in one hour: their number, and the last as an example. A
    flood increases the number, not the size of the table."""

    __tablename__ = "notify_refusals"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    reason: Mapped[str] = _key()
    hour: _Instant = _key()
    refused: Mapped[Annotated[int, mapped_column(BigInteger)]]
    first_at: _Instant
    last_at: _Instant
    last_client: Mapped[str]
    last_out_trade_no: Mapped[str]
    last_body: Mapped[bytes] = mapped_column(LargeBinary)


class ReplayRow(Base):
    """A replay of a notice by an operator; the application can add rows and change none."""

    __tablename__ = "notice_replays"
    __table_args__ = (Index("ix_notice_replays_notify_id", "notify_id"),)

    tenant_id: _Id = _key()
    replay_id: _Id = _key()
    app_id: Mapped[str]
    notify_id: Mapped[str]
    actor: Mapped[str]
    request_id: Mapped[str | None]
    replayed_at: _Instant = mapped_column(server_default=text("now()"))
    state_before: Mapped[str]
    state_after: Mapped[str]


class NonceRow(Base):
    """A used nonce of a device; another request with it is refused."""

    __tablename__ = "device_nonces"
    __table_args__ = (Index("ix_device_nonces_seen_at", "seen_at", postgresql_using="brin"),)

    tenant_id: _Id = _key()
    device_id: _Id = _key()
    nonce: Mapped[str] = _key()
    seen_at: _Instant = mapped_column(server_default=text("now()"))


class MerchantApp(Base):
    """A bound app, from app.bound.v1; payments go through the newest enabled one."""

    __tablename__ = "merchant_apps"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    seller_id: Mapped[str]
    is_enabled: Mapped[bool]
    key_version: Mapped[int]
    first_bound_at: _Instant
    changed_at: _Instant


class MerchantStanding(Base):
    """Whether the merchant takes new payments, from merchant.suspended.v1 and .resumed.v1."""

    __tablename__ = "merchant_standings"

    tenant_id: _Id = _key()
    is_suspended: Mapped[bool]
    said_at: _Instant


class Store(Base):
    """A store, from store.created.v1 and store.renamed.v1; `said_at` is the time of the last
    event."""

    __tablename__ = "stores"

    tenant_id: _Id = _key()
    store_id: _Id = _key()
    name: Mapped[str]
    said_at: _Instant
