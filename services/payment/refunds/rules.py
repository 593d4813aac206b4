"""Problems of a refund request.

Problem
├── InvalidBody
│   └── RefundMismatch         422  payment.refund_mismatch
└── Conflict
    ├── NotRefundable          409  payment.not_refundable
    └── RefundExceedsPaid      409  payment.refund_exceeds_paid
"""

from shared.errors import Conflict, InvalidBody


class RefundMismatch(InvalidBody):
    code = "payment.refund_mismatch"
    title = "同一退款号的内容不一致 The same refund_request_id was used with other content."


class NotRefundable(Conflict):
    code = "payment.not_refundable"
    title = "当前状态不能退款 This payment cannot be refunded in its present state."


class RefundExceedsPaid(Conflict):
    code = "payment.refund_exceeds_paid"
    title = "退款金额超过可退余额 More than what is left to refund."
