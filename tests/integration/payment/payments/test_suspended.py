"""A suspended merchant takes no new payment; what was begun, given back or told by Alipay goes on
to its end."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from shared.clock import SystemClock
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantResumed, MerchantSuspended
from shared.standings import note_standings
from tests.integration.payment.egress import PAY
from tests.integration.payment.notices.test_notices import notice

pytestmark = pytest.mark.asyncio
REFUSED = (409, "payment.merchant_suspended")


@pytest.fixture
def hear(shop):
    """hear(till, True): binding has said that the merchant is suspended; False: it is not."""

    async def said(till, is_suspended, at=None):
        kind = MerchantSuspended if is_suspended else MerchantResumed
        members = stamp(till.tenant_id, SystemClock()) | ({"occurred_at": at} if at else {})
        async with shop.deps.db.pg(None) as pg:
            await note_standings(pg, [kind(**members)])

    return said


def told(answer):
    return answer.status_code, answer.json()["code"]


async def test_new_payments_are_refused_with_words_until_it_is_lifted(shop, till, hear):
    other = await shop.till()
    await hear(till, True)
    for body in (till.body(), till.body(0, auth_code=None)):
        refused = await till.post(body)
        assert told(refused) == REFUSED
        assert "停用" in refused.json()["title"]
        assert "suspended" in refused.json()["title"]
    assert shop.egress.calls[PAY] == 0
    assert await shop.place.value("SELECT count(*) FROM payments") == 0
    assert (await other.pay())["status"] == "paid"
    await hear(till, False)
    assert (await till.pay())["status"] == "paid"


async def test_what_was_begun_is_told_and_ends(shop, till, hear):
    body = till.body()
    gate = asyncio.Event()
    shop.egress.next(PAY, gate)
    asked = asyncio.ensure_future(till.post(body))
    while not shop.egress.calls[PAY]:
        await asyncio.sleep(0.01)
    await hear(till, True)
    gate.set()
    assert (await asked).json()["status"] == "paid"
    again = await till.post(body)
    assert (again.status_code, again.json()["status"]) == (200, "paid")
    assert await till.status(body["pay_request_id"]) == "paid"


async def test_money_is_given_back_and_notices_are_taken(shop, till, hear):
    paid = await till.pay()
    await hear(till, True)
    back = await till.refund(paid["payment_id"], 100)
    assert back.status_code == 200, back.text
    assert (await till.get(paid["pay_request_id"])).status_code == 200
    stored = await till.notify(**notice(paid["out_trade_no"]))
    assert stored.json() == {"verdicts": ["duplicate"]}, "as our books say"
    assert await shop.place.value("SELECT count(*) FROM notify_inbox") == 1


async def test_a_running_payment_can_be_stopped(till, hear):
    body = till.body()
    await till.post(body)
    await hear(till, True)
    assert (await till.stop(body["pay_request_id"])).status_code == 200


async def test_the_latest_word_counts_in_whichever_order_it_comes(till, hear):
    now = SystemClock().now()
    await hear(till, False, at=now)
    await hear(till, True, at=now - timedelta(minutes=1))
    assert (await till.pay())["status"] == "paid"
    await hear(till, True, at=now + timedelta(seconds=1))
    assert told(await till.post(till.body())) == REFUSED
    await hear(till, False, at=now)
    assert told(await till.post(till.body())) == REFUSED


async def test_nobody_elses_standing_is_seen(shop, till, hear):
    """Row security: the device's transaction sees its own merchant's row."""
    await hear(till, True)
    other = await shop.till()
    async with shop.deps.db.pg(other.tenant_id) as pg:
        assert await pg.fetch("SELECT * FROM merchant_standings") == []
    rows = await shop.place.fetch("SELECT tenant_id FROM merchant_standings")
    assert [row["tenant_id"] for row in rows] == [UUID(str(till.tenant_id))]
