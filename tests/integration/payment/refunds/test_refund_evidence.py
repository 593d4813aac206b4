"""What the audit log is told of a refund: by whom, when and from where each try was asked for."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.events.audit import PaymentAudited
from shared.contracts.events.payment import PaymentRefunded
from tests.integration.payment.egress import REFUND, answer

pytestmark = pytest.mark.asyncio

CODE = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
REFUSED = answer("refused", code="40004", sub_code=CODE)


def _from(till, number, address, **members):
    """A person's request as the edge passes it on: with its number, and where it came from."""
    place = {"X-Request-ID": number, "X-Client-Address": address}
    return till.user_headers(**members) | place


def _asked(event):
    return event.request_id, event.address


async def test_it_says_from_where_and_when_it_was_asked_for(shop, till):
    paid = await till.pay(300)
    before = datetime.now(UTC)
    headers = _from(till, "r-first", "203.0.113.7")
    await till.refund(paid["payment_id"], 300, headers=headers)
    *_, event = await shop.events(paid["payment_id"])
    assert isinstance(event, PaymentRefunded)
    assert _asked(event) == ("r-first", "203.0.113.7")
    assert before <= event.asked_at <= event.refunded_at


async def test_it_says_so_also_when_the_worker_learns_the_outcome(shop, till):
    """The worker has no request of its own: where the person's came from is kept."""
    paid = await till.pay(300)
    shop.egress.next(REFUND, "lost_answer")
    headers = _from(till, "r-lost", "203.0.113.8")
    assert (await till.refund(paid["payment_id"], 300, headers=headers)).json()[
        "state"
    ] == "unknown"
    await shop.place.execute(
        "UPDATE refunds SET next_poll_at = now(), created_at = created_at - interval '1 minute'"
    )
    await shop.sweep()
    *_, event = await shop.events(paid["payment_id"])
    assert isinstance(event, PaymentRefunded)
    assert _asked(event) == ("r-lost", "203.0.113.8")
    assert event.refunded_at - event.asked_at >= timedelta(minutes=1), "when the person asked"


async def test_each_try_is_told_also_the_refused_ones(shop, till):
    paid = await till.pay(500)
    first, second = str(uuid4()), str(uuid4())
    shop.egress.next(REFUND, REFUSED)
    headers = _from(till, "r-1", "203.0.113.1", subject=first)
    asked = await till.refund(paid["payment_id"], 200, "refund-1", headers=headers, reason="退货")
    assert asked.json()["state"] == "rejected"
    await shop.place.execute(
        "UPDATE refunds SET created_at = created_at - interval '9 s',"
        " finished_at = finished_at - interval '9 s'"
    )
    again = _from(till, "r-2", "203.0.113.2", subject=second)
    assert (await till.retry(paid["payment_id"], "refund-1", headers=again)).status_code == 200
    _, refused, retried, done = await shop.events(paid["payment_id"])
    assert isinstance(refused, PaymentAudited)
    assert (refused.actor, refused.action) == (f"user:{first}", "payment.refund_refused")
    assert _asked(refused) == ("r-1", "203.0.113.1")
    assert refused.subject_id == paid["payment_id"]
    told = dict(refused.after)
    assert refused.asked_at <= datetime.fromisoformat(told.pop("answered_at"))
    assert told == {
        "refund_fen": 200, "out_trade_no": paid["out_trade_no"], "refund_request_id": "refund-1",
        "reason": "退货", "reason_code": CODE,
    }  # fmt: skip
    assert (retried.actor, retried.action) == (f"user:{second}", "payment.refund_retry")
    assert _asked(retried) == ("r-2", "203.0.113.2")
    assert isinstance(done, PaymentRefunded)
    assert _asked(done) == ("r-2", "203.0.113.2"), "of the try that went through"
    assert refused.asked_at < retried.asked_at == done.asked_at


async def test_a_refusal_that_the_worker_learns_is_told_once(shop, till):
    """Behind another refund it waits its turn: the worker sends it."""
    paid = await till.pay(500)
    await till.refund(paid["payment_id"], 100)
    headers = _from(till, "r-3", "203.0.113.3")
    late = await till.refund(paid["payment_id"], 200, headers=headers)
    assert late.json()["state"] == "pending"
    shop.egress.next(REFUND, REFUSED)
    await shop.place.execute("UPDATE refunds SET next_poll_at = now() WHERE state = 'CREATED'")
    await shop.sweep(2)
    said = [one for one in await shop.events() if isinstance(one, PaymentAudited)]
    assert [(one.action, *_asked(one)) for one in said] == [
        ("payment.refund_refused", "r-3", "203.0.113.3")
    ]
    assert await shop.broken() == {}
