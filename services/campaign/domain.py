"""The rules of campaigns: rewards, limits, draws, and the problems. No framework is used here.

The reward of one payment (S72-S74): exactly one coupon, and `draws_per_payment` draws. One draw is
for the device; the rest are for the buyer's own page.

    grant   granted ──full refund, reversal──> revoked     a revoked grant keeps its earlier draws
    coupon  ISSUED ──> LOCKED ──> USED                     LOCKED by one order at a time
            ISSUED ──> REVOKED | EXPIRED                   LOCKED ──released──> ISSUED or REVOKED

    Conflict              409  conflict
    ├── RewardPending     409  campaign.reward_pending     payment.succeeded was not consumed yet
    ├── RewardRevoked     409  campaign.reward_revoked     the payment was refunded
    ├── NoDrawLeft        409  campaign.no_draw_left
    └── CampaignChanged   409  campaign.changed
    Unauthorized          401  auth.unauthorized
    └── NonceReplayed     401  auth.replayed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from shared.contracts.instants import BEIJING
from shared.errors import Conflict, Unauthorized

PrizeKind = Literal["points", "gift"]
DEVICE_DRAWS = 1
"""A payment's draws on the device (S73, S74); the others are for the buyer's own page."""
RETRY_AFTER_MS = 500
"""How long a device waits before it requests a pending reward again."""


class RewardPending(Conflict):
    code = "campaign.reward_pending"
    title = "支付确认中，请稍后再抽 The payment is not confirmed here yet; please try again."


class RewardRevoked(Conflict):
    code = "campaign.reward_revoked"
    title = "该笔支付已退款，奖励已收回 The payment was given back, and its rewards with it."


class NoDrawLeft(Conflict):
    code = "campaign.no_draw_left"
    title = "抽奖次数已用完 This payment has no draw left."


class CampaignChanged(Conflict):
    code = "campaign.changed"
    title = "活动已被他人修改，请刷新 Somebody else changed the campaign; please reload."


class NonceReplayed(Unauthorized):
    """All 401 problems have the same title. By the code a device knows to sign a new request."""

    code = "auth.replayed"


@dataclass(frozen=True, slots=True)
class PrizeOffer:
    """One prize: its weight in the odds, and its stock (None: unlimited)."""

    name: str
    name_en: str
    kind: PrizeKind
    points: int
    weight: int
    stock: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign's terms."""

    title: str
    title_en: str
    coupon_title: str
    coupon_title_en: str
    coupon_value_fen: int
    coupon_threshold_fen: int
    coupon_valid_days: int
    draws_per_payment: int
    miss_weight: int
    prizes: tuple[PrizeOffer, ...]


DEFAULT_OFFER = Offer(
    title="支付有礼",
    title_en="Thank-you rewards",
    coupon_title="下次消费满50元减2元",
    coupon_title_en="2 yuan off your next purchase of 50 yuan or more",
    coupon_value_fen=200,
    coupon_threshold_fen=5_000,
    coupon_valid_days=30,
    draws_per_payment=3,
    miss_weight=30,
    # Only points: the platform must not promise a shop's goods before the shop offers them.
    prizes=(
        PrizeOffer("10积分", "10 points", "points", 10, weight=50),
        PrizeOffer("50积分", "50 points", "points", 50, weight=15),
        PrizeOffer("200积分", "200 points", "points", 200, weight=5, stock=1_000),
    ),
)
"""The campaign of a merchant that has not set up its own."""


Withheld = Literal["nothing_paid", "buyer_limit", "device_limit", "day_limit"]
Scope = Literal["buyer", "device", "day"]
LimitKey = tuple[Scope, str]
"""(scope, subject) of a limit: one buyer, one device, or the whole day with an empty subject."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most rewards of one Beijing day for one buyer, for one device, and in all; None: no
    limit."""

    buyer_daily_max: int | None
    device_daily_max: int | None
    daily_max: int | None


NO_LIMITS = Limits(None, None, None)


def day_of(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def limit_keys(buyer_id: str | None, device_id: UUID | None) -> list[LimitKey]:
    """The limits that count a payment's reward."""
    found: list[LimitKey] = [("day", "")]
    if device_id is not None:
        found.append(("device", str(device_id)))
    if buyer_id:
        found.append(("buyer", buyer_id))
    return found


def withheld(
    paid_fen: int, limits: Limits, given: Mapping[LimitKey, int], keys: Sequence[LimitKey]
) -> Withheld | None:
    """Why a payment gets no reward, or None. A sale of 0.00 pays no money (S99), so it gets none.
    `given`: the rewards of its day so far, which may have reached one of the limits `keys`."""
    if paid_fen <= 0:
        return "nothing_paid"
    bounds: dict[Scope, tuple[int | None, Withheld]] = {
        "buyer": (limits.buyer_daily_max, "buyer_limit"),
        "device": (limits.device_daily_max, "device_limit"),
        "day": (limits.daily_max, "day_limit"),
    }
    for key in keys:
        most, why = bounds[key[0]]
        if most is not None and given.get(key, 0) >= most:
            return why
    return None
