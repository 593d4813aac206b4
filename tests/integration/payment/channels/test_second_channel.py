"""A second channel behind the port: it sells, refunds and is asked through the doors that are there
already; nothing of the state machine, the refunds or the notices knows that it exists."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from services.payment.channels.port import (
    Cancelled,
    Channels,
    NothingToCancel,
    Paid,
    RefundFact,
    TradeClosed,
    TradeNotFound,
    Unclear,
    Waiting,
)
from tests.integration.payment.conftest import face_code
from tests.integration.payment.notices.test_notice_desk import Desk
from tests.integration.payment.notices.test_notices import notice

pytestmark = pytest.mark.asyncio


@dataclass
class Trade:
    fen: int
    status: str = "paid"
    refunds: dict = field(default_factory=dict)


class Toy:
    """A channel of this test: codes that begin with 1, and a book in memory. `script` holds what
    the next calls answer instead of the truth."""

    name = "wechat"

    def __init__(self):
        self.trades = {}
        self.script = {}
        self.calls = []

    def _called(self, name):
        self.calls.append(name)
        return self.script.pop(name, None)

    def scene_of(self, auth_code):
        return "code" if auth_code.startswith("1") and auth_code.isdigit() else None

    async def pay(self, payment, auth_code, terminal_params):
        status = "waiting" if self._called("pay") == "waiting" else "paid"
        self.trades[payment.out_trade_no] = Trade(payment.payable_fen, status)
        return await self._seen(payment), None

    async def query(self, payment):
        return self._called("query") or await self._seen(payment)

    async def _seen(self, payment):
        trade = self.trades.get(payment.out_trade_no)
        if trade is None:
            return TradeNotFound()
        if trade.status == "waiting":
            return Waiting()
        if trade.status == "closed":
            return TradeClosed()
        return Paid(f"toy-{payment.out_trade_no}", trade.fen, datetime.now(UTC))

    async def cancel(self, payment):
        self._called("cancel")
        trade = self.trades.get(payment.out_trade_no)
        if trade is None:
            return NothingToCancel()
        trade.status = "closed"
        return Cancelled("close")

    async def refund(self, payment, out_request_no, refund_fen, reason):
        told = self._called("refund")
        self.trades[payment.out_trade_no].refunds[out_request_no] = refund_fen
        return told or RefundFact("done")

    async def query_refund(self, payment, out_request_no, refund_fen):
        self._called("query_refund")
        done = self.trades[payment.out_trade_no].refunds.get(out_request_no)
        return RefundFact("done" if done == refund_fen else "not_done")

    async def aclose(self):
        pass


@pytest_asyncio.fixture
async def toy(shop):
    before, channel = shop.deps, Toy()
    first, _ = before.channels.of_code(face_code())
    shop.app.state.deps = replace(before, channels=Channels(first, channel))
    yield channel
    shop.app.state.deps = before


def toy_code():
    return "13" + str(secrets.randbelow(10**16)).zfill(16)


async def test_it_sells_beside_the_first(shop, till, toy):
    through_toy = await till.pay(900, auth_code=toy_code())
    through_alipay = await till.pay(700)
    assert (through_toy["status"], through_toy["channel"]) == ("paid", "wechat")
    assert (through_alipay["status"], through_alipay["channel"]) == ("paid", "alipay")
    assert [trade.fen for trade in toy.trades.values()] == [900]
    assert set(shop.egress.trades) == {through_alipay["out_trade_no"]}
    (event,) = await shop.events(through_toy["payment_id"])
    assert (event.type, event.channel) == ("payment.succeeded.v1", "wechat")


async def test_it_is_asked_until_the_buyer_has_confirmed(shop, till, toy):
    toy.script["pay"] = "waiting"
    begun = await till.pay(900, auth_code=toy_code())
    assert (begun["status"], begun["waiting_for"]) == ("pending", "buyer")
    toy.trades[begun["out_trade_no"]].status = "paid"
    await shop.place.execute("UPDATE payments SET next_poll_at = now()")
    await shop.sweep()
    assert await till.status(begun["pay_request_id"]) == "paid"
    assert toy.calls == ["pay", "query"]
    assert not shop.egress.calls


async def test_it_is_cancelled_where_it_was_begun(shop, till, toy):
    toy.script["pay"] = "waiting"
    begun = await till.pay(900, auth_code=toy_code())
    stopped = (await till.stop(begun["pay_request_id"])).json()
    assert stopped["status"] == "closed"
    assert toy.calls == ["pay", "query", "cancel"]
    assert not shop.egress.calls


async def test_it_gives_money_back(shop, till, toy):
    paid = await till.pay(900, auth_code=toy_code())
    done = (await till.refund(paid["payment_id"], 200)).json()
    assert done["state"] == "done"
    await shop.place.execute("UPDATE refunds SET finished_at = now() - interval '1 minute'")
    toy.script["refund"] = RefundFact("unclear", "timeout")
    unknown = (await till.refund(paid["payment_id"], 300)).json()
    assert unknown["state"] == "unknown"
    await shop.place.execute(
        "UPDATE refunds SET next_poll_at = now() WHERE next_poll_at IS NOT NULL"
    )
    await shop.sweep()
    assert toy.calls == ["pay", "refund", "refund", "query_refund"]
    assert await till.status(paid["pay_request_id"]) == "partially_refunded"
    assert not shop.egress.calls
    assert not await shop.broken()


async def test_a_doubtful_notice_has_it_asked(shop, till, toy):
    toy.script["pay"] = "waiting"
    begun = await till.pay(900, auth_code=toy_code())
    toy.trades[begun["out_trade_no"]].status = "paid"
    told = notice(begun["out_trade_no"], 901, channel="wechat")
    assert (await till.notify(told)).json() == {"verdicts": ["quarantined"]}
    toy.script["query"] = Unclear("timeout")
    await shop.sweep()
    assert await till.status(begun["pay_request_id"]) == "pending"
    await shop.place.execute("UPDATE notify_inbox SET next_try_at = now()")
    await shop.sweep()
    assert await till.status(begun["pay_request_id"]) == "paid"
    assert toy.calls == ["pay", "query", "query"]
    assert not shop.egress.calls


async def test_its_own_notice_settles_it_without_a_question(shop, till, toy, service_keys):
    toy.script["pay"] = "waiting"
    begun = await till.pay(900, auth_code=toy_code())
    number, body = begun["out_trade_no"], b'{"payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}'
    elsewhere = notice(number, 900)
    assert (await till.notify(elsewhere)).json() == {"verdicts": ["quarantined"]}
    told = notice(number, 900, channel="wechat", body=body)
    assert (await till.notify(told)).json() == {"verdicts": ["stored"]}
    assert await till.status(begun["pay_request_id"]) == "paid"
    assert toy.calls == ["pay"]
    desk = Desk(shop, service_keys)
    shown = (await desk("GET", f"/{till.tenant_id}/{told['app_id']}/{told['notify_id']}")).json()
    assert (shown["verdict"], shown["body_bytes"], shown["fields"]) == ("APPLIED", len(body), {})
    other = (await desk("GET", "", reason="other_app")).json()["items"]
    assert [item["notify_id"] for item in other] == [elsewhere["notify_id"]]
