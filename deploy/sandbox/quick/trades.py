"""The trade state machine: pay, query, cancel, refund, refund query.

(none) → TRADE_SUCCESS | WAIT_BUYER_PAY → TRADE_SUCCESS → TRADE_CLOSED (refunded in full)
WAIT_BUYER_PAY → TRADE_CLOSED (cancelled)
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from deploy.sandbox.quick.ledger import Ledger, Trade
from deploy.sandbox.quick.wire import Answer

BEIJING = timezone(timedelta(hours=8))
BAR_CODE = re.compile(r"(2[5-9]|30)\d{14,22}", re.ASCII)
FACE_CODE = re.compile(r"fp[0-9A-Za-z]{33}", re.ASCII)
ORDER_NO = re.compile(r"\w{1,64}", re.ASCII)
CANCEL_WITHIN = timedelta(hours=24)
TOTAL_MAX_FEN = 10_000_000_000
SAME = ("total_amount", "subject", "scene")
"""What a repeat of the same order number has to repeat."""

Notify = Callable[[Trade, dict[str, str]], None]


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def fen(text: Any) -> int | None:
    """Yuan text in fen; None when it is not an amount with at most two decimals."""
    try:
        amount = Decimal(str(text)) * 100
        exact = amount == amount.to_integral_value()
    except InvalidOperation:
        return None
    return int(amount) if exact and amount > 0 else None


def refusal(sub_code: str, sub_msg: str, **members: Any) -> Answer:
    return Answer("40004", sub_code, sub_msg, members)


class Trades:
    """The five methods over one ledger. `paid_by` moves a waiting trade once its time has come."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime], notify: Notify) -> None:
        self._ledger = ledger
        self._now = now
        self._notify = notify

    def _text(self, at: datetime) -> str:
        return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")

    def find(self, app_id: str, biz: Mapping[str, Any]) -> Trade | None:
        """By trade_no when given (it wins), else by out_trade_no."""
        if biz.get("trade_no"):
            trade = self._ledger.by_trade_no(app_id, str(biz["trade_no"]))
        else:
            trade = self._ledger.trade(app_id, str(biz.get("out_trade_no", "")))
        if trade is not None:
            self._ripen(trade)
        return trade

    def _ripen(self, trade: Trade) -> None:
        """The buyer of a waiting trade confirms when the time has come."""
        ripe = trade.get("pays_at")
        if trade["status"] == "WAIT_BUYER_PAY" and ripe and self._now().timestamp() >= ripe:
            self._paid(trade)
            self._ledger.put_trade(trade)

    def ripen_all(self) -> None:
        for trade in self._ledger.trades():
            self._ripen(trade)

    def _paid(self, trade: Trade) -> None:
        trade["status"] = "TRADE_SUCCESS"
        trade["gmt_payment"] = self._text(self._now())
        self._notify(trade, {"gmt_payment": trade["gmt_payment"], **_amounts(trade)})

    def pay(
        self, app_id: str, biz: Mapping[str, Any], notify_url: str, waits_ms: int | None | str
    ) -> Answer:
        """`waits_ms`: "now" for an immediate payment; else 10003, paid after so long (None: never)."""
        number = str(biz.get("out_trade_no", ""))
        total = fen(biz.get("total_amount"))
        if not ORDER_NO.fullmatch(number) or total is None or not biz.get("subject"):
            return refusal("ACQ.INVALID_PARAMETER", "参数无效", out_trade_no=number)
        if total > TOTAL_MAX_FEN:
            return refusal("ACQ.TOTAL_FEE_EXCEED", "订单总金额超过限额", out_trade_no=number)
        known = self.find(app_id, {"out_trade_no": number})
        if known is not None:
            return self._again(known, biz)
        code, scene = str(biz.get("auth_code", "")), str(biz.get("scene", "bar_code"))
        shape = FACE_CODE if scene == "security_code" else BAR_CODE
        if not shape.fullmatch(code) or self._ledger.is_spent(code):
            return refusal(
                "ACQ.PAYMENT_AUTH_CODE_INVALID", "支付失败，获取顾客账户信息失败",
                **_nothing(number),
            )  # fmt: skip
        trade = self._new(app_id, biz, number, total, notify_url)
        if waits_ms == "now":
            self._paid(trade)
        elif waits_ms is not None:
            trade["pays_at"] = self._now().timestamp() + int(waits_ms) / 1000
        self._ledger.put_trade(trade)
        if trade["status"] == "WAIT_BUYER_PAY":
            waiting = _nothing(number) | _who(trade) | {"total_amount": trade["total_amount"]}
            return Answer("10003", members={"trade_no": trade["trade_no"], **waiting})
        return Answer(members=_facts(trade) | {"gmt_payment": trade["gmt_payment"]})

    def _new(
        self, app_id: str, biz: Mapping[str, Any], number: str, total: int, notify_url: str
    ) -> Trade:
        now = self._now()
        serial = self._ledger.number()
        return {
            "app_id": app_id,
            "out_trade_no": number,
            "trade_no": now.astimezone(BEIJING).strftime("%Y%m%d") + f"2200{serial:016d}",
            "auth_code": str(biz["auth_code"]),
            "scene": str(biz.get("scene", "bar_code")),
            "subject": str(biz["subject"]),
            "total_amount": yuan(total),
            "total_fen": total,
            "refunded_fen": 0,
            "refunds": {},
            "status": "WAIT_BUYER_PAY",
            "seller_id": self._ledger.apps[app_id]["seller_id"],
            "buyer_open_id": f"0{serial:031d}",
            "buyer_logon_id": "158****1562",
            "notify_url": notify_url,
            "passback_params": str(biz.get("passback_params", "")),
            "store_id": str(biz.get("store_id", "")),
            "terminal_id": str(biz.get("terminal_id", "")),
            "created_at": now.timestamp(),
            "gmt_create": self._text(now),
            "requests": {},
        }

    def _again(self, known: Trade, biz: Mapping[str, Any]) -> Answer:
        number = known["out_trade_no"]
        given = {**biz, "total_amount": yuan(fen(biz.get("total_amount")) or 0)}
        given.setdefault("scene", "bar_code")
        if any(str(given.get(name, "")) != str(known[name]) for name in SAME):
            return refusal("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改", out_trade_no=number)
        if known["status"] == "TRADE_SUCCESS":
            return refusal("ACQ.TRADE_HAS_SUCCESS", "交易已被支付", out_trade_no=number)
        if known["status"] == "TRADE_CLOSED":
            return refusal("ACQ.TRADE_HAS_CLOSE", "交易已经关闭", out_trade_no=number)
        return Answer("10003", members={"trade_no": known["trade_no"], **_nothing(number)})

    def query(self, app_id: str, biz: Mapping[str, Any]) -> Answer:
        trade = self.find(app_id, biz)
        if trade is None:
            return refusal("ACQ.TRADE_NOT_EXIST", "交易不存在", **_named(biz))
        members = _facts(trade) | {"trade_status": trade["status"]}
        if trade.get("gmt_payment"):
            members["send_pay_date"] = trade["gmt_payment"]
        if trade.get("is_cancelled"):
            members["ext_infos"] = '{"action":"cancel"}'
        return Answer(members=members)

    def cancel(self, app_id: str, biz: Mapping[str, Any], *, try_again: bool) -> Answer:
        trade = self.find(app_id, biz)
        if trade is None:
            return Answer(members={**_named(biz), "retry_flag": "N"})
        named = {"trade_no": trade["trade_no"], "out_trade_no": trade["out_trade_no"]}
        if try_again:
            return Answer(members={**named, "retry_flag": "Y"})
        age = self._now().timestamp() - trade["created_at"]
        if age > CANCEL_WITHIN.total_seconds():
            return refusal("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围", **named)
        if trade["status"] == "TRADE_FINISHED":
            return refusal("ACQ.TRADE_HAS_FINISHED", "交易已完结", **named)
        action = trade.get("cancel_action")
        if action is None and trade["status"] == "TRADE_CLOSED":
            return refusal("ACQ.REASON_TRADE_REFUND_FEE_ERR", "交易已退款", **named)
        if action is None:
            action = "refund" if trade["status"] == "TRADE_SUCCESS" else "close"
            if action == "refund":
                trade["refunded_fen"] = trade["total_fen"]
            trade |= {"status": "TRADE_CLOSED", "is_cancelled": True, "cancel_action": action}
            trade.pop("pays_at", None)
            self._ledger.put_trade(trade)
        return Answer(members={**named, "retry_flag": "N", "action": action})

    def refund(self, app_id: str, biz: Mapping[str, Any]) -> Answer:
        trade = self.find(app_id, biz)
        amount = fen(biz.get("refund_amount"))
        if trade is None:
            return refusal("ACQ.TRADE_NOT_EXIST", "交易不存在", **_named(biz))
        none = {"refund_fee": "0.00", "send_back_fee": "0.00", **_facts(trade)}
        if amount is None:
            return refusal("ACQ.INVALID_PARAMETER", "参数无效", **none)
        number = str(biz.get("out_request_no", ""))
        if not number and amount != trade["total_fen"]:
            return refusal("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额与订单金额不一致", **none)
        number = number or trade["out_trade_no"]
        done = trade["refunds"].get(number)
        if done is not None:
            if done["fen"] != amount:
                return refusal("ACQ.DISCORDANT_REPEAT_REQUEST", "同一笔退款信息不一致", **none)
            return Answer(members=self._refunded(trade, done, "N"))
        if trade["status"] != "TRADE_SUCCESS":
            sub_code = (
                "ACQ.TRADE_HAS_CLOSE"
                if trade["status"] == "TRADE_CLOSED"
                else "ACQ.TRADE_STATUS_ERROR"
            )
            return refusal(sub_code, "交易状态不允许退款", **none)
        if trade["refunded_fen"] + amount > trade["total_fen"]:
            return refusal("ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效", **none)
        at = self._now()
        done = {"fen": amount, "at": self._text(at), "reason": str(biz.get("refund_reason", ""))}
        trade["refunds"][number] = done
        trade["refunded_fen"] += amount
        is_full = trade["refunded_fen"] == trade["total_fen"]
        if is_full:
            trade["status"] = "TRADE_CLOSED"
        self._ledger.put_trade(trade)
        extra = {
            "gmt_payment": trade["gmt_payment"],
            "gmt_refund": f"{done['at']}.{at.microsecond // 1000:03d}",
            "refund_fee": yuan(trade["refunded_fen"]),
            "send_back_fee": yuan(amount),
            "out_biz_no": number,
        }
        self._notify(trade, extra | ({"gmt_close": done["at"]} if is_full else {}))
        return Answer(members=self._refunded(trade, done, "Y"))

    def _refunded(self, trade: Trade, done: Mapping[str, Any], changed: str) -> dict[str, Any]:
        return {
            "trade_no": trade["trade_no"],
            "out_trade_no": trade["out_trade_no"],
            **_who(trade),
            "fund_change": changed,
            "refund_fee": yuan(trade["refunded_fen"]),
            "send_back_fee": yuan(done["fen"]) if changed == "Y" else "0.00",
            "gmt_refund_pay": done["at"],
        }

    def refund_query(self, app_id: str, biz: Mapping[str, Any]) -> Answer:
        trade = self.find(app_id, biz)
        if trade is None:
            return refusal("ACQ.TRADE_NOT_EXIST", "交易不存在", **_named(biz))
        number = str(biz.get("out_request_no", ""))
        done = trade["refunds"].get(number)
        if done is None:
            return Answer()
        named = {"trade_no": trade["trade_no"], "out_trade_no": trade["out_trade_no"]}
        return Answer(
            members={
                **named,
                "out_request_no": number,
                "refund_reason": done["reason"],
                "total_amount": trade["total_amount"],
                "refund_amount": yuan(done["fen"]),
                "refund_status": "REFUND_SUCCESS",
                "gmt_refund_pay": done["at"],
            }
        )


def _named(biz: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(biz[name]) for name in ("out_trade_no", "trade_no") if biz.get(name)}


def _who(trade: Trade) -> dict[str, Any]:
    return {"buyer_logon_id": trade["buyer_logon_id"], "buyer_open_id": trade["buyer_open_id"]}


def _nothing(number: str) -> dict[str, Any]:
    names = ("buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount")
    return {"out_trade_no": number, **dict.fromkeys(names, "0.00")}


def _amounts(trade: Trade) -> dict[str, str]:
    total = trade["total_amount"]
    paid = dict.fromkeys(("receipt_amount", "invoice_amount", "buyer_pay_amount"), total)
    bill = f'[{{"amount":"{total}","fundChannel":"ALIPAYACCOUNT"}}]'
    return {**paid, "point_amount": "0.00", "fund_bill_list": bill}


def _facts(trade: Trade) -> dict[str, Any]:
    paid = "0.00" if trade["status"] == "WAIT_BUYER_PAY" else trade["total_amount"]
    return {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        **_who(trade),
        "total_amount": trade["total_amount"],
        "receipt_amount": paid,
        "buyer_pay_amount": paid,
        "invoice_amount": paid,
        "point_amount": "0.00",
        "fund_bill_list": [{"amount": paid, "fund_channel": "ALIPAYACCOUNT"}],
    }
