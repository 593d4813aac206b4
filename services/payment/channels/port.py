"""What can be learnt about a payment or a refund, in our own words: each channel turns its answers
into these."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Paid:
    """The channel says it was captured."""

    trade_no: str
    total_fen: int
    paid_at: datetime
    buyer_id: str | None = None
    buyer_logon_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The trade exists and the buyer has not confirmed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The pay call was definitely refused; nothing was captured."""

    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The pay call surely never left."""

    code: str


@dataclass(frozen=True, slots=True)
class TradeNotFound:
    """The channel knows no such trade (now)."""


@dataclass(frozen=True, slots=True)
class TradeClosed:
    """The query says closed; `was_paid` when money had been taken before."""

    was_paid: bool = False
    trade_no: str | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Timeout, no believable answer, or words we do not know."""

    reason: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """The deadline passed, or somebody stopped it, and the query just now did not say paid."""

    is_unpaid: bool = True
    """False when that query gave no clear answer either"""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The channel confirmed our cancel."""

    action: Literal["close", "refund"]
    trade_no: str | None = None


@dataclass(frozen=True, slots=True)
class NothingToCancel:
    """The channel knows nothing that could be cancelled."""


@dataclass(frozen=True, slots=True)
class PaidForGood:
    """The channel refuses to cancel, and the query says paid."""

    paid: Paid


Fact = (
    Paid | Waiting | Refused | NotSent | TradeNotFound | TradeClosed | Unclear | Overdue
    | Cancelled | NothingToCancel | PaidForGood
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefundFact:
    """What a refund call or a refund query amounts to."""

    outcome: Literal["done", "not_done", "refused", "unclear"]
    code: str = ""
