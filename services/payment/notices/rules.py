"""What can be wrong with a notification that the edge hands over.

Problem
└── InvalidBody
    └── BadNotice              422  payment.bad_notice
"""

from shared.errors import InvalidBody


class BadNotice(InvalidBody):
    code = "payment.bad_notice"
    title = "通知内容不完整 The notification lacks what it must say."
