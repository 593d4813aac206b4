"""Calls to the egress and its answers, messages and refused notices: their writers write the golden
files, their readers read them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints
from uuid import UUID

import orjson
import pytest
from pydantic import BaseModel

from gateway.alipay.client import AlipayCall
from gateway.alipay.inbound.messages import Messages
from gateway.alipay.inbound.signed import Delivery
from gateway.alipay.methods.row import CallResult
from gateway.alipay.methods.table import METHODS
from gateway.alipay.protocol.envelope import AlipayResponse
from gateway.egress import _CallBody
from gateway.reports.refusals import _item, _Tally
from services.device.releases.schemas import MessageBody
from services.payment.channels.alipay import Alipay
from services.payment.notices.schemas import RefusalBody, RefusalsBody
from shared.client import Reply
from shared.clock import SystemClock
from shared.contracts import egress, reports
from shared.contracts.documents import CredentialOut
from shared.contracts.verdicts import Verdict, unusable
from shared.egress import EgressClient
from tests.unit.payment.samples import payment

GOLDEN = Path(__file__).parent / "golden"
TENANT = UUID("01900000-0000-7000-8000-000000000001")
APP_ID = "2021000000000001"
TRADE = "20261123040000ABCDEFGHIJKLMNOPQR"
AT = datetime(2026, 11, 23, 4, 0, 6, tzinfo=UTC)
FIRST = datetime(2026, 11, 23, 4, 0, 0, tzinfo=UTC)

RECEIVED: dict[str, type[BaseModel]] = {
    "egress_call": _CallBody,
    "message": MessageBody,
    "refusals": RefusalsBody,
}
PAIRS: list[tuple[Any, type[BaseModel]]] = [
    (egress.EgressRequest, _CallBody),
    (reports.VerifiedMessage, MessageBody),
    (reports.RefusedNotices, RefusalBody),
]


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def wire(document: Any) -> Any:
    """As the other side gets it."""
    return json.loads(orjson.dumps(document))


def test_a_sealed_key_is_in_no_error() -> None:
    with pytest.raises(ValueError, match="key_box") as found:
        CredentialOut.model_validate({"key_box": ["sealed-key"]})
    assert "sealed-key" not in str(found.value)


@pytest.mark.parametrize("name", RECEIVED)
def test_what_is_received_reads_its_golden_file(name: str) -> None:
    RECEIVED[name].model_validate_json(json.dumps(golden(name)))


@pytest.mark.parametrize(("sent", "received"), PAIRS, ids=lambda one: one.__name__)
def test_sender_and_receiver_mean_the_same_members(sent: Any, received: type[BaseModel]) -> None:
    fields = received.model_fields
    assert set(get_type_hints(sent)) == set(fields)
    assert sent.__required_keys__ == {name for name, f in fields.items() if f.is_required()}


def test_what_the_gateway_reports_of_refused_notices() -> None:
    known = _item(
        (TENANT, APP_ID, "bad_signature"), _Tally(3, FIRST, AT, "203.0.113.7", "T1", b"a=1")
    )
    unknown = _item((None, "", "unknown_route"), _Tally(1, FIRST, FIRST, "203.0.113.7", "", b""))
    assert {"items": wire([known, unknown])} == golden("refusals")


class Asked:
    """Stands where a peer's client does, and keeps what it was sent."""

    def __init__(self, status: int, answer: Any) -> None:
        self._reply = Reply(status, {}, orjson.dumps(answer))
        self._answer = answer
        self.body: Any = None

    async def call(self, _method: str, _path: str, *, body: Any, **_more: Any) -> Reply:
        self.body = json.loads(body) if isinstance(body, bytes) else wire(body)
        return self._reply

    async def call_ok(self, _method: str, _path: str, *, body: Any, **_more: Any) -> Any:
        self.body = wire(body)
        return self._answer


@pytest.mark.asyncio
async def test_a_message_on_its_way_to_device() -> None:
    device: Any = Asked(200, {"verdict": "stored"})
    fields = golden("message")["fields"]
    at = AT.replace(microsecond=250_000)
    delivery = Delivery(TENANT, APP_ID, fields, b"app_id=2021", at, "edge-1")
    assert await Messages(device).commit(delivery) == "stored"
    assert device.body == golden("message")


def called(outcome: Mapping[str, Any]) -> AlipayCall:
    method = METHODS["alipay.trade.pay"]
    if outcome["outcome"] == "unknown":
        return AlipayCall(method, CallResult("unknown", reason="not_sent"), 2)
    answer = AlipayResponse("ok", outcome["code"], outcome["sub_code"], outcome["sub_msg"])
    return AlipayCall(method, CallResult("refused"), 2, answer)


@pytest.mark.parametrize("name", ["egress_answer", "egress_answer_unknown"])
def test_what_the_egress_answers(name: str) -> None:
    assert wire(called(golden(name)).document()) == golden(name)
    assert set(golden(name)) == set(get_type_hints(egress.EgressResponse))


@pytest.mark.asyncio
async def test_payment_asks_the_egress_and_reads_its_answer() -> None:
    peer: Any = Asked(200, golden("egress_answer"))
    row = payment(app_id=APP_ID, key_version=2, out_trade_no=TRADE)
    alipay = Alipay(EgressClient(peer), SystemClock())
    answer = await alipay._call_once("alipay.trade.query", row, {"out_trade_no": TRADE})
    assert peer.body == golden("egress_call")
    assert (answer.outcome, answer.sub_code, answer.message, answer.key_version) == (
        "refused", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "余额不足", 2,
    )  # fmt: skip
    peer = Asked(200, golden("egress_answer_unknown"))
    alipay = Alipay(EgressClient(peer), SystemClock())
    never = await alipay._call_once("alipay.trade.query", row, {})
    assert never.outcome == "not_sent"


@pytest.mark.asyncio
async def test_binding_asks_the_egress_and_reads_its_answer() -> None:
    peer: Any = Asked(200, golden("egress_answer"))
    params = {"out_trade_no": TRADE}
    said = await EgressClient(peer).check_key(
        TENANT, {"app_id": APP_ID, "key_version": 2, "params": params}
    )
    assert peer.body == golden("egress_call")
    assert (said.outcome, said.code, said.message) == ("refused", "40004", "余额不足")
    peer = Asked(200, golden("egress_answer_unknown"))
    never = await EgressClient(peer).call(
        TENANT, "alipay.trade.query", {"app_id": APP_ID, "params": {}}
    )
    assert unusable(never) == Verdict(None, "platform_silent", {"reason": "not_sent"})
