"""Alipay, called through the egress: its responses become the facts of `port`.

A problem from the egress means that nothing was sent. A broken connection to the egress means that
the outcome is unknown (`shared.contracts.egress`). Only a call that was certainly not sent is
repeated, because an egress that restarts may need a second.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from services.payment.channels.port import (
    UNAVAILABLE,
    CancelFact,
    Cancelled,
    Fact,
    NothingToCancel,
    Paid,
    RefundFact,
    Refused,
    TradeClosed,
    TradeNotFound,
    Unclear,
    Unsent,
    Waiting,
)
from services.payment.schedule import PAY_START_S
from services.payment.snapshot import NO_DEVICE, ChannelName, Payment, Scene
from shared.clock import Clock
from shared.contracts.egress import KEY_UNKNOWN_CODES, UNREACHABLE, EgressReply, EgressRequest
from shared.egress import EgressClient

PAY, QUERY, CANCEL = "alipay.trade.pay", "alipay.trade.query", "alipay.trade.cancel"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"

CONFIG_ERROR = "payment.channel_config"
UNREACHABLE_PAUSES_S = (0.3, 0.9)
KEY_PAUSES_S = (0.3, 0.7, 1.5)
TRADE_TIMEOUT = "2m"
"""Alipay closes an unconfirmed trade itself after this, also if all our processes are down."""


# re.ASCII: without it `\d` also matches full-width digits. fullmatch: `$` would allow a line end.
_BAR_CODE = re.compile(r"(?:2[5-9]|30)\d{14,22}", re.ASCII)
_FACE_CODE = re.compile(r"fp[0-9A-Za-z]{33}", re.ASCII)


class Alipay:
    """`port.Channel` for Alipay."""

    name: ClassVar[ChannelName] = "alipay"

    def __init__(self, egress: EgressClient, clock: Clock) -> None:
        self._egress = egress
        self._clock = clock

    async def aclose(self) -> None:
        await self._egress.aclose()

    def scene_of(self, auth_code: str) -> Scene | None:
        if _FACE_CODE.fullmatch(auth_code):
            return "face"
        return "code" if _BAR_CODE.fullmatch(auth_code) else None

    async def pay(
        self, payment: Payment, auth_code: str, terminal_params: str | None
    ) -> tuple[Fact, int | None]:
        """The fact, and the version of the key that signed."""
        params: dict[str, Any] = {
            "out_trade_no": payment.out_trade_no,
            "scene": payment.scene,
            "auth_code": auth_code,
            "total_fen": payment.payable_fen,
            "subject": payment.subject,
            "store_id": payment.store_id.hex,
            "timeout_express": TRADE_TIMEOUT,
        }
        if payment.device_id != NO_DEVICE:
            params["terminal_id"] = payment.device_id.hex
        if terminal_params is not None:
            params["terminal_params"] = terminal_params
        until = self._clock.monotonic() + PAY_START_S
        reply = await self._call(PAY, payment, params)
        for pause_s in UNREACHABLE_PAUSES_S:
            if reply.outcome != "not_sent" or reply.problem != UNREACHABLE:
                break
            await asyncio.sleep(pause_s)
            if self._clock.monotonic() > until:
                break
            reply = await self._call(PAY, payment, params)
        for pause_s in KEY_PAUSES_S:
            if reply.outcome != "config_error" or reply.sub_code not in KEY_UNKNOWN_CODES:
                break
            await asyncio.sleep(pause_s)
            if self._clock.monotonic() > until:
                break
            reply = await self._call_once(PAY, replace(payment, key_version=None), params)
        return self._pay_fact(reply), reply.key_version

    def _pay_fact(self, reply: EgressReply) -> Fact:
        match reply.outcome:
            case "success":
                return self._paid(reply.data)
            case "in_process":
                return Waiting()
            case "refused":
                return Refused(reply.sub_code, reply.message)
            case "config_error":
                return Refused(CONFIG_ERROR, reply.sub_code)
            case "not_sent":
                return Unsent(UNAVAILABLE)
            case _:
                return Unclear(_word(reply))

    def _paid(self, data: Mapping[str, Any]) -> Fact:
        buyer = data.get("buyer_id"), data.get("buyer_logon_id")
        if not all(name is None or isinstance(name, str) for name in buyer):
            return Unclear("incomplete")
        try:
            paid_at = _parse_instant(data.get("paid_at")) or self._clock.now()
        except (ValueError, TypeError, OverflowError):
            return Unclear("incomplete")
        match data.get("trade_no"), data.get("total_fen"):
            case str(trade_no), int(total_fen) if trade_no and total_fen is not True:
                return Paid(trade_no, total_fen, paid_at, *buyer)
            case _:
                return Unclear("incomplete")

    async def query(self, payment: Payment) -> Fact:
        """The trade's state at the channel now."""
        params = {"out_trade_no": payment.out_trade_no}
        reply = await self._call(QUERY, payment, params)
        if reply.outcome == "not_found":
            return TradeNotFound()
        if reply.outcome != "success":
            return Unclear(_word(reply))
        match reply.data.get("trade_status"):
            case "TRADE_SUCCESS" | "TRADE_FINISHED":
                return self._paid(reply.data)
            case "WAIT_BUYER_PAY":
                return Waiting()
            case "TRADE_CLOSED" if "paid_at" in reply.data:
                was_paid = reply.data["paid_at"] is not None
                trade_no = reply.data.get("trade_no")
                return TradeClosed(was_paid, trade_no if isinstance(trade_no, str) else None)
            case other:
                return Unclear(str(other))

    async def cancel(self, payment: Payment) -> CancelFact:
        """Closes an unpaid trade, gives back a paid one. Safe to repeat."""
        params = {"out_trade_no": payment.out_trade_no}
        reply = await self._call(CANCEL, payment, params)
        match reply.outcome:
            case "success":
                return _cancelled(reply.data)
            case "not_found":
                return NothingToCancel()
            case "refused":
                return Refused(reply.sub_code, reply.message)
            case _:
                return Unclear(_word(reply))

    async def refund(
        self, payment: Payment, out_request_no: str, refund_fen: int, reason: str | None
    ) -> RefundFact:
        """One refund under one number; the same number never moves money twice."""
        params: dict[str, Any] = {
            "out_trade_no": payment.out_trade_no,
            "out_request_no": out_request_no,
            "refund_fen": refund_fen,
        }
        if reason:
            params["reason"] = reason
        reply = await self._call(REFUND, payment, params)
        match reply.outcome:
            case "success" if reply.data.get("fund_change") is True:
                return RefundFact("done")
            case "success":
                return RefundFact("unclear", "fund_change")
            case "refused" | "config_error" | "not_found":
                return RefundFact("refused", _word(reply))
            case "not_sent":
                return RefundFact("unclear", UNAVAILABLE)
            case _:
                return RefundFact("unclear", _word(reply))

    async def query_refund(
        self, payment: Payment, out_request_no: str, refund_fen: int
    ) -> RefundFact:
        params = {"out_trade_no": payment.out_trade_no, "out_request_no": out_request_no}
        reply = await self._call(REFUND_QUERY, payment, params)
        if reply.outcome != "success":
            return RefundFact("unclear", _word(reply))
        match reply.data.get("refunded"), reply.data.get("refund_fen"):
            case False, _:
                return RefundFact("not_done")
            case True, int(done_fen) if done_fen == refund_fen:
                return RefundFact("done")
            case True, _:
                return RefundFact("unclear", "other_amount")
            case _:
                return RefundFact("unclear", "refunded")

    async def _call(self, method: str, payment: Payment, params: Mapping[str, Any]) -> EgressReply:
        """Calls with the key that signed the pay call, also after a rotation (F37); for a retired
        version the egress takes the newest. If Alipay no longer knows the old key (in key mode a
        new key replaces it), nothing was executed, and the newest key signs a second call."""
        reply = await self._call_once(method, payment, params)
        if (
            reply.outcome == "config_error"
            and payment.key_version is not None
            and reply.key_version == payment.key_version
        ):
            newest = replace(payment, key_version=None)
            reply = await self._call_once(method, newest, params)
        return reply

    async def _call_once(
        self, method: str, payment: Payment, params: Mapping[str, Any]
    ) -> EgressReply:
        request: EgressRequest = {"app_id": payment.app_id or "", "params": params}
        if payment.key_version is not None:
            request["key_version"] = payment.key_version
        reply = await self._egress.call(payment.tenant_id, method, request)
        if reply.data.get("out_trade_no", payment.out_trade_no) != payment.out_trade_no:
            return EgressReply("unknown", problem="other_order")
        return reply


def _cancelled(data: Mapping[str, Any]) -> CancelFact:
    """The fact of a successful cancel. A member that is missing ends nothing."""
    if data.get("retry") is not False:
        return Unclear("retry_flag")
    match data.get("action", ""), data.get("trade_no"):
        case None, _:
            return NothingToCancel()
        case "close" | "refund" as action, str() | None as trade_no:
            return Cancelled(action, trade_no)
        case _:
            return Unclear("action")


def _word(reply: EgressReply) -> str:
    """The word for a reply, as it is stored and shown."""
    return reply.sub_code or reply.code or reply.problem or reply.outcome


def _parse_instant(text: str | None) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return at.astimezone(UTC)
