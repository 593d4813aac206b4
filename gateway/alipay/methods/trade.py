"""The trade methods: pay, precreate, create, query, cancel, close, refund, refund query
(alipay-protocol.md §4.1–4.6)."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gateway.alipay.methods.row import Method, Params, UnusableResponse, prefixed
from gateway.alipay.protocol.envelope import AlipayResponse
from shared.contracts.money import FEN_MAX, yuan_text

OrderNo = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_]+$")]
PayableFen = Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)]

_FORBIDDEN_IN_SUBJECT = str.maketrans({"/": "／", "=": "＝", "&": "＆"})
"""Alipay refuses these characters there. Full-width ones keep the meaning and cannot separate
fields."""
_SCENES = {"face": "security_code", "code": "bar_code"}
_STATUSES = frozenset({"WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_SUCCESS", "TRADE_FINISHED"})


class TradeParams(Params):
    """Identifies one trade."""

    out_trade_no: OrderNo

    def biz_content(self) -> dict[str, Any]:
        return {"out_trade_no": self.out_trade_no}


class _Sale(TradeParams):
    """What every method that begins a payment states about the sale."""

    total_fen: PayableFen
    subject: Annotated[str, Field(min_length=1, max_length=256)]
    store_id: (
        Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[\x21-\x7e]+$")] | None
    ) = None
    terminal_id: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    timeout_express: Annotated[str, Field(pattern=r"^([1-9]\d{0,4}[mhd]|1c)$")] | None = None

    def _sale(self, *optional: str, **more: str) -> dict[str, Any]:
        content: dict[str, Any] = {
            "out_trade_no": self.out_trade_no,
            **more,
            "subject": self.subject.translate(_FORBIDDEN_IN_SUBJECT),
            "total_amount": yuan_text(self.total_fen),
        }
        for name in ("store_id", "terminal_id", "timeout_express", *optional):
            value = getattr(self, name)
            if value is not None:
                content[name] = value
        return content


class PayParams(_Sale):
    scene: Literal["face", "code"]
    auth_code: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_\-]+$")]
    terminal_params: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """signed by the device's SDK; passed on unchanged"""

    def biz_content(self) -> dict[str, Any]:
        return self._sale(
            "terminal_params",
            scene=_SCENES[self.scene],
            auth_code=self.auth_code,
            product_code="FACE_TO_FACE_PAYMENT",
        )


class PrecreateParams(_Sale):
    product_code: Literal["FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"] = "FACE_TO_FACE_PAYMENT"
    qr_code_timeout_express: Annotated[str, Field(pattern=r"^([1-9]\d{0,4}[mh])$")] | None = None

    def biz_content(self) -> dict[str, Any]:
        return self._sale("qr_code_timeout_express", product_code=self.product_code)


class CreateParams(_Sale):
    buyer_id: Annotated[str, Field(pattern=r"^2088\d{12}$")] | None = None
    buyer_open_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    op_app_id: Annotated[str, Field(pattern=r"^\d{16}$")] | None = None
    product_code: Literal["FACE_TO_FACE_PAYMENT", "JSAPI_PAY"] = "FACE_TO_FACE_PAYMENT"

    @model_validator(mode="after")
    def _one_buyer(self) -> Self:
        if (self.buyer_id is None) == (self.buyer_open_id is None):
            raise ValueError("one of buyer_id and buyer_open_id")
        if self.product_code == "JSAPI_PAY" and self.op_app_id is None:
            raise ValueError("JSAPI_PAY needs op_app_id")
        return self

    def biz_content(self) -> dict[str, Any]:
        return self._sale("buyer_id", "buyer_open_id", "op_app_id", product_code=self.product_code)


class QueryParams(TradeParams):
    total_fen: PayableFen | None = None
    """if given, a response with another amount is not accepted"""


class CancelParams(TradeParams):
    pass


class CloseParams(TradeParams):
    pass


class RefundParams(TradeParams):
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


class RefundQueryParams(TradeParams):
    out_request_no: OrderNo

    def biz_content(self) -> dict[str, Any]:
        return {"out_trade_no": self.out_trade_no, "out_request_no": self.out_request_no}


def _trade(
    response: AlipayResponse, params: Any, paid_at: str, status: str | None
) -> dict[str, Any]:
    total_fen = response.fen("total_amount")
    if total_fen is None or params.total_fen not in (None, total_fen):
        raise UnusableResponse("other_amount")
    if not response.text("trade_no"):
        raise UnusableResponse("incomplete")
    return {
        "out_trade_no": response.text("out_trade_no"),
        "trade_no": response.text("trade_no"),
        "trade_status": status,
        "total_fen": total_fen,
        "buyer_id": response.text("buyer_open_id") or response.text("buyer_user_id") or None,
        "buyer_logon_id": response.text("buyer_logon_id") or None,
        "paid_at": response.instant(paid_at),
    }


def _paid(response: AlipayResponse, params: PayParams) -> dict[str, Any]:
    return _trade(response, params, "gmt_payment", None)


def _precreated(response: AlipayResponse, _params: PrecreateParams) -> dict[str, Any]:
    qr_code = response.text("qr_code")
    if not qr_code.startswith(("https://", "http://")):
        raise UnusableResponse("incomplete")
    return {
        "out_trade_no": response.text("out_trade_no"),
        "qr_code": qr_code,
        "share_code": response.text("share_code") or None,
        "prepay_id": response.text("prepay_id") or None,
    }


def _trade_names(response: AlipayResponse, _params: TradeParams) -> dict[str, Any]:
    if not response.text("trade_no"):
        raise UnusableResponse("incomplete")
    return {"out_trade_no": response.text("out_trade_no"), "trade_no": response.text("trade_no")}


def _queried(response: AlipayResponse, params: QueryParams) -> dict[str, Any]:
    status = response.text("trade_status")
    if status not in _STATUSES:
        raise UnusableResponse("other_status")
    return _trade(response, params, "send_pay_date", status)


def _cancelled(response: AlipayResponse, _params: CancelParams) -> dict[str, Any]:
    action, again = response.text("action") or None, response.text("retry_flag")
    if action not in ("close", "refund", None) or again not in ("Y", "N"):
        raise UnusableResponse("incomplete")
    return {"action": action, "retry": again == "Y", "trade_no": response.text("trade_no") or None}


def _refunded(response: AlipayResponse, _params: RefundParams) -> dict[str, Any]:
    total_fen = response.fen("refund_fee")
    if total_fen is None:
        raise UnusableResponse("incomplete")
    return {"fund_change": response.text("fund_change") == "Y", "refund_total_fen": total_fen}


def _refund_found(response: AlipayResponse, params: RefundQueryParams) -> dict[str, Any]:
    # An unknown refund number gives a bare 10000: no status means "not (yet) refunded".
    if response.text("refund_status") != "REFUND_SUCCESS":
        return {"refunded": False, "refund_fen": 0}
    refund_fen = response.fen("refund_amount")
    if refund_fen is None or response.text("out_request_no") != params.out_request_no:
        raise UnusableResponse("other_refund")
    return {"refunded": True, "refund_fen": refund_fen}


def _has_no_status(response: AlipayResponse) -> bool:
    return not response.text("refund_status")


_CONTRACT = """
    INVALID_PARAMETER TOTAL_FEE_EXCEED EXIST_FORBIDDEN_WORD SUB_GOODS_SIZE_MAX_COUNT
    REQUEST_AMOUNT_EXCEED NOW_TIME_AFTER_EXPIRE_TIME_ERROR ACCESS_FORBIDDEN PARTNER_ERROR
    MERCHANT_AGREEMENT_NOT_EXIST MERCHANT_AGREEMENT_INVALID MERCHANT_STATUS_NOT_NORMAL
    SELLER_BEEN_BLOCKED SELLER_NOT_EXIST INVALID_RECEIVE_ACCOUNT INVALID_STORE_ID
"""
_BUYER = """
    BUYER_SELLER_EQUAL BUYER_ENABLE_STATUS_FORBID BUYER_NOT_EXIST ERROR_BUYER_CERTIFY_LEVEL_LIMIT
    NOT_CERTIFIED_USER
"""
_PAY_REFUSALS = f"""{_CONTRACT} {_BUYER}
    PAYMENT_AUTH_CODE_INVALID AUTH_TOKEN_IS_NOT_EXIST PAYMENT_FAIL
    UN_SUPPORT_TRADE_SCENE SMILE_PAY_MERCHANT_NOT_MATCH
    USER_FACE_PAYMENT_SWITCH_OFF MOBILE_PAYMENT_SWITCH_OFF PULL_MOBILE_CASHIER_FAIL
    BUYER_BALANCE_NOT_ENOUGH BUYER_BANKCARD_BALANCE_NOT_ENOUGH ERROR_BALANCE_PAYMENT_DISABLE
    NO_PAYMENT_INSTRUMENTS_AVAILABLE BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR
    BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR BEYOND_PAY_RESTRICTION BEYOND_PER_RECEIPT_RESTRICTION
    BEYOND_PER_RECEIPT_DAY_RESTRICTION PAYMENT_REQUEST_HAS_RISK RISK_MERCHANT_IP_NOT_EXIST
"""
_CANCEL_REFUSALS = """
    INVALID_PARAMETER TRADE_CANCEL_TIME_OUT TRADE_HAS_FINISHED CANCEL_NOT_ALLOWED
    REASON_TRADE_REFUND_FEE_ERR
"""
_CLOSE_REFUSALS = """
    INVALID_PARAMETER REASON_TRADE_STATUS_INVALID REASON_ILLEGAL_STATUS TRADE_STATUS_ERROR
"""
_REFUND_REFUSALS = """
    INVALID_PARAMETER SELLER_BALANCE_NOT_ENOUGH REASON_TRADE_BEEN_FREEZEN TRADE_HAS_FINISHED
    TRADE_NOT_ALLOW_REFUND REFUND_FEE_ERROR REASON_TRADE_REFUND_FEE_ERR REFUND_AMT_NOT_EQUAL_TOTAL
    NOT_ALLOW_PARTIAL_REFUND ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND BUYER_ERROR
    CUSTOMER_VALIDATE_ERROR ALLOC_AMOUNT_VALIDATE_ERROR REFUND_ACCOUNT_NOT_EXIST
    REFUND_CHARGE_ERROR REFUNDALLOC_UNAUTH_LIMIT ENTERPRISE_PAY_BIZ_ERROR
"""
_MISSING = frozenset({"ACQ.TRADE_NOT_EXIST", "TRADE_NOT_EXIST"})
_ORDER = ("out_trade_no",)

TRADE: tuple[Method, ...] = (
    Method("alipay.trade.pay", PayParams, _paid, prefixed(_PAY_REFUSALS), missing=_MISSING,
           retry="never", timeout_s=15, echoes=_ORDER, refusal_echoes=True, is_payment=True,
           may_be_in_process=True),
    Method("alipay.trade.precreate", PrecreateParams, _precreated, prefixed(_CONTRACT),
           retry="never", timeout_s=10, echoes=_ORDER, is_payment=True),
    Method("alipay.trade.create", CreateParams, _trade_names, prefixed(_CONTRACT + _BUYER),
           retry="never", timeout_s=10, echoes=_ORDER, is_payment=True),
    Method("alipay.trade.query", QueryParams, _queried, prefixed("INVALID_PARAMETER"),
           missing=_MISSING, retry="free", timeout_s=10, echoes=_ORDER, refusal_echoes=True),
    Method("alipay.trade.cancel", CancelParams, _cancelled, prefixed(_CANCEL_REFUSALS),
           missing=_MISSING, retry="same_request", timeout_s=15, echoes=_ORDER),
    Method("alipay.trade.close", CloseParams, _trade_names, prefixed(_CLOSE_REFUSALS),
           missing=_MISSING, retry="same_request", timeout_s=10, echoes=_ORDER),
    Method("alipay.trade.refund", RefundParams, _refunded, prefixed(_REFUND_REFUSALS),
           missing=_MISSING, retry="same_request", timeout_s=15, echoes=_ORDER),
    Method("alipay.trade.fastpay.refund.query", RefundQueryParams, _refund_found,
           prefixed("INVALID_PARAMETER"), missing=_MISSING, retry="free", timeout_s=10,
           echoes=_ORDER, may_omit_echo=_has_no_status),
)  # fmt: skip
