"""A payment to start from; tests change what they are about."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.payment.channels.port import Paid
from services.payment.schedule import Schedule
from services.payment.snapshot import Payment, State
from tests.fixtures.clock import NOON

SCHEDULE = Schedule()
PAID = Paid("2026trade", 1207, NOON, "2088buyer", "158****1562")


def payment(state=State.SUBMITTED, **members) -> Payment:
    base = Payment(
        tenant_id=UUID(int=1),
        payment_id=UUID(int=2),
        store_id=UUID(int=3),
        device_id=UUID(int=4),
        pay_request_id="request-1",
        request_hash=b"h",
        order_ref=None,
        out_trade_no="T1",
        channel="alipay",
        scene="face",
        subject="x",
        total_fen=1207,
        payable_fen=1207,
        app_id="2021",
        seller_id="2088",
        key_version=1,
        state=state,
        version=1,
        reason_code=None,
        reason=None,
        trade_no=None,
        buyer_id=None,
        buyer_logon_id=None,
        refund_reserved_fen=0,
        refunded_fen=0,
        created_at=NOON,
        paid_at=None,
        finished_at=None,
        deadline_at=NOON + timedelta(seconds=60),
        pay_open_until=NOON + timedelta(seconds=20),
        cancelling_at=NOON if state is State.CANCELLING else None,
        next_poll_at=None,
        attempts=0,
        lease_until=None,
        lease_token=None,
    )
    return replace(base, **members)
