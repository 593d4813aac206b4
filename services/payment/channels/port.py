"""The interface of a payment channel, and the facts that it reports.

Each channel translates its own responses into the facts below; no room above this one depends on a
certain channel. A further channel is a module beside `alipay` and one more argument of `Channels`
in `deps`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from services.payment.snapshot import ChannelName, Payment, Scene

UNAVAILABLE = "payment.channel_unavailable"
"""the reason of a payment whose call was certainly not sent"""


@dataclass(frozen=True, slots=True)
class Paid:
    """The channel reports that the amount was captured."""

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
    """The pay call was certainly not sent."""

    code: str


@dataclass(frozen=True, slots=True)
class TradeNotFound:
    """The channel does not know such a trade (now)."""


@dataclass(frozen=True, slots=True)
class TradeClosed:
    """The query reports a closed trade; `was_paid`: money had been taken before."""

    was_paid: bool = False
    trade_no: str | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """A timeout, a response that is not valid, or a status that we do not know."""

    reason: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """The deadline passed or a clerk stopped the payment, and the last query did not report
    paid."""

    is_unpaid: bool = True
    """False if that query gave no clear result either"""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The channel confirmed our cancel."""

    action: Literal["close", "refund"]
    trade_no: str | None = None


@dataclass(frozen=True, slots=True)
class NothingToCancel:
    """The channel has no trade that could be cancelled."""


@dataclass(frozen=True, slots=True)
class PaidForGood:
    """The channel refuses to cancel, and the query reports paid."""

    paid: Paid


Fact = (
    Paid | Waiting | Refused | Unsent | TradeNotFound | TradeClosed | Unclear | Overdue
    | Cancelled | NothingToCancel | PaidForGood
)  # fmt: skip


CancelFact = Cancelled | NothingToCancel | Refused | Unclear | Unsent


@dataclass(frozen=True, slots=True)
class RefundFact:
    """The result of a refund call or a refund query."""

    outcome: Literal["done", "not_done", "refused", "unclear"]
    code: str = ""


class Channel(Protocol):
    """The five calls of a payment channel, and the shape of its auth codes. No call raises because
    of the channel's response; a missing response is `Unclear`."""

    @property
    def name(self) -> ChannelName: ...

    def scene_of(self, auth_code: str) -> Scene | None:
        """The scene by the code's shape alone; None if it is not a code of this channel. The code
        ranges of channels are disjoint."""

    async def pay(
        self, payment: Payment, auth_code: str, terminal_params: str | None
    ) -> tuple[Fact, int | None]:
        """The fact, and the version of the key that signed."""

    async def query(self, payment: Payment) -> Fact:
        """The trade's state at the channel now."""

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
        """The channel of the payment; KeyError if nothing was payable."""
        return self._by_name[payment.channel]  # type: ignore[index]  # "none" has no channel

    def of_code(self, auth_code: str) -> tuple[Channel, Scene] | None:
        """The channel and scene of the code; None if no channel here has such codes."""
        for channel in self._by_name.values():
            scene = channel.scene_of(auth_code)
            if scene is not None:
                return channel, scene
        return None

    async def aclose(self) -> None:
        for channel in self._by_name.values():
            await channel.aclose()
