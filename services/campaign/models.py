"""The tables as SQLAlchemy sees them. The migrations define them, and a test compares both."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, MetaData, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012


class Campaign(Base):
    __tablename__ = "campaigns"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    title: Mapped[str]
    title_en: Mapped[str]
    coupon_title: Mapped[str]
    coupon_title_en: Mapped[str]
    coupon_value_fen: Mapped[int] = mapped_column(BigInteger)
    coupon_threshold_fen: Mapped[int] = mapped_column(BigInteger)
    coupon_valid_days: Mapped[int]
    draws_per_payment: Mapped[int] = mapped_column(SmallInteger)
    miss_weight: Mapped[int]
    created_at: Mapped[datetime]
    buyer_daily_max: Mapped[int | None]
    device_daily_max: Mapped[int | None]
    daily_max: Mapped[int | None]
    version: Mapped[int]


class Prize(Base):
    __tablename__ = "prizes"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    prize_id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    name: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    points: Mapped[int]
    weight: Mapped[int]
    stock: Mapped[int | None]
    stock_left: Mapped[int | None]


class Grant(Base):
    """The reward of one payment. `granted_at` is null while only its refund is known. `reason`: why
    it gets no reward."""

    __tablename__ = "grants"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    device_id: Mapped[UUID | None]
    buyer_id: Mapped[str | None]
    draws_granted: Mapped[int] = mapped_column(SmallInteger)
    draws_used: Mapped[int] = mapped_column(SmallInteger)
    device_drawn: Mapped[bool]
    status: Mapped[str]
    granted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class Coupon(Base):
    """Its id is the id of the event that created it, so a replay creates the same coupon."""

    __tablename__ = "coupons"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    coupon_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    campaign_id: Mapped[UUID]
    buyer_id: Mapped[str | None]
    title: Mapped[str]
    title_en: Mapped[str]
    value_fen: Mapped[int] = mapped_column(BigInteger)
    threshold_fen: Mapped[int] = mapped_column(BigInteger)
    valid_until: Mapped[datetime]
    state: Mapped[str]
    issued_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Draw(Base):
    """One used draw; `prize` is the prize that was won, with its name at that time."""

    __tablename__ = "draws"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    draw_no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    via: Mapped[str]
    prize_id: Mapped[UUID | None]
    prize: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    drawn_at: Mapped[datetime]


class RewardCount(Base):
    """The rewards of one Beijing day, counted by buyer, by device, or in all (`subject` empty)."""

    __tablename__ = "reward_counts"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    rewards: Mapped[int]


class DeviceNonce(Base):
    """The nonce of a signed request that changed something, so that it cannot be replayed."""

    __tablename__ = "device_nonces"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
