"""The methods we call, one row each: parameters, patience, what counts as refused, what an answer
means. A sub_code that a row does not list is UNKNOWN, never a failure (alipay-protocol.md §4).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.alipay.envelope import Answer
from shared.money import FEN_MAX, yuan_text

Outcome = Literal["success", "in_process", "refused", "config_error", "not_found", "unknown"]
Retry = Literal["never", "same_request", "free"]
"""After `unknown`: never send it again, send exactly the same again, or ask as often as wanted."""

OrderNo = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_]+$")]
Text = Annotated[str, Field(min_length=1)]
PayableFen = Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)]

_FORBIDDEN_IN_SUBJECT = str.maketrans({"/": "／", "=": "＝", "&": "＆"})
"""Alipay refuses them there; full-width they keep the meaning and cannot border two fields."""
_SCENES = {"face": "security_code", "code": "bar_code"}
_STATUSES = frozenset({"WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_SUCCESS", "TRADE_FINISHED"})


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    out_trade_no: OrderNo

    def biz_content(self) -> dict[str, Any]:
        """What is sent: strings only, amounts in yuan."""
        return {"out_trade_no": self.out_trade_no}


class PayParams(_Params):
    scene: Literal["face", "code"]
    auth_code: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_\-]+$")]
    total_fen: PayableFen
    subject: Annotated[str, Field(min_length=1, max_length=256)]
    store_id: (
        Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[\x21-\x7e]+$")] | None
    ) = None
    terminal_id: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    terminal_params: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    timeout_express: Annotated[str, Field(pattern=r"^([1-9]\d{0,4}[mhd]|1c)$")] | None = None

    def biz_content(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "out_trade_no": self.out_trade_no,
            "scene": _SCENES[self.scene],
            "auth_code": self.auth_code,
            "product_code": "FACE_TO_FACE_PAYMENT",
            "subject": self.subject.translate(_FORBIDDEN_IN_SUBJECT),
            "total_amount": yuan_text(self.total_fen),
        }
        for name in ("store_id", "terminal_id", "terminal_params", "timeout_express"):
            value = getattr(self, name)
            if value is not None:
                content[name] = value
        return content


class QueryParams(_Params):
    total_fen: PayableFen | None = None
    """when given, an answer about another amount is not believed"""


class CancelParams(_Params):
    pass


class RefundParams(_Params):
    out_request_no: OrderNo
    refund_fen: PayableFen
    reason: Annotated[str, Field(min_length=1, max_length=256)] | None = None

    def biz_content(self) -> dict[str, Any]:
        content = {
            "out_trade_no": self.out_trade_no,
            "refund_amount": yuan_text(self.refund_fen),
            "out_request_no": self.out_request_no,
        }
        if self.reason is not None:
            content["refund_reason"] = self.reason
        return content


class RefundQueryParams(_Params):
    out_request_no: OrderNo

    def biz_content(self) -> dict[str, Any]:
        return {"out_trade_no": self.out_trade_no, "out_request_no": self.out_request_no}


@dataclass(frozen=True, slots=True)
class Result:
    """What the caller is told."""

    outcome: Outcome
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    """why an outcome is unknown: a stable word for logs and counters"""


class _Disbelieved(Exception):
    """Verified, and yet not an answer to what was asked."""


def _trade(answer: Answer, asked: Any, paid_at: str, status: str | None) -> dict[str, Any]:
    total_fen = answer.fen("total_amount")
    if total_fen is None or asked.total_fen not in (None, total_fen):
        raise _Disbelieved("other_amount")
    if not answer.text("trade_no"):
        raise _Disbelieved("incomplete")
    return {
        "out_trade_no": answer.text("out_trade_no"),
        "trade_no": answer.text("trade_no"),
        "trade_status": status,
        "total_fen": total_fen,
        "buyer_id": answer.text("buyer_open_id") or answer.text("buyer_user_id") or None,
        "buyer_logon_id": answer.text("buyer_logon_id") or None,
        "paid_at": answer.instant(paid_at),
    }


def _paid(answer: Answer, asked: PayParams) -> dict[str, Any]:
    return _trade(answer, asked, "gmt_payment", None)


def _queried(answer: Answer, asked: QueryParams) -> dict[str, Any]:
    status = answer.text("trade_status")
    if status not in _STATUSES:
        raise _Disbelieved("other_status")
    return _trade(answer, asked, "send_pay_date", status)


def _cancelled(answer: Answer, _asked: CancelParams) -> dict[str, Any]:
    action, again = answer.text("action") or None, answer.text("retry_flag")
    if action not in ("close", "refund", None) or again not in ("Y", "N"):
        raise _Disbelieved("incomplete")
    return {"action": action, "retry": again == "Y", "trade_no": answer.text("trade_no") or None}


def _refunded(answer: Answer, _asked: RefundParams) -> dict[str, Any]:
    total_fen = answer.fen("refund_fee")
    if total_fen is None:
        raise _Disbelieved("incomplete")
    return {"fund_change": answer.text("fund_change") == "Y", "refund_total_fen": total_fen}


def _refund_found(answer: Answer, asked: RefundQueryParams) -> dict[str, Any]:
    # An unknown refund number yields a bare 10000: no status means "not (yet) refunded".
    if answer.text("refund_status") != "REFUND_SUCCESS":
        return {"refunded": False, "refund_fen": 0}
    refund_fen = answer.fen("refund_amount")
    if refund_fen is None or answer.text("out_request_no") != asked.out_request_no:
        raise _Disbelieved("other_refund")
    return {"refunded": True, "refund_fen": refund_fen}


@dataclass(frozen=True, slots=True)
class Method:
    """One row: everything this code base knows about one API method."""

    name: str
    params: type[_Params]
    success: Callable[[Answer, Any], dict[str, Any]]
    refusals: frozenset[str]
    """sub_codes after which surely nothing was done; the list is closed"""
    retry: Retry
    timeout_s: float
    is_payment: bool = False
    """takes a notify_url and may answer 10003"""
    refusal_names_order: bool = False
    """Alipay repeats out_trade_no in its refusals of this method, so one without is not ours"""


_PAY_REFUSALS = """
    PAYMENT_AUTH_CODE_INVALID AUTH_TOKEN_IS_NOT_EXIST PAYMENT_FAIL INVALID_PARAMETER
    TOTAL_FEE_EXCEED EXIST_FORBIDDEN_WORD SUB_GOODS_SIZE_MAX_COUNT REQUEST_AMOUNT_EXCEED
    NOW_TIME_AFTER_EXPIRE_TIME_ERROR ACCESS_FORBIDDEN PARTNER_ERROR MERCHANT_AGREEMENT_NOT_EXIST
    MERCHANT_AGREEMENT_INVALID MERCHANT_STATUS_NOT_NORMAL SELLER_BEEN_BLOCKED SELLER_NOT_EXIST
    INVALID_RECEIVE_ACCOUNT INVALID_STORE_ID UN_SUPPORT_TRADE_SCENE SMILE_PAY_MERCHANT_NOT_MATCH
    USER_FACE_PAYMENT_SWITCH_OFF MOBILE_PAYMENT_SWITCH_OFF PULL_MOBILE_CASHIER_FAIL
    BUYER_BALANCE_NOT_ENOUGH BUYER_BANKCARD_BALANCE_NOT_ENOUGH ERROR_BALANCE_PAYMENT_DISABLE
    NO_PAYMENT_INSTRUMENTS_AVAILABLE BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR
    BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR BEYOND_PAY_RESTRICTION BEYOND_PER_RECEIPT_RESTRICTION
    BEYOND_PER_RECEIPT_DAY_RESTRICTION BUYER_SELLER_EQUAL BUYER_ENABLE_STATUS_FORBID
    BUYER_NOT_EXIST ERROR_BUYER_CERTIFY_LEVEL_LIMIT NOT_CERTIFIED_USER PAYMENT_REQUEST_HAS_RISK
    RISK_MERCHANT_IP_NOT_EXIST
"""
_CANCEL_REFUSALS = """
    INVALID_PARAMETER TRADE_CANCEL_TIME_OUT TRADE_HAS_FINISHED CANCEL_NOT_ALLOWED
    REASON_TRADE_REFUND_FEE_ERR
"""
_REFUND_REFUSALS = """
    INVALID_PARAMETER SELLER_BALANCE_NOT_ENOUGH REASON_TRADE_BEEN_FREEZEN TRADE_HAS_FINISHED
    TRADE_NOT_ALLOW_REFUND REFUND_FEE_ERROR REASON_TRADE_REFUND_FEE_ERR REFUND_AMT_NOT_EQUAL_TOTAL
    NOT_ALLOW_PARTIAL_REFUND ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND BUYER_ERROR
    CUSTOMER_VALIDATE_ERROR ALLOC_AMOUNT_VALIDATE_ERROR REFUND_ACCOUNT_NOT_EXIST
    REFUND_CHARGE_ERROR REFUNDALLOC_UNAUTH_LIMIT ENTERPRISE_PAY_BIZ_ERROR
"""
_NOT_FOUND = frozenset({"ACQ.TRADE_NOT_EXIST", "TRADE_NOT_EXIST"})


def _listed(names: str) -> frozenset[str]:
    return frozenset(f"ACQ.{name}" for name in names.split())


METHODS: Mapping[str, Method] = {
    row.name: row
    for row in (
        Method("alipay.trade.pay", PayParams, _paid, _listed(_PAY_REFUSALS),
               retry="never", timeout_s=15, is_payment=True, refusal_names_order=True),
        Method("alipay.trade.query", QueryParams, _queried, _listed("INVALID_PARAMETER"),
               retry="free", timeout_s=10, refusal_names_order=True),
        Method("alipay.trade.cancel", CancelParams, _cancelled, _listed(_CANCEL_REFUSALS),
               retry="same_request", timeout_s=15),
        Method("alipay.trade.refund", RefundParams, _refunded, _listed(_REFUND_REFUSALS),
               retry="same_request", timeout_s=15),
        Method("alipay.trade.fastpay.refund.query", RefundQueryParams, _refund_found,
               _listed("INVALID_PARAMETER"), retry="free", timeout_s=10),
    )
}  # fmt: skip


def judge(method: Method, answer: Answer, asked: Any) -> Result:
    """The outcome of a call: only a verified answer to exactly this question decides anything."""
    if answer.is_config_error:
        return Result("config_error")
    doubt = _doubt(method, answer, asked)
    if doubt:
        return Result("unknown", reason=doubt)
    if answer.code == "40004":
        return _refusal(method, answer)
    if answer.code == "10003":
        return Result("in_process")
    try:
        return Result("success", method.success(answer, asked))
    except _Disbelieved as error:
        return Result("unknown", reason=str(error))


def _doubt(method: Method, answer: Answer, asked: Any) -> str:
    """Why this is no answer to what was asked; empty when it is one."""
    if not answer.is_verified:
        return answer.reason
    if answer.is_fault_node:
        return "fault_node"
    named = answer.text("out_trade_no")
    if named and named != asked.out_trade_no:
        return "other_order"
    if not named and not _may_leave_order_out(method, answer):
        return "no_order"
    if answer.code in ("10000", "40004") or (answer.code == "10003" and method.is_payment):
        return ""
    return "code"


def _may_leave_order_out(method: Method, answer: Answer) -> bool:
    if answer.code == "40004":
        return not method.refusal_names_order
    # A refund that is not known is answered by a bare 10000, which says nothing else either.
    return method.params is RefundQueryParams and not answer.text("refund_status")


def _refusal(method: Method, answer: Answer) -> Result:
    if answer.sub_code in _NOT_FOUND:
        return Result("not_found")
    if answer.sub_code in method.refusals:
        return Result("refused")
    return Result("unknown", reason="sub_code")
