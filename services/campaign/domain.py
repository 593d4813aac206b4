"""What a campaign gives, who may draw, and what can stand in the way. No framework here.

Chances of one payment (S72-S74): exactly one coupon; `draws_per_payment` draws, one of them on the
device; the rest wait for the buyer's own page.

    grant   granted ──full refund, reversal──> revoked     a revoked grant keeps what was drawn
    coupon  ISSUED ──> LOCKED ──> USED                     LOCKED by one order at a time
            ISSUED ──> REVOKED | EXPIRED                   LOCKED ──released──> ISSUED or REVOKED

    Conflict              409  conflict
    ├── RewardPending     409  campaign.reward_pending     the payment's confirmation is on its way
    ├── RewardRevoked     409  campaign.reward_revoked     the payment was given back
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
"""A payment's draws on the device (S73, S74); what else it has waits for the buyer's own page."""
RETRY_AFTER_MS = 500
"""How long a device waits before it asks again for a reward that is on its way."""
NONCE_KEEP_S = 900
"""Longer than the edge's window (300 s each way), so that no nonce is forgotten while usable."""


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
    """The titles of 401 are one; the code tells a device to sign a fresh request."""

    code = "auth.replayed"


@dataclass(frozen=True, slots=True)
class PrizeOffer:
    """One prize: its share of the odds, and how many there are (None: no end)."""

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
    # Points only: nobody promises a shop's goods before the shop has said so.
    prizes=(
        PrizeOffer("10积分", "10 points", "points", 10, weight=50),
        PrizeOffer("50积分", "50 points", "points", 50, weight=15),
        PrizeOffer("200积分", "200 points", "points", 200, weight=5, stock=1_000),
    ),
)
"""What a merchant's buyers get until the merchant decides otherwise."""


Withheld = Literal["nothing_paid", "buyer_limit", "device_limit", "day_limit"]
Scope = Literal["buyer", "device", "day"]
Share = tuple[Scope, str]
"""Whose count a reward goes to: a buyer's, a device's, the whole day's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rewards of one Beijing day go to one buyer, to one device, to everybody together;
    None: as many as there are payments."""

    buyer_daily_max: int | None
    device_daily_max: int | None
    daily_max: int | None


def day_of(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def shares(buyer_id: str | None, device_id: UUID | None) -> list[Share]:
    """The counts that a payment's reward goes to."""
    found: list[Share] = [("day", "")]
    if device_id is not None:
        found.append(("device", str(device_id)))
    if buyer_id:
        found.append(("buyer", buyer_id))
    return found


def withheld(
    paid_fen: int, limits: Limits, given: Mapping[Share, int], mine: Sequence[Share]
) -> Withheld | None:
    """Why a payment gets no reward: rewards follow money paid (S99: a sale of 0.00 is complete and
    pays nothing), and `given` of its day so far may have reached a limit."""
    if paid_fen <= 0:
        return "nothing_paid"
    bounds: dict[Scope, tuple[int | None, Withheld]] = {
        "buyer": (limits.buyer_daily_max, "buyer_limit"),
        "device": (limits.device_daily_max, "device_limit"),
        "day": (limits.daily_max, "day_limit"),
    }
    for share in mine:
        most, why = bounds[share[0]]
        if most is not None and given.get(share, 0) >= most:
            return why
    return None
