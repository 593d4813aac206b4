"""The response models, and the body of the limits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import asyncpg
import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.campaign.domain import DEVICE_DRAWS, RETRY_AFTER_MS, Withheld
from services.campaign.models import Campaign, Prize
from shared.contracts.fields import Version

Most = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class CouponOut(BaseModel):
    coupon_id: UUID
    state: str
    title: str
    title_en: str
    value_fen: int
    threshold_fen: int
    valid_until: datetime


class DrawsOut(BaseModel):
    """The draws of one payment. At most `on_device` of them can be used on the device; the rest are
    for the buyer's own page, which does not exist yet, so no response links to one."""

    granted: int = 0
    used: int = 0
    on_device: int = DEVICE_DRAWS
    device_drawn: bool = False


class RewardOut(BaseModel):
    payment_id: UUID
    status: Literal["granted", "pending", "revoked", "none"]
    reason: Withheld | None = None
    """why this payment has no reward, when `status` is none"""
    coupon: CouponOut | None = None
    draws: DrawsOut = DrawsOut()
    retry_after_ms: int | None = None

    @classmethod
    def of(cls, payment_id: UUID, row: asyncpg.Record | None) -> Self:
        """A grant as the device sees it; without one it is pending, with a time to try again."""
        if row is None:
            return cls(payment_id=payment_id, status="pending", retry_after_ms=RETRY_AFTER_MS)
        draws = DrawsOut(
            granted=row["draws_granted"],
            used=row["draws_used"],
            device_drawn=row["device_drawn"],
        )
        if row["status"] == "revoked":
            return cls(payment_id=payment_id, status="revoked", draws=draws)
        if row["status"] == "none":
            return cls(payment_id=payment_id, status="none", reason=row["reason"], draws=draws)
        coupon = CouponOut.model_validate(dict(row)) if row["coupon_id"] else None
        return cls(payment_id=payment_id, status="granted", coupon=coupon, draws=draws)


class PrizeWonOut(BaseModel):
    prize_id: UUID
    name: str
    name_en: str
    kind: str
    points: int


class DrawOut(BaseModel):
    """`prize` is null when nothing was won."""

    payment_id: UUID
    prize: PrizeWonOut | None
    draws: DrawsOut

    @classmethod
    def of(cls, payment_id: UUID, row: asyncpg.Record) -> Self:
        won: dict[str, Any] | None = orjson.loads(row["prize"]) if row["prize"] else None
        return cls(
            payment_id=payment_id,
            prize=PrizeWonOut.model_validate(won) if won else None,
            draws=DrawsOut(granted=row["draws_granted"], used=row["draws_used"], device_drawn=True),
        )


class PrizeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    prize_id: UUID
    position: int
    name: str
    name_en: str
    kind: str
    points: int
    weight: int
    stock: int | None
    stock_left: int | None


class CampaignOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    campaign_id: UUID
    status: str
    title: str
    title_en: str
    coupon_title: str
    coupon_title_en: str
    coupon_value_fen: int
    coupon_threshold_fen: int
    coupon_valid_days: int
    draws_per_payment: int
    miss_weight: int
    created_at: datetime
    buyer_daily_max: int | None
    device_daily_max: int | None
    daily_max: int | None
    """rewards of one Beijing day: a buyer's, a device's, all together; null: no limit"""
    version: int
    rewards_today: int = 0
    prizes: list[PrizeOut] = []

    @classmethod
    def of(cls, campaign: Campaign, prizes: Sequence[Prize], rewards_today: int) -> Self:
        shown = cls.model_validate(campaign)
        return shown.model_copy(
            update={
                "prizes": [PrizeOut.model_validate(prize) for prize in prizes],
                "rewards_today": rewards_today,
            }
        )


class LimitsBody(BaseModel):
    """The new values of all three limits; null: no limit."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Version
    buyer_daily_max: Most | None
    device_daily_max: Most | None
    daily_max: Most | None
