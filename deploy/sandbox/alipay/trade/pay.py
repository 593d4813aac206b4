"""alipay.trade.pay: bar code and face, once per order and once per code."""

import re
from typing import Any

from deploy.sandbox.alipay.apps.calls import INVALID, Call
from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.books.trade_row import DAY_MS, Trade
from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.alipay.platform import accounts
from deploy.sandbox.alipay.trade import trades
from deploy.sandbox.alipay.wire.envelope import Node, answer, success
from deploy.sandbox.alipay.wire.money import LIMIT_FEN, fen_of, yuan
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Tx

METHOD = "alipay.trade.pay"
CODE_SHAPES = {
    "bar_code": re.compile(r"(?:2[5-9]|30)[0-9]{14,22}"),
    "security_code": re.compile(r"fp[A-Za-z0-9]{33}"),
    "wave_code": re.compile(r"\S{1,64}"),
}
_EXPRESS = re.compile(r"([0-9]{1,5})([mhdc])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
DEFAULT_EXPRESS_MS = 3 * 3_600_000
EXTRAS = (
    ("store_id", 32),
    ("terminal_id", 32),
    ("operator_id", 28),
    ("body", 128),
    ("passback_params", 512),
)
IN_PROCESS_MS = 3000


def pay(tx: Tx, call: Call) -> Node:
    accounts.check_facetoface(tx, call)
    out_trade_no = call.out_trade_no()
    total_fen = call.fen("total_amount")
    if total_fen > LIMIT_FEN:
        raise Refused("ACQ.TOTAL_FEE_EXCEED")
    subject = call.text("subject", 256, is_needed=True)
    scene = call.text("scene", 32) or "bar_code"
    if scene not in CODE_SHAPES:
        raise Refused(INVALID, "scene不支持")
    auth_code = call.text("auth_code", 64)
    if not auth_code:
        raise Refused("ACQ.AUTH_TOKEN_IS_NOT_EXIST")
    check_details(call, total_fen)
    known = trades.find(tx, call.owner.app_id, out_trade_no)
    if known is not None:
        return _repeat(tx, known, total_fen, subject, auth_code)
    if CODE_SHAPES[scene].fullmatch(auth_code) is None:
        raise Refused("ACQ.PAYMENT_AUTH_CODE_INVALID")
    trade = _new_trade(tx, call, out_trade_no, total_fen, subject, scene, auth_code)
    _spend(tx, auth_code, out_trade_no)
    confirm = _confirmation(call, total_fen)
    if confirm is None:
        trade.status, trade.paid_ms = trade_row.SUCCESS, tx.now_ms
        trade_row.insert(tx, trade)
        notices.paid(tx, trade)
        return _paid(trade)
    if confirm["ms"] is not None:
        trade.confirm_ms = tx.now_ms + int(confirm["ms"])
    trade.confirm_as = str(confirm["then"])
    trade_row.insert(tx, trade)
    return _in_process(trade)


def _new_trade(
    tx: Tx,
    call: Call,
    out_trade_no: str,
    total_fen: int,
    subject: str,
    scene: str,
    auth_code: str,
) -> Trade:
    return Trade(
        app_id=call.owner.app_id,
        out_trade_no=out_trade_no,
        trade_no=trade_row.new_trade_no(tx.now_ms),
        seller_id=call.owner.seller_id,
        buyer_no=trade_row.buyer_no_of(auth_code),
        buyer_ids=call.owner.buyer_ids,
        status=trade_row.WAIT,
        total_fen=total_fen,
        refunded_fen=0,
        subject=subject,
        scene=scene,
        auth_code=auth_code,
        notify_url=call.notify_url,
        created_ms=tx.now_ms,
        expire_ms=deadline(tx.now_ms, call),
        extras=extras_of(call),
    )


def extras_of(call: Call) -> dict[str, str]:
    """What a trade only carries along; empties are left out."""
    extras = {name: call.text(name, limit) for name, limit in EXTRAS}
    extras["isv_app_id"] = call.owner.isv_app_id or ""
    return {name: value for name, value in extras.items() if value}


def _spend(tx: Tx, auth_code: str, out_trade_no: str) -> None:
    """Marks the code as used; a code pays once, in whichever app."""
    if tx.one("SELECT 1 FROM auth_codes WHERE auth_code = ?", auth_code) is not None:
        raise Refused("ACQ.PAYMENT_AUTH_CODE_INVALID")
    tx.execute("INSERT INTO auth_codes VALUES (?, ?)", auth_code, out_trade_no)


def _confirmation(call: Call, total_fen: int) -> dict[str, Any] | None:
    """When and how the buyer will confirm; None: paid at once."""
    wanted = call.faults.get("in_process")
    if wanted is None:
        password = call.faults.get("password")
        if password is None or total_fen <= int(password.get("above_fen", 200_000)):
            return None
        wanted = password
    return {"ms": wanted.get("ms", IN_PROCESS_MS), "then": wanted.get("then", "paid")}


def _repeat(tx: Tx, known: Trade, total_fen: int, subject: str, auth_code: str) -> Node:
    """The answer for an order that exists: no money is taken again."""
    if known.status == trade_row.CLOSED:
        raise Refused("ACQ.TRADE_HAS_CLOSE")
    if (known.total_fen, known.subject) != (total_fen, subject):
        raise Refused("ACQ.CONTEXT_INCONSISTENT")
    if known.status != trade_row.WAIT:
        raise Refused("ACQ.TRADE_HAS_SUCCESS")
    if known.auth_code != auth_code:
        if trade_row.buyer_no_of(auth_code) != known.buyer_no:
            raise Refused("ACQ.TRADE_BUYER_NOT_MATCH")
        _spend(tx, auth_code, known.out_trade_no)
    return _in_process(known)


def check_details(call: Call, total_fen: int) -> None:
    seller_id = call.text("seller_id", 28)
    if seller_id and seller_id != call.owner.seller_id:
        raise Refused("ACQ.SELLER_NOT_EXIST")
    goods = call.biz.get("goods_detail") or []
    if not isinstance(goods, list):
        raise Refused(INVALID, "goods_detail格式错误")
    if len(goods) > 150:
        raise Refused("ACQ.SUB_GOODS_SIZE_MAX_COUNT")
    call.text("terminal_params", 2048)
    parts = [call.biz.get(name) for name in ("discountable_amount", "undiscountable_amount")]
    if all(parts) and sum(fen_of(part) or 0 for part in parts) != total_fen:
        raise Refused(INVALID, "可打折金额与不可打折金额之和不等于订单总金额")


def deadline(now_ms: int, call: Call) -> int:
    """time_expire wins over timeout_express; face-to-face closes after three hours."""
    absolute = call.text("time_expire", 32)
    if absolute:
        try:
            at = clock.from_beijing(absolute)
        except ValueError:
            raise Refused(INVALID, "time_expire格式错误") from None
        if at <= now_ms:
            raise Refused("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR")
        return at
    express = call.text("timeout_express", 6)
    if not express:
        return now_ms + DEFAULT_EXPRESS_MS
    match = _EXPRESS.fullmatch(express)
    if match is None or int(match[1]) == 0 or (match[2] == "c" and match[1] != "1"):
        raise Refused(INVALID, "timeout_express格式错误")
    if match[2] == "c":
        # Closes at the end of the Beijing day.
        return now_ms + DAY_MS - (now_ms + 8 * 3_600_000) % DAY_MS
    length = int(match[1]) * _UNIT_MS[match[2]]
    if length > 15 * DAY_MS:
        raise Refused(INVALID, "timeout_express超过15天")
    return now_ms + length


def _paid(trade: Trade) -> Node:
    total = yuan(trade.total_fen)
    node = success(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        buyer_logon_id=trade.buyer_logon_id,
        **trade.buyer("buyer_user_id"),
        total_amount=total,
        receipt_amount=total,
        buyer_pay_amount=total,
        point_amount="0.00",
        invoice_amount=total,
        gmt_payment=clock.beijing(trade.paid_ms or trade.created_ms),
        fund_bill_list=[{"amount": total, "fund_channel": "ALIPAYACCOUNT"}],
    )
    if "store_id" in trade.extras:
        node["store_name"] = trade.extras["store_id"]
    return node


def _in_process(trade: Trade) -> Node:
    """As captured: amounts of zero, and a trade_no already."""
    return answer(
        "10003",
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        buyer_logon_id=trade.buyer_logon_id,
        **trade.buyer("buyer_user_id"),
        total_amount=yuan(trade.total_fen),
        receipt_amount="0.00",
        buyer_pay_amount="0.00",
        point_amount="0.00",
        invoice_amount="0.00",
    )
