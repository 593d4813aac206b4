"""Tables of the control: the rows that the product writes for a face payment."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import BigInteger, ForeignKey, Identity, LargeBinary, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return str(uuid4())


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012  SQLAlchemy's own way


class Payment(Base):
    __tablename__ = "payments"
    __table_args__ = (UniqueConstraint("merchant_id", "pay_request_id"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    merchant_id: Mapped[str]
    store_id: Mapped[str]
    device_id: Mapped[str]
    pay_request_id: Mapped[str]
    out_trade_no: Mapped[str] = mapped_column(unique=True)
    amount_fen: Mapped[int]
    auth_code_hash: Mapped[str]
    scene: Mapped[str]
    subject: Mapped[str]
    status: Mapped[str] = mapped_column(default="SUBMITTED", index=True)
    trade_no: Mapped[str | None]
    buyer_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    paid_at: Mapped[datetime | None]


class Nonce(Base):
    __tablename__ = "nonces"
    device_id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(default=now)


class Outbox(Base):
    __tablename__ = "outbox"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    topic: Mapped[str]
    key: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now)
    published_at: Mapped[datetime | None] = mapped_column(index=True)


class NotifyInbox(Base):
    __tablename__ = "notify_inbox"
    notify_id: Mapped[str] = mapped_column(primary_key=True)
    out_trade_no: Mapped[str] = mapped_column(index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(default=now)


class Inbox(Base):
    __tablename__ = "inbox"
    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(default=now)


class Order(Base):
    __tablename__ = "orders"
    order_no: Mapped[str] = mapped_column(primary_key=True)
    merchant_id: Mapped[str] = mapped_column(index=True)
    payment_id: Mapped[str] = mapped_column(unique=True)
    store_id: Mapped[str]
    total_fen: Mapped[int]
    state: Mapped[str]
    pay_state: Mapped[str]
    ordered_at: Mapped[datetime]


class OrderLine(Base):
    __tablename__ = "order_timeline"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"), index=True)
    what: Mapped[str]
    at: Mapped[datetime]


class Coupon(Base):
    __tablename__ = "coupons"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    merchant_id: Mapped[str]
    buyer_id: Mapped[str | None] = mapped_column(index=True)
    value_fen: Mapped[int]
    state: Mapped[str] = mapped_column(default="ISSUED")
    valid_until: Mapped[datetime]


class Grant(Base):
    __tablename__ = "grants"
    payment_id: Mapped[str] = mapped_column(primary_key=True)
    coupon_id: Mapped[str]
    draws: Mapped[int]
    granted_at: Mapped[datetime] = mapped_column(default=now)
