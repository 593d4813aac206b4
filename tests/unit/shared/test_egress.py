"""The one reading of the egress's replies: what certainly was not sent, what is unknown, and what a
check of onboarding makes of it."""

import subprocess
import sys

import orjson
import pytest

from services.payment.channels.alipay import Alipay
from services.payment.channels.port import (
    Cancelled,
    NothingToCancel,
    Paid,
    RefundFact,
    TradeClosed,
    Unclear,
    Unsent,
)
from shared.client import Reply
from shared.clock import SystemClock
from shared.contracts.egress import EgressReply, reply_of
from shared.contracts.verdicts import Verdict, is_silent, unusable
from shared.egress import EgressClient
from shared.errors import NoAnswer, NotSent, PoolFull
from tests.unit.payment.samples import payment

CALL = {"app_id": "2021000000000001", "params": {}}
UNAVAILABLE = "payment.channel_unavailable"
ROW = payment(app_id="2021000000000001", key_version=2)
SILENT, REFUSED = "platform_silent", "not_sent"


def outcome(name, *, code=None, sub_code=None, **data):
    members = {"code": code, "sub_code": sub_code, "sub_msg": "why", "key_version": 1}
    return {"outcome": name, **members, "data": data}


class Peer:
    """In place of the client: one response, or one error, for every call."""

    def __init__(self, end):
        self.end = end
        self.calls = 0
        self.path = ""

    async def call(self, _method, path, **_more):
        self.calls += 1
        self.path = path
        if isinstance(self.end, Exception):
            raise self.end
        status, document = self.end
        content = document if isinstance(document, bytes) else orjson.dumps(document)
        return Reply(status, {}, content)


PROBLEM, HTML = {"code": "some.problem"}, b"<html>"
NEVER_SENT = outcome("unknown", sent=False, reason="not_sent")
READINGS = [
    # the end of a call: its outcome, payment's word for it, the remedy of a row, and its reason
    (NotSent("x"), "not_sent", "away", SILENT, "NotSent"),
    (PoolFull("x"), "not_sent", "busy", SILENT, "PoolFull"),
    (NoAnswer("x"), "unknown", "no_answer", SILENT, "NoAnswer"),
    ((200, NEVER_SENT), "not_sent", "away", SILENT, "not_sent"),
    ((200, outcome("unknown", sent=True, reason="late")), "unknown", "unknown", SILENT, "late"),
    ((200, HTML), "unknown", "http_200", SILENT, "not_json"),
    ((200, []), "unknown", "http_200", SILENT, "status_200"),
    *(
        ((200, {**outcome("success"), **odd}), "unknown", "None", SILENT, "status_200")
        for odd in (
            {"outcome": "not_sent"}, {"outcome": "SUCCESS"}, {"outcome": ["success"]},
            {"outcome": True}, {"outcome": None}, {"data": []}, {"data": "sent"}, {"data": 1},
            {"sub_code": 7}, {"sub_msg": ["why"]}, {"key_version": "1"}, {"key_version": True},
        )
    ),
    ((200, {**outcome("success"), "code": 10000}), "unknown", "10000", SILENT, "status_200"),
    ((422, {"code": "some.problem", "errors": 7}), "not_sent", "some.problem", REFUSED,
     "status_422"),
    ((200, {"data": {}}), "unknown", "None", SILENT, "status_200"),
    ((302, HTML), "unknown", "http_302", SILENT, "not_json"),
    *(
        ((status, PROBLEM), "not_sent", "some.problem", REFUSED, f"status_{status}")
        for status in (400, 401, 403, 405, 413, 422)
    ),
    ((404, PROBLEM), "not_sent", "some.problem", "app_not_bound", None),
    ((409, PROBLEM), "not_sent", "some.problem", "app_not_bound", None),
    ((404, {"code": "not_found"}), "not_sent", "not_found", REFUSED, "status_404"),
    ((409, {"code": "egress.app_disabled"}), "not_sent", "egress.app_disabled",
     "app_switched_off", None),
    ((404, HTML), "unknown", "http_404", "app_not_bound", None),
    ((403, HTML), "unknown", "http_403", REFUSED, "status_403"),
    ((403, {}), "unknown", "None", REFUSED, "status_403"),
    ((418, PROBLEM), "unknown", "some.problem", REFUSED, "status_418"),
    ((408, PROBLEM), "unknown", "some.problem", SILENT, "status_408"),
    ((429, PROBLEM), "not_sent", "some.problem", SILENT, "status_429"),
    ((500, PROBLEM), "unknown", "some.problem", SILENT, "status_500"),
    ((502, HTML), "unknown", "http_502", SILENT, "not_json"),
    ((503, PROBLEM), "not_sent", "some.problem", SILENT, "status_503"),
]  # fmt: skip


def client_of(end):
    peer = Peer(end)
    return EgressClient(peer), peer


@pytest.mark.asyncio
@pytest.mark.parametrize(("end", "found", "word", "remedy", "reason"), READINGS)
async def test_one_reading_for_payments_and_for_rows(end, found, word, remedy, reason):
    client, _ = client_of(end)
    reply = await client.call(ROW.tenant_id, "alipay.trade.query", CALL)
    assert reply.outcome == found
    verdict = unusable(reply)
    state = None if remedy == SILENT else "failed"
    assert (verdict.state, verdict.remedy) == (state, remedy)
    assert verdict.evidence.get("reason") == reason
    assert verdict.evidence.keys() <= {"reason", "invalid"}
    assert is_silent(reply) == (remedy == SILENT)
    alipay = Alipay(client, SystemClock())
    assert await alipay.query(ROW) == Unclear(word)
    unclear = UNAVAILABLE if found == "not_sent" else word
    assert await alipay.refund(ROW, "R1", 1, None) == RefundFact("unclear", unclear)


@pytest.mark.asyncio
@pytest.mark.parametrize(("end", "found", "word", "remedy", "reason"), READINGS)
async def test_only_an_egress_that_is_away_is_called_again(
    monkeypatch, end, found, word, remedy, reason
):
    monkeypatch.setattr("services.payment.channels.alipay.UNREACHABLE_PAUSES_S", (0, 0))
    client, peer = client_of(end)
    fact, key_version = await Alipay(client, SystemClock()).pay(ROW, "2" * 18, None)
    assert fact == (Unsent(UNAVAILABLE) if found == "not_sent" else Unclear(word))
    assert peer.calls == (3 if word == "away" else 1)
    if found == "not_sent":
        assert key_version is None, "nothing was signed that was sent"


@pytest.mark.asyncio
async def test_an_outcome_about_another_order_is_none():
    client, _ = client_of((200, outcome("success", out_trade_no="ANOTHER")))
    assert await Alipay(client, SystemClock()).query(ROW) == Unclear("other_order")


def test_a_verified_outcome_is_read_whole():
    document = outcome("refused", code="40004", sub_code="ACQ.X", trade_no="T")
    reply = reply_of(200, orjson.dumps(document))
    assert reply == EgressReply(
        "refused", "40004", "ACQ.X", "why", key_version=1, data={"trade_no": "T"}, status=200
    )
    facts = {"code": "40004", "sub_code": "ACQ.X", "message": "why"}
    assert unusable(reply) == Verdict("failed", "refused", facts)
    assert not is_silent(reply)


PAY, QUERY, CANCEL = "pay", "query", "cancel"
SALE = {"out_trade_no": ROW.out_trade_no, "trade_no": "T", "total_fen": ROW.payable_fen}
SOLD = SALE | {"paid_at": "2026-11-23T04:00:00Z"}


def fact_of(call, data):
    """What one call makes of a success with these data."""
    client, _ = client_of((200, outcome("success", **data)))
    return {
        PAY: lambda alipay: alipay.pay(ROW, "2" * 18, None),
        QUERY: lambda alipay: alipay.query(ROW),
        CANCEL: lambda alipay: alipay.cancel(ROW),
    }[call](Alipay(client, SystemClock()))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "odd",
    [
        {"total_fen": ROW.payable_fen + 0.0}, {"total_fen": str(ROW.payable_fen)},
        {"total_fen": None}, {"total_fen": True}, {"trade_no": 7}, {"trade_no": None},
        {"trade_no": ""}, {"buyer_id": 2088}, {"buyer_logon_id": ["1"]}, {"paid_at": 7},
        {"paid_at": "noon"}, {"paid_at": "0001-01-01T00:00:00+08:00"},
        {"paid_at": "2026-11-23T04:00:00"},
    ],
)  # fmt: skip
async def test_a_sale_with_an_odd_member_is_not_paid(odd):
    assert isinstance(await fact_of(QUERY, SOLD | {"trade_status": "TRADE_SUCCESS"}), Paid)
    assert await fact_of(PAY, SOLD | odd) == (Unclear("incomplete"), 1)
    found = await fact_of(QUERY, SOLD | {"trade_status": "TRADE_SUCCESS"} | odd)
    assert found == Unclear("incomplete")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("data", "fact"),
    [
        ({"action": None, "retry": False}, NothingToCancel()),
        ({"action": "close", "retry": False, "trade_no": "T"}, Cancelled("close", "T")),
        ({"action": None, "retry": True}, Unclear("retry_flag")),
        ({}, Unclear("retry_flag")),
        ({"action": "close"}, Unclear("retry_flag")),
        ({"action": "close", "retry": "N"}, Unclear("retry_flag")),
        ({"retry": False}, Unclear("action")),
        ({"action": "other", "retry": False}, Unclear("action")),
        ({"action": ["close"], "retry": False}, Unclear("action")),
    ],
)
async def test_only_a_whole_response_ends_a_trade(data, fact):
    assert await fact_of(CANCEL, data) == fact


@pytest.mark.asyncio
async def test_a_closed_trade_was_unpaid_only_if_the_response_says_so():
    closed = SALE | {"trade_status": "TRADE_CLOSED"}
    assert await fact_of(QUERY, closed) == Unclear("TRADE_CLOSED")
    assert await fact_of(QUERY, closed | {"paid_at": None}) == TradeClosed(
        was_paid=False, trade_no="T"
    )
    assert await fact_of(QUERY, closed | SOLD) == TradeClosed(was_paid=True, trade_no="T")


@pytest.mark.asyncio
async def test_a_refund_is_not_done_only_if_the_response_says_so():
    for data, found in (
        ({"refunded": False, "refund_fen": 0}, RefundFact("not_done")),
        ({"refunded": True, "refund_fen": 5}, RefundFact("done")),
        ({"refunded": True, "refund_fen": 4}, RefundFact("unclear", "other_amount")),
        ({"refunded": True, "refund_fen": 5.0}, RefundFact("unclear", "other_amount")),
        ({}, RefundFact("unclear", "refunded")),
        ({"refunded": None}, RefundFact("unclear", "refunded")),
        ({"refunded": "true"}, RefundFact("unclear", "refunded")),
    ):
        client, _ = client_of((200, outcome("success", **data)))
        assert await Alipay(client, SystemClock()).query_refund(ROW, "R1", 5) == found


def test_a_call_that_does_not_fit_names_its_parameters():
    pointers = ("/params/app_desc", "/params/app_desc/0", "/params/phone", "/app_id")
    problem = {"code": "invalid_body", "errors": [{"pointer": one} for one in pointers]}
    verdict = unusable(reply_of(422, orjson.dumps(problem)))
    assert verdict.evidence == {"reason": "status_422", "invalid": ["app_desc", "phone"]}


@pytest.mark.asyncio
@pytest.mark.parametrize("channel", ["alipay", "wechat"])
async def test_each_channel_has_a_path_of_its_own(channel):
    peer = Peer((200, NEVER_SENT))
    await EgressClient(peer, channel).call(ROW.tenant_id, "pay", CALL)
    assert peer.path == f"/{channel}/pay"


def test_services_load_no_http_client():
    code = "import sys, shared.egress, shared.process; sys.exit('aiohttp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
