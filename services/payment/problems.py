"""What can be wrong with a request to this service; outcomes of payments are data, not problems.

Problem
├── InvalidBody
│   ├── BadAuthCode            422  payment.bad_auth_code
│   ├── ChannelNotConfigured   422  payment.channel_not_configured
│   ├── RequestMismatch        422  payment.request_mismatch
│   ├── RefundMismatch         422  payment.refund_mismatch
│   └── BadNotice              422  payment.bad_notice
├── Unauthorized
│   └── Replayed               401  auth.replayed
├── NotFound
│   └── UnknownStore           404  payment.unknown_store
└── Conflict
    ├── AppNotBound            409  payment.app_not_bound
    ├── MerchantSuspended      409  payment.merchant_suspended
    ├── OrderActive            409  payment.order_active
    ├── NotRefundable          409  payment.not_refundable
    └── RefundExceedsPaid      409  payment.refund_exceeds_paid
"""

from shared.errors import Conflict, InvalidBody, NotFound, Unauthorized


class BadAuthCode(InvalidBody):
    code = "payment.bad_auth_code"
    title = "付款码无法识别，请重新扫码或刷脸 This is no payment code; please scan again."


class ChannelNotConfigured(InvalidBody):
    code = "payment.channel_not_configured"
    title = (
        "暂不支持微信付款码，请出示支付宝付款码或刷脸"
        " WeChat codes are not taken yet; please show an Alipay code, or pay by face."
    )


class RequestMismatch(InvalidBody):
    code = "payment.request_mismatch"
    title = "同一请求号的内容不一致 The same pay_request_id was used with other content."


class RefundMismatch(InvalidBody):
    code = "payment.refund_mismatch"
    title = "同一退款号的内容不一致 The same refund_request_id was used with other content."


class BadNotice(InvalidBody):
    code = "payment.bad_notice"
    title = "通知内容不完整 The notification lacks what it must say."


class Replayed(Unauthorized):
    code = "auth.replayed"
    title = "请求已被使用，请重新签名 This request was used before; sign a new one."


class UnknownStore(NotFound):
    code = "payment.unknown_store"
    title = "没有这个门店 No such store."


class AppNotBound(Conflict):
    code = "payment.app_not_bound"
    title = "商户尚未绑定应用 No app is bound to this merchant."


class MerchantSuspended(Conflict):
    code = "payment.merchant_suspended"
    title = (
        "商户已被平台停用，暂不能收款，请联系平台 "
        "The platform has suspended this merchant; it takes no payments. Please ask the platform."
    )


class OrderActive(Conflict):
    code = "payment.order_active"
    title = "该订单正在支付或已支付 This order is being paid, or is paid."


class NotRefundable(Conflict):
    code = "payment.not_refundable"
    title = "当前状态不能退款 This payment cannot be refunded in its present state."


class RefundExceedsPaid(Conflict):
    code = "payment.refund_exceeds_paid"
    title = "退款金额超过可退余额 More than what is left to refund."
