"""When a payment or a refund is checked again, and until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.payment.snapshot import Payment

PAY_START_S = 6.0
"""The pay call begins so soon after its request, or not at all, and a further try so soon after the
first one: so none is under way when `pay_open_s` has passed, after which a cancel is final."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Intervals and time limits (alipay-protocol §4.9). `PaymentConfig` sets some of them."""

    deadline_s: float = 60.0
    poll_s: float = 3.0
    slow_poll_s: float = 5.0
    slow_after_s: float = 30.0
    crashed_s: float = 5.0
    """after submit, if the pay call's end was not reported"""
    last_query_grace_s: float = 15.0
    pay_open_s: float = 30.0
    cancel_quick_s: float = 2.0
    cancel_quick_tries: int = 3
    cancel_max_s: float = 30.0
    give_up_s: float = 24 * 3600.0
    late_check_s: float = 30.0
    late_check_until_s: float = 3600.0
    lease_s: float = 15.0
    refund_query_s: float = 10.0
    refund_max_s: float = 60.0

    def poll_after(self, payment: Payment, at: datetime) -> float:
        """Every 3 s in the first half minute, then every 5 s."""
        age_s = (at - payment.created_at).total_seconds()
        return self.poll_s if age_s < self.slow_after_s else self.slow_poll_s

    def last_query_until(self, payment: Payment) -> datetime:
        """Until then a last query without a clear result is repeated; after it we cancel anyway."""
        return payment.deadline_at + timedelta(seconds=self.last_query_grace_s)

    def cancel_after(self, attempts: int) -> float:
        """Three quick tries, then doubling up to a limit that keeps recovery fast."""
        if attempts < self.cancel_quick_tries:
            return self.cancel_quick_s
        doubled = self.cancel_quick_s * 2.0 ** min(attempts - self.cancel_quick_tries + 1, 10)
        return min(doubled, self.cancel_max_s)

    def refund_after(self, attempts: int) -> float:
        """A refund is queried 10 s after it was sent, then at growing intervals."""
        return min(self.refund_query_s * 1.5 ** min(attempts, 10), self.refund_max_s)
