"""What is believed only when the channel says so, too: each rule fails under one broken line."""

import pytest

from services.payment.channels.port import Paid
from services.payment.payments import store
from services.payment.payments.rules import Decision
from services.payment.snapshot import State
from shared.ids import uuid7
from tests.integration.payment.egress import CANCEL, NOT_FOUND, PAID_AT, PAY, QUERY, answer
from tests.integration.payment.notices.test_notices import notice

pytestmark = pytest.mark.asyncio
NOTHING = answer("success", action=None, retry=False, trade_no=None)


@pytest.mark.parametrize("said", [NOTHING, NOT_FOUND])
@pytest.mark.parametrize("is_confirmed", [False, True])
async def test_nothing_to_cancel_is_asked_about(shop, till, said, is_confirmed):
    """The cancel finds nothing, and the trade is there: open or even paid. Closing it would leave
    the buyer's money with nobody's order."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(8800)
    await shop.age(first["payment_id"], 61)
    shop.egress.next(CANCEL, said)
    await shop.sweep()
    assert await shop.state(first["payment_id"]) == "CANCELLING"
    assert [method for method, _ in shop.egress.asked] == [PAY, QUERY, CANCEL, QUERY]
    if is_confirmed:
        shop.egress.confirm(first["out_trade_no"])
    await shop.age(first["payment_id"], 31)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == ("reversed" if is_confirmed else "closed")
    assert shop.egress.captured() == {}
    assert await shop.broken() == {}


@pytest.mark.parametrize("said", [NOT_FOUND, 500])
async def test_a_late_paid_notice_is_not_believed(shop, till, said):
    """Closed, then a genuine notice says paid: the query has the last word, and without one the
    notice waits."""
    shop.egress.next(PAY, "lost_request")
    first = await till.pay(1207)
    await till.stop(first["pay_request_id"])
    shop.egress.always(QUERY, said)
    answered = await till.notify(**notice(first["out_trade_no"]))
    assert answered.json() == {"verdicts": ["stored"]}
    await shop.place.execute("UPDATE notify_inbox SET next_try_at = now()")
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "closed"
    assert await shop.said(first["payment_id"]) == ["payment.closed.v1"]
    assert await shop.place.value("SELECT count(*) FROM payment_cases") == 0
    state = await shop.place.value("SELECT state FROM notify_inbox")
    assert state == ("RECEIVED" if said == 500 else "DUPLICATE")


async def test_no_move_books_another_amount(shop, till):
    """The last guard stands in the statement itself, whatever the code above decided."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    payment = await store.load(shop.deps.db, till.tenant_id, first["payment_id"])
    at = shop.deps.clock.now()
    for total_fen, is_booked in ((1206, False), (1208, False), (1207, True)):
        paid = Paid(trade_no="2026", total_fen=total_fen, paid_at=at)
        decision = Decision(State.SUCCESS, paid=paid, trade_no="2026")
        change = store.PaymentChange.of(
            payment, decision, side_id=uuid7(shop.deps.clock), finished_at=at
        )
        moved = await store.move(shop.deps.writes, change)
        assert (moved is not None) is is_booked, total_fen
        row = await shop.row(first["payment_id"])
        assert row["state"] == ("SUCCESS" if is_booked else "PAYING")


async def test_the_time_of_the_payment_is_the_channels(shop, till):
    """Not of whatever we did last: a refund later leaves it as it is."""
    paid = await till.pay(500)
    assert (await till.refund(paid["payment_id"], 500)).json()["status"] == "done"
    row = await shop.row(paid["payment_id"])
    assert row["paid_at"].isoformat().replace("+00:00", "Z") == PAID_AT
