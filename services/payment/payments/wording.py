"""Texts for the till and its customer, in Chinese; codes are stable, texts may be improved."""

from services.payment.snapshot import Payment, State

_STATUS = {
    State.SUBMITTED: "正在支付，请稍候",
    State.PAYING: "等待顾客在手机上确认",
    State.UNKNOWN: "正在确认支付结果，请勿重复收款",
    State.CANCELLING: "正在撤销，请稍候",
    State.MANUAL: "支付结果待人工核实，请联系商家",
    State.SUCCESS: "支付成功",
    State.PARTIAL_REFUND: "已部分退款",
    State.REFUNDED: "已全额退款",
    State.CLOSED: "交易已关闭，未扣款",
    State.REVERSED: "交易已撤销，款项已退回",
    State.SUCCESS_LATE: "交易关闭后到账，商家将处理",
}

WAITING_FOR = {
    State.SUBMITTED: "channel",
    State.PAYING: "buyer",
    State.UNKNOWN: "outcome",
    State.CANCELLING: "cancel",
    State.MANUAL: "person",
}
"""What a pending payment waits for, for tills that show texts of their own."""

_TRY_AGAIN = "支付失败，未扣款，请重新发起"
_NOT_REFUNDED = "支付宝没有受理这笔退款，款项未退，请稍后重新退款或联系支付宝"
_FAILURES = {
    "payment.channel_unavailable": "支付通道暂不可用，未扣款，请重试",
    "payment.channel_config": "商户支付配置有误，未扣款，请联系商家",
    "ACQ.PAYMENT_AUTH_CODE_INVALID": "付款码已失效，请刷新后重试",
    "ACQ.AUTH_TOKEN_IS_NOT_EXIST": "付款码已失效，请刷新后重试",
    "ACQ.PAYMENT_FAIL": "支付失败，请刷新付款码或更换付款方式",
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": "余额不足，请更换付款方式",
    "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": "银行卡余额不足，请更换付款方式",
    "ACQ.ERROR_BALANCE_PAYMENT_DISABLE": "余额支付已关闭，请更换付款方式",
    "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE": "没有可用的付款方式，请更换",
    "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": "超过当日付款限额，请更换付款方式",
    "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR": "超过当月付款限额，请更换付款方式",
    "ACQ.BEYOND_PAY_RESTRICTION": "超过付款限额，请更换付款方式",
    "ACQ.BEYOND_PER_RECEIPT_RESTRICTION": "超过商户单笔收款限额",
    "ACQ.BEYOND_PER_RECEIPT_DAY_RESTRICTION": "超过商户当日收款限额",
    "ACQ.TOTAL_FEE_EXCEED": "金额超过上限",
    "ACQ.BUYER_SELLER_EQUAL": "付款账户与收款账户相同，请更换账户",
    "ACQ.BUYER_ENABLE_STATUS_FORBID": "付款账户不可用，请更换账户",
    "ACQ.NOT_CERTIFIED_USER": "付款账户未实名，请更换账户",
    "ACQ.PAYMENT_REQUEST_HAS_RISK": "支付存在风险，请更换付款方式",
    "ACQ.USER_FACE_PAYMENT_SWITCH_OFF": "顾客已关闭刷脸支付，请出示付款码",
    "ACQ.MOBILE_PAYMENT_SWITCH_OFF": "顾客已关闭付款码支付，请在手机上打开",
    "ACQ.PULL_MOBILE_CASHIER_FAIL": "未能唤起顾客手机，请重新扫码",
    "ACQ.SMILE_PAY_MERCHANT_NOT_MATCH": "刷脸设备与收款商户不一致，请联系商家",
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": "商户账户余额不足，无法退款",
    "ACQ.TRADE_HAS_FINISHED": "交易已完结，不能退款",
    "ACQ.REASON_TRADE_BEEN_FREEZEN": "交易已被冻结，不能退款",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": "退款金额超过可退余额",
    "ACQ.TRADE_NOT_ALLOW_REFUND": "该交易不允许退款",
}


def status_text(payment: Payment) -> str:
    """One line for the till's screen."""
    if payment.state is State.FAILED:
        return failure_text(payment.reason_code or "")
    return _STATUS[payment.state]


def failure_text(code: str) -> str:
    """Why it did not work, and what the customer can do."""
    return _FAILURES.get(code, _TRY_AGAIN)


def rejection_text(code: str) -> str:
    """Why the channel gave no money back, and what the merchant can do."""
    return _FAILURES.get(code, _NOT_REFUNDED)
