"""What a payment needs of the channel that its money comes through, and what can be learnt there.

Each channel turns its own answers into the facts below; nothing above this room knows whose they
were. A further channel is a module beside `alipay` and one more argument of `Channels` in `deps`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from services.payment.snapshot import ChannelName, Payment, Scene


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
class Unsent:
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
    Paid | Waiting | Refused | Unsent | TradeNotFound | TradeClosed | Unclear | Overdue
    | Cancelled | NothingToCancel | PaidForGood
)  # fmt: skip


CancelFact = Cancelled | NothingToCancel | Refused | Unclear | Unsent


@dataclass(frozen=True, slots=True)
class RefundFact:
    """What a refund call or a refund query amounts to."""

    outcome: Literal["done", "not_done", "refused", "unclear"]
    code: str = ""


class Channel(Protocol):
    """The five calls of a face payment's life, and whose code is whose. No call raises for what
    the channel answers, or for an answer that does not come: that is `Unclear`."""

    @property
    def name(self) -> ChannelName: ...

    def scene_of(self, auth_code: str) -> Scene | None:
        """By the code's shape alone; None when it is no code of this channel. The ranges of two
        channels are disjoint."""

    async def pay(
        self, payment: Payment, auth_code: str, terminal_params: str | None
    ) -> tuple[Fact, int | None]:
        """The fact, and the version of the key that signed."""

    async def query(self, payment: Payment) -> Fact:
        """What the channel holds true at this moment."""

    async def cancel(self, payment: Payment) -> CancelFact:
        """Closes an unpaid trade, gives back a paid one. Safe to repeat."""

    async def refund(
        self, payment: Payment, out_request_no: str, refund_fen: int, reason: str | None
    ) -> RefundFact:
        """One refund under one number; the same number never moves money twice."""

    async def query_refund(
        self, payment: Payment, out_request_no: str, refund_fen: int
    ) -> RefundFact:
        """Whether that refund was done, with that amount."""

    async def aclose(self) -> None: ...


class Channels:
    """The channels of this installation."""

    def __init__(self, *channels: Channel) -> None:
        self._by_name = {channel.name: channel for channel in channels}

    def of(self, payment: Payment) -> Channel:
        """The one that the payment went through; KeyError when nothing was payable."""
        return self._by_name[payment.channel]  # type: ignore[index]  # "none" has no channel

    def of_code(self, auth_code: str) -> tuple[Channel, Scene] | None:
        """Whose code it is; None: nobody's here."""
        for channel in self._by_name.values():
            scene = channel.scene_of(auth_code)
            if scene is not None:
                return channel, scene
        return None

    async def aclose(self) -> None:
        for channel in self._by_name.values():
            await channel.aclose()
