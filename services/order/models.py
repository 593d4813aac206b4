"""The tables as SQLAlchemy sees them. The migrations define them, and a test compares both."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, FetchedValue, MetaData, SmallInteger, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012


class Order(Base):
    """Its id is the id of the event that created it. The database computes both states."""

    __tablename__ = "orders"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID | None]
    order_no: Mapped[str]
    order_type: Mapped[str]
    sub_type: Mapped[str]
    outcome: Mapped[int] = mapped_column(SmallInteger)
    order_state: Mapped[str] = mapped_column(server_default=FetchedValue())
    pay_state: Mapped[str] = mapped_column(server_default=FetchedValue())
    pay_method: Mapped[str]
    channel: Mapped[str]
    stored_value_fen: Mapped[int] = mapped_column(BigInteger)
    total_fen: Mapped[int] = mapped_column(BigInteger)
    payable_fen: Mapped[int] = mapped_column(BigInteger)
    refunded_fen: Mapped[int] = mapped_column(BigInteger)
    store_id: Mapped[UUID]
    device_id: Mapped[UUID | None]
    out_trade_no: Mapped[str]
    trade_no: Mapped[str | None]
    buyer_id: Mapped[str | None]
    buyer_logon_id: Mapped[str | None]
    receiver: Mapped[str | None]
    receiver_phone: Mapped[str | None]
    subject: Mapped[str]
    source_terminal: Mapped[str]
    ordered_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    order_no_tail: Mapped[str | None] = mapped_column(server_default=FetchedValue(), deferred=True)
    """the last characters, by which people search for an order (repo.TAIL)"""
    out_trade_no_tail: Mapped[str | None] = mapped_column(
        server_default=FetchedValue(), deferred=True
    )
    trade_no_tail: Mapped[str | None] = mapped_column(server_default=FetchedValue(), deferred=True)


class OrderEvent(Base):
    """One entry of an order's timeline: a fact, stored once."""

    __tablename__ = "order_events"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Store(Base):
    """A store's newest name, from binding's events."""

    __tablename__ = "stores"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    name: Mapped[str]
    earlier_event_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    """the events with its other names, older ones and those that came too late"""
    said_at: Mapped[datetime]
    """when it got the name"""
