"""What two do at once with one payment or one merchant's app, many times each: whoever was first,
the channel, the books and what was said agree (F7, F9, F29, F31, G1, G2, G4, G6)."""

from uuid import uuid4

import pytest

from services.payment.payments import repo
from tests.fixtures.races import ROUNDS, race, together
from tests.integration.payment.conftest import APP_ID
from tests.integration.payment.egress import CANCEL, PAY, QUERY, REFUND
from tests.integration.payment.egress import answer as channel_says
from tests.integration.payment.notices.test_notices import notice

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
ENDS = {"payment.succeeded.v1", "payment.closed.v1", "payment.reversed.v1", "payment.failed.v1"}
OTHER_APP = "2021000000000002"


async def agrees(shop, payment_id, out_trade_no):
    """What Alipay holds is what we booked, the end was said once, and no invariant is broken."""
    row = await shop.row(payment_id)
    is_paid = row["state"] in {"SUCCESS", "PARTIAL_REFUND", "REFUNDED"}
    booked = row["payable_fen"] - row["refunded_fen"] if is_paid else 0
    assert shop.egress.captured().get(out_trade_no, 0) == booked
    assert sum(said in ENDS for said in await shop.said(payment_id)) == 1
    return row["state"]


async def until_final(shop, till, pay_request_id, payment_id):
    """The worker's rounds, with the pauses between them taken away."""
    for _ in range(4):
        status = await till.status(pay_request_id)
        if status != "pending":
            return status
        await shop.age(payment_id, 4)
        await shop.place.execute(
            "UPDATE notify_inbox SET next_try_at = now() WHERE state = 'RECEIVED'"
        )
        await shop.sweep()
    raise AssertionError(f"still {await till.status(pay_request_id)}")


async def test_two_refunds_of_more_than_was_paid(shop, till):
    """One is done, the other is told; the reservation, the channel and the event are the one's."""
    for turn in range(ROUNDS):
        paid = await till.pay(1000)
        answers = await race(turn, *(till.refund(paid["payment_id"], 600) for _ in range(2)), 0.001)
        assert sorted(answer.status_code for answer in answers) == [200, 409], turn
        row = await shop.row(paid["payment_id"])
        assert (row["refund_reserved_fen"], row["refunded_fen"]) == (600, 600)
        assert await agrees(shop, paid["payment_id"], paid["out_trade_no"]) == "PARTIAL_REFUND"
        assert (await shop.said(paid["payment_id"])).count("payment.refunded.v1") == 1
    assert shop.egress.calls[REFUND] == ROUNDS
    assert await shop.broken() == {}


async def test_one_refund_asked_for_twice(shop, till):
    for turn in range(ROUNDS):
        paid, name = await till.pay(1000), f"refund-{turn}"
        answers = await race(
            turn, *(till.refund(paid["payment_id"], 300, name) for _ in range(2)), 0.001
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["refund_id"] for answer in answers}) == 1
        assert await agrees(shop, paid["payment_id"], paid["out_trade_no"]) == "PARTIAL_REFUND"
    assert shop.egress.calls[REFUND] == ROUNDS
    assert await shop.broken() == {}


async def test_a_stop_beside_the_notice(shop, till):
    """F7: the buyer's money came; it is kept, or given back by the cancel, and never lost."""
    seen = set()
    for turn in range(ROUNDS):
        shop.egress.next(PAY, "in_process")
        first = await till.pay(1207)
        number = first["out_trade_no"]
        shop.egress.confirm(number)
        if turn % 3:  # asked a moment before the money came
            seen_before = {**shop.egress._view(number), "trade_status": "WAIT_BUYER_PAY"}
            shop.egress.next(QUERY, channel_says("success", **seen_before))
        document = notice(number, trade_no=shop.egress.trades[number]["trade_no"])
        _, noticed = await race(
            turn, till.stop(first["pay_request_id"]), till.notify(**document), 0.001
        )
        assert noticed.status_code == 200
        shop.egress.heal()
        seen.add(await until_final(shop, till, first["pay_request_id"], first["payment_id"]))
        await agrees(shop, first["payment_id"], number)
    assert seen <= {"paid", "reversed"}
    assert "paid" in seen
    assert await shop.broken() == {}


async def test_a_stop_beside_the_worker(shop, till):
    """Clerk and worker cancel the same unpaid trade: closed, and said once."""
    for turn in range(ROUNDS):
        shop.egress.next(PAY, "in_process")
        first = await till.pay(500)
        await shop.age(first["payment_id"], 61)
        await race(turn, till.stop(first["pay_request_id"]), shop.sweep(), 0.001)
        status = await until_final(shop, till, first["pay_request_id"], first["payment_id"])
        assert status == "closed", turn
        await agrees(shop, first["payment_id"], first["out_trade_no"])
    assert await shop.broken() == {}


async def test_the_answer_beside_the_notice(shop, till):
    """F9: both say paid; one of them books it."""
    for turn in range(ROUNDS):
        shop.egress.next(PAY, "lost_answer" if turn % 2 else "in_process")
        first = await till.pay(1207)
        shop.egress.confirm(first["out_trade_no"])
        await shop.age(first["payment_id"], 4)
        document = notice(
            first["out_trade_no"], trade_no=shop.egress.trades[first["out_trade_no"]]["trade_no"]
        )
        await race(turn, shop.sweep(), till.notify(**document), 0.001)
        assert await agrees(shop, first["payment_id"], first["out_trade_no"]) == "SUCCESS"
    assert shop.egress.calls[CANCEL] == 0
    assert await shop.broken() == {}


async def test_two_workers_beside_a_console_on_one_refund(shop, till):
    """F30: its answer was lost; whoever finds out books it, once, and nobody refunds beyond."""
    for turn in range(ROUNDS):
        paid = await till.pay(1000)
        shop.egress.next(REFUND, "lost_answer")
        await till.refund(paid["payment_id"], 600)
        await shop.place.execute(
            "UPDATE refunds SET next_poll_at = now(), lease_until = NULL WHERE state = 'UNKNOWN'"
        )
        workers = together(shop.sweep(), shop.sweep())
        _, second = await race(turn, workers, till.refund(paid["payment_id"], 600), 0.001)
        assert second.status_code == 409
        assert await agrees(shop, paid["payment_id"], paid["out_trade_no"]) == "PARTIAL_REFUND"
        assert (await shop.said(paid["payment_id"])).count("payment.refunded.v1") == 1
    assert await shop.broken() == {}


@pytest.fixture
def told(shop):
    """The merchant's app as binding's events tell it."""

    async def tell(tenant_id, **members):
        async with shop.deps.db.pg(None) as pg:
            await repo.upsert_apps(pg, [shop.bound(tenant_id, **members)])

    return tell


async def test_a_sale_beside_the_switch(shop, till, told):
    """Taken as a whole with the app it began with, or refused and nothing is left; after the
    switch is heard nothing is taken."""
    seen = set()
    for turn in range(ROUNDS):
        body = till.body()
        answer, _ = await race(turn, till.post(body), told(till.tenant_id, enabled=False), 0.001)
        count = "SELECT count(*) FROM payments WHERE pay_request_id = $1"
        kept = await shop.place.value(count, body["pay_request_id"])
        assert (answer.status_code, kept) in {(200, 1), (409, 0)}, turn
        seen.add(answer.status_code)
        if kept:
            paid = answer.json()
            assert await agrees(shop, paid["payment_id"], paid["out_trade_no"]) == "SUCCESS"
            assert (await shop.row(paid["payment_id"]))["app_id"] == APP_ID
        refused = await till.post(till.body())
        assert (refused.status_code, refused.json()["code"]) == (409, "payment.app_not_bound")
        await told(till.tenant_id)
    assert seen == {200, 409}
    assert await shop.broken() == {}


async def test_a_sale_beside_another_app(shop, till, told):
    """The newest app takes over: each sale goes to one of the two, payee and all, to the end."""
    seen = set()
    for turn in range(ROUNDS):
        shop.egress.next(PAY, "in_process")
        answer, _ = await race(turn, till.post(till.body()), told(till.tenant_id, app_id=OTHER_APP),
                               0.001)  # fmt: skip
        paid = answer.json()
        row = await shop.row(paid["payment_id"])
        await till.stop(paid["pay_request_id"])
        asked = {
            (body["app_id"], body.get("key_version"))
            for _, body in shop.egress.asked
            if body["params"]["out_trade_no"] == paid["out_trade_no"]
        }
        assert {app_id for app_id, _ in asked} == {row["app_id"]}, turn
        seen.add(row["app_id"])
        await shop.place.execute("DELETE FROM merchant_apps WHERE app_id = $1", OTHER_APP)
    assert seen == {APP_ID, OTHER_APP}


async def test_two_tills_for_one_order(shop, till):
    """F3: of two devices at once one takes it; when that took nothing, the order is free again."""
    other = await shop.till(tenant_id=till.tenant_id)
    for turn in range(ROUNDS):
        order = f"order-{turn}"
        answers = await race(turn, *(t.post(t.body(order_ref=order)) for t in (till, other)), 0.001)
        assert sorted(answer.status_code for answer in answers) == [200, 409], turn
        assert (
            await shop.place.value("SELECT count(*) FROM payments WHERE order_ref = $1", order) == 1
        )
    assert shop.egress.calls[PAY] == ROUNDS
    assert await shop.broken() == {}


async def test_one_request_and_one_nonce_sent_twice(shop, till):
    """A double tap is one sale and two equal answers; a copied request is refused."""
    for turn in range(ROUNDS):
        body = till.body()
        nonce = uuid4().hex if turn % 2 else None
        answers = await race(turn // 2, *(till.post(body, nonce=nonce) for _ in range(2)), 0.001)
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == ([200, 401] if nonce else [200, 200]), turn
        if nonce is None:
            assert answers[0].content == answers[1].content
    assert shop.egress.calls[PAY] == ROUNDS
    assert await shop.broken() == {}
