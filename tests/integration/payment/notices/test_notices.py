"""Notifications: stored once, believed only where they agree with our own books."""

import asyncio
import base64
import itertools

import pytest

from shared.contracts.events.payment import PaymentSucceeded
from tests.integration.payment.conftest import APP_ID, SELLER_ID
from tests.integration.payment.egress import PAY, QUERY

pytestmark = pytest.mark.asyncio

_numbers = itertools.count(1)


def notice(out_trade_no, /, total_fen=1207, body=None, **changed):
    """The document the edge hands over for a genuine notification."""
    notify_id = f"{next(_numbers):034d}"
    if body is None:
        body = f"notify_id={notify_id}&out_trade_no={out_trade_no}".encode()
    return {
        "channel": "alipay",
        "app_id": APP_ID,
        "notify_id": notify_id,
        "kind": "paid",
        "fault": None,
        "out_trade_no": out_trade_no,
        "trade_no": "2026000000000000000000000000",
        "out_request_no": None,
        "seller_id": SELLER_ID,
        "buyer_id": "2088buyer",
        "buyer_logon_id": None,
        "total_fen": total_fen,
        "refunded_fen": None,
        "paid_at": "2026-11-23T04:00:00Z",
        "body_b64": base64.b64encode(body).decode(),
        "received_at": "2026-11-23T04:00:01Z",
        "request_id": "edge-1",
    } | changed


async def _inbox(shop):
    return [
        (row["state"], row["detail"])
        for row in await shop.place.fetch("SELECT * FROM notify_inbox ORDER BY received_at")
    ]


async def test_notice_before_the_answer(shop, till):
    """F9: it settles the payment at once; the answer that comes later changes nothing."""
    gate = asyncio.Event()
    shop.egress.next(PAY, gate)
    asked = asyncio.ensure_future(till.post(till.body(1207)))
    while not shop.egress.calls[PAY]:
        await asyncio.sleep(0.01)
    number = shop.egress.asked[0][1]["params"]["out_trade_no"]
    answer = await till.notify(**notice(number))
    assert (answer.status_code, answer.json()) == (200, {"verdicts": ["stored"]})
    assert await shop.place.value("SELECT state FROM payments") == "SUCCESS"
    gate.set()
    paid = (await asked).json()
    assert paid["status"] == "paid"
    (event,) = await shop.events(paid["payment_id"])
    assert isinstance(event, PaymentSucceeded)
    assert event.paid_at.isoformat() == "2026-11-23T04:00:00+00:00"
    assert await _inbox(shop) == [("APPLIED", None)]
    assert await shop.broken() == {}


@pytest.mark.parametrize("step", ["in_process", "lost_answer"])
async def test_a_hundred_copies_are_one_effect(shop, till, step):
    """F10, G6."""
    shop.egress.next(PAY, step)
    first = await till.pay(1207)
    document = notice(first["out_trade_no"])
    answers = await asyncio.gather(*(till.notify(**document) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    verdicts = [word for answer in answers for word in answer.json()["verdicts"]]
    assert sorted(verdicts) == ["duplicate"] * 99 + ["stored"]
    assert await shop.said(first["payment_id"]) == ["payment.succeeded.v1"]
    assert await _inbox(shop) == [("APPLIED", None)]
    assert await shop.broken() == {}


async def test_a_notice_of_what_we_know_is_a_duplicate(shop, till):
    paid = await till.pay(1207)
    trade_no = shop.egress.trades[paid["out_trade_no"]]["trade_no"]
    for _ in range(2):
        document = notice(paid["out_trade_no"], trade_no=trade_no)
        assert (await till.notify(**document)).json() == {"verdicts": ["duplicate"]}
    assert await _inbox(shop) == [("DUPLICATE", None)] * 2
    assert await shop.said(paid["payment_id"]) == ["payment.succeeded.v1"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"total_fen": 1206}, "other_amount"),
        ({"total_fen": 120_700}, "other_amount"),
        ({"total_fen": None}, "other_amount"),
        ({"seller_id": "2088999999999999"}, "other_seller"),
        ({"app_id": "2021999"}, "other_app"),
        ({"channel": "wechat"}, "other_app"),
        ({"seller_id": None}, "incomplete"),
        ({"trade_no": None}, "incomplete"),
        ({"paid_at": None}, "incomplete"),
        ({"kind": "other", "fault": "unknown_status"}, "unknown_status"),
        ({"fault": "other_currency"}, "other_currency"),
        ({"fault": "other_currency", "total_fen": 1206}, "other_amount"),
        ({"out_trade_no": "NEVERHEARDOF"}, "unknown_trade"),
        ({"out_trade_no": "NEVERHEARDOF", "fault": "other_currency"}, "unknown_trade"),
        ({"out_trade_no": "", "fault": "no_trade"}, "no_trade"),
    ],
)
async def test_what_does_not_agree_is_quarantined_and_asked(shop, till, changed, why):
    """Protocol §3.4: genuine, and yet nothing moves; the channel is asked at once."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    answer = await till.notify(**notice(first["out_trade_no"], **changed))
    assert answer.json() == {"verdicts": ["quarantined"]}
    assert await _inbox(shop) == [("MISMATCH", why)]
    row = await shop.row(first["payment_id"])
    assert row["state"] == "PAYING"
    if why not in ("unknown_trade", "no_trade"):
        await shop.sweep()
        assert shop.egress.calls[QUERY] == 1
        assert await shop.place.value("SELECT query_said FROM notify_inbox") == "waiting"
        assert await shop.place.value("SELECT next_try_at FROM notify_inbox") is None
    assert (await shop.row(first["payment_id"]))["state"] == "PAYING"


async def test_another_merchants_notice_finds_nothing(shop, till):
    """G7: the tenant is the one whose key verified it."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    stranger = await shop.till()
    answer = await stranger.notify(**notice(first["out_trade_no"]))
    assert answer.json() == {"verdicts": ["quarantined"]}
    assert await shop.state(first["payment_id"]) == "PAYING"


async def test_another_trade_under_our_number(shop, till):
    paid = await till.pay(1207)
    answer = await till.notify(**notice(paid["out_trade_no"], trade_no="2026999"))
    assert answer.json() == {"verdicts": ["quarantined"]}
    assert await _inbox(shop) == [("MISMATCH", "other_trade")]


async def test_a_refund_notice_is_no_second_payment(shop, till):
    """Protocol §3.6: TRADE_SUCCESS with refund members; of ours, or of nobody we know."""
    shop.egress.next(PAY, "lost_answer")
    first = await till.pay(1207)
    odd = notice(
        first["out_trade_no"],
        trade_no=shop.egress.trades[first["out_trade_no"]]["trade_no"],
        kind="refund",
        refunded_fen=100,
        out_request_no="X1",
    )
    assert (await till.notify(**odd)).json() == {"verdicts": ["stored"]}
    assert await shop.state(first["payment_id"]) == "UNKNOWN", "not taken for a payment"
    await shop.sweep()
    assert await shop.state(first["payment_id"]) == "SUCCESS"
    refund = (await till.refund(first["payment_id"], 100)).json()
    number = await shop.place.value(
        "SELECT out_request_no FROM refunds WHERE refund_request_id = $1",
        refund["refund_request_id"],
    )
    known = odd | {"notify_id": "known", "out_request_no": number}
    assert (await till.notify(**known)).json() == {"verdicts": ["duplicate"]}
    unknown = odd | {"notify_id": "unknown", "out_request_no": "X2"}
    assert (await till.notify(**unknown)).json() == {"verdicts": ["quarantined"]}
    assert await shop.broken() == {}


async def test_closed_with_refund_members_is_no_timeout(shop, till):
    """Protocol §3.6, F11: a full refund's TRADE_CLOSED must not close a paid payment."""
    paid = await till.pay(1207)
    refunded = (await till.refund(paid["payment_id"], 1207)).json()
    assert refunded["status"] == "done"
    document = notice(
        paid["out_trade_no"],
        trade_no=shop.egress.trades[paid["out_trade_no"]]["trade_no"],
        kind="refund",
        refunded_fen=1207,
        out_request_no=await shop.place.value("SELECT out_request_no FROM refunds"),
    )
    assert (await till.notify(**document)).json() == {"verdicts": ["duplicate"]}
    assert await till.status(paid["pay_request_id"]) == "refunded"
    plain = notice(
        paid["out_trade_no"],
        trade_no=shop.egress.trades[paid["out_trade_no"]]["trade_no"],
        kind="closed",
    )
    assert (await till.notify(**plain)).json() == {"verdicts": ["duplicate"]}


async def test_closed_while_we_wait_is_looked_into(shop, till):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    trade = shop.egress.trades[first["out_trade_no"]]
    trade["status"] = "TRADE_CLOSED"
    document = notice(first["out_trade_no"], trade_no=trade["trade_no"], kind="closed")
    assert (await till.notify(**document)).json() == {"verdicts": ["stored"]}
    await shop.place.execute("UPDATE notify_inbox SET next_try_at = now()")
    await shop.sweep(2)
    assert await till.status(first["pay_request_id"]) == "closed"
    await shop.place.execute("UPDATE notify_inbox SET next_try_at = now() WHERE state = 'RECEIVED'")
    await shop.sweep()
    assert await _inbox(shop) == [("DUPLICATE", "settled_before")]


async def test_money_told_of_after_the_end(shop, till):
    """F13: closed, then a genuine notice: the query agrees, so a case, never silence."""
    shop.egress.next(PAY, "lost_request")
    first = await till.pay(1207)
    await till.stop(first["pay_request_id"])
    shop.egress._pay({"out_trade_no": first["out_trade_no"], "total_fen": 1207}, None)
    document = notice(
        first["out_trade_no"],
        trade_no=shop.egress.trades[first["out_trade_no"]]["trade_no"],
    )
    assert (await till.notify(**document)).json() == {"verdicts": ["stored"]}
    assert await till.status(first["pay_request_id"]) == "closed"
    await shop.place.execute("UPDATE notify_inbox SET next_try_at = now()")
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "late_paid"
    assert await _inbox(shop) == [("APPLIED", None)]
    assert await shop.broken() == {}


async def test_paid_notice_during_the_cancel_waits_for_its_end(shop, till):
    """F7, §4.9: the query wins; here the cancel had given the money back."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    shop.egress.always("alipay.trade.cancel", 500)
    await till.stop(first["pay_request_id"])
    shop.egress.confirm(first["out_trade_no"])
    trade_no = shop.egress.trades[first["out_trade_no"]]["trade_no"]
    answer = await till.notify(**notice(first["out_trade_no"], trade_no=trade_no))
    assert answer.json() == {"verdicts": ["stored"]}
    assert await shop.state(first["payment_id"]) == "CANCELLING"
    shop.egress.heal()
    for _ in range(2):
        await shop.place.execute("UPDATE payments SET next_poll_at = now(), lease_until = NULL"
                                 " WHERE state = 'CANCELLING'")  # fmt: skip
        await shop.place.execute(
            "UPDATE notify_inbox SET next_try_at = now() WHERE state = 'RECEIVED'"
        )
        await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "reversed"
    assert await _inbox(shop) == [("DUPLICATE", "settled_before")]
    assert shop.egress.captured() == {}
    assert await shop.broken() == {}


async def test_a_crash_between_store_and_apply_is_made_good(shop, till, monkeypatch):
    """F16: the notice is committed, the process dies; the worker applies it."""
    from services.payment.notices import settlement

    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)

    async def dies(*_):
        raise RuntimeError("killed")

    apply_notice = settlement.apply_notice
    monkeypatch.setattr(settlement, "apply_notice", dies)
    document = notice(first["out_trade_no"])
    assert (await till.notify(**document)).json() == {"verdicts": ["failed"]}
    monkeypatch.setattr(settlement, "apply_notice", apply_notice)
    assert (await till.notify(**document)).json() == {"verdicts": ["duplicate"]}
    await shop.place.execute("UPDATE notify_inbox SET next_try_at = now()")
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
    assert await _inbox(shop) == [("APPLIED", None)]


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_notices_ends_the_same(shop, till, seed):
    """F11: paid, closed-by-refund and the answer, in every order, twice each."""
    shop.egress.next(PAY, "lost_answer")
    first = await till.pay(1207)
    trade_no = shop.egress.trades[first["out_trade_no"]]["trade_no"]
    paid = notice(first["out_trade_no"], trade_no=trade_no)
    waiting = notice(first["out_trade_no"], trade_no=trade_no, kind="waiting")
    closed = notice(first["out_trade_no"], trade_no=trade_no, kind="closed")
    order = list(itertools.permutations((paid, waiting, closed)))[seed]
    for document in (*order, *order):
        assert (await till.notify(**document)).status_code == 200
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
    assert await shop.said(first["payment_id"]) == ["payment.succeeded.v1"]


async def test_only_the_edge_hands_notices_over(shop, till, service_keys):
    """§5.2: a notice is believed because the edge verified it, so nobody else may bring one."""
    token = service_keys.signer("campaign").issue(
        "payment", kind="service", subject="campaign", tenant_id=till.tenant_id
    )
    for path in ("/internal/notify", "/internal/notify-refusals"):
        answer = await shop.http.post(
            path, json=notice("X"), headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 403


async def test_repeats_are_counted_and_their_words_compared(shop, till):
    """F10: a known id that says something else is an alarm, never news."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    document = notice(first["out_trade_no"])
    assert (await till.notify(**document)).json() == {"verdicts": ["stored"]}
    assert (await till.notify(**document)).json() == {"verdicts": ["duplicate"]}
    other = document | {"total_fen": 9900}
    assert (await till.notify(**other)).json() == {"verdicts": ["quarantined"]}
    (row,) = await shop.place.fetch("SELECT * FROM notify_inbox")
    assert (row["state"], row["deliveries"], row["last_detail"]) == ("APPLIED", 3, "reused_id")
    assert (row["total_fen"], row["body"]) == (1207, base64.b64decode(document["body_b64"]))
    assert await till.status(first["pay_request_id"]) == "paid"
    assert await shop.said(first["payment_id"]) == ["payment.succeeded.v1"]


@pytest.mark.parametrize("is_paid", [True, False])
async def test_the_query_decides_and_never_the_mismatch(shop, till, is_paid):
    """§5.8.10: the quarantined notice says another amount; what holds is what the channel says."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    if is_paid:
        shop.egress.confirm(first["out_trade_no"])
    await till.notify(**notice(first["out_trade_no"], total_fen=9900))
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == ("paid" if is_paid else "pending")
    (row,) = await shop.place.fetch("SELECT * FROM notify_inbox")
    said = "paid" if is_paid else "waiting"
    assert (row["state"], row["query_said"], row["next_try_at"]) == ("MISMATCH", said, None)
    assert await shop.broken() == {}


async def test_a_mismatch_about_a_settled_payment_is_asked_about_too(shop, till):
    paid = await till.pay(1207)
    before = shop.egress.calls[QUERY]
    await till.notify(**notice(paid["out_trade_no"], trade_no="2026999"))
    await shop.sweep()
    assert shop.egress.calls[QUERY] == before + 1
    assert await till.status(paid["pay_request_id"]) == "paid"
    assert await shop.place.value("SELECT query_said FROM notify_inbox") == "paid"


async def test_without_an_answer_the_channel_is_asked_again(shop, till):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    await till.notify(**notice(first["out_trade_no"], total_fen=9900))
    shop.egress.always(QUERY, 500)
    await shop.sweep()
    (row,) = await shop.place.fetch("SELECT * FROM notify_inbox")
    assert row["query_said"].startswith("unclear")
    assert row["next_try_at"] is not None
    shop.egress.heal()
    await shop.place.execute("UPDATE notify_inbox SET next_try_at = now()")
    await shop.sweep()
    assert await shop.place.value("SELECT query_said FROM notify_inbox") == "waiting"


async def test_late_money_of_another_amount_is_a_case_and_not_ours(shop, till):
    """G1: a closed payment, and the channel shows money of another amount under its number."""
    shop.egress.next(PAY, "lost_request")
    first = await till.pay(1207)
    await till.stop(first["pay_request_id"])
    shop.egress._pay({"out_trade_no": first["out_trade_no"], "total_fen": 9900}, None)
    trade_no = shop.egress.trades[first["out_trade_no"]]["trade_no"]
    document = notice(first["out_trade_no"], total_fen=9900, trade_no=trade_no)
    assert (await till.notify(**document)).json() == {"verdicts": ["quarantined"]}
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "closed"
    assert await shop.place.value("SELECT kind FROM payment_cases") == "amount_mismatch"
    assert await shop.place.value("SELECT query_said FROM notify_inbox") == "paid"
    assert await shop.broken() == {}


async def test_the_largest_notice_that_the_edge_takes(shop, till):
    """§5.8.1: 64 KB of form, handed over byte for byte."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    document = notice(first["out_trade_no"], body=b"x" * 65_536)
    assert (await till.notify(**document)).json() == {"verdicts": ["stored"]}
    assert await shop.place.value("SELECT length(body) FROM notify_inbox") == 65_536
