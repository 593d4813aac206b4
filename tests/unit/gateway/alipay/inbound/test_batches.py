"""Notices that wait together go to payment together; none waits for another's sake."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from tests.fixtures.keys import RsaPair
from tests.unit.gateway.alipay.inbound.test_notify import FIELDS, send, signed
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import Got, Seen

pytestmark = pytest.mark.asyncio


class Payment:
    """Payment as the edge sees it: holds each call until it may answer."""

    def __init__(self, town: Town) -> None:
        self.calls: list[list[str]] = []
        """the notify_ids of each call"""
        self.words: dict[str, str] = {}
        self.gates: dict[int, asyncio.Event] = {}
        town.payment.on("POST", "/internal/notify", self._answer)

    def hold(self, number: int) -> asyncio.Event:
        """The call of that number waits for the event."""
        return self.gates.setdefault(number, asyncio.Event())

    async def _answer(self, seen: Seen) -> Any:
        ids = [item["notify_id"] for item in seen.json()["items"]]
        self.calls.append(ids)
        if gate := self.gates.get(len(self.calls)):
            await gate.wait()
        return {"verdicts": [self.words.get(one, "stored") for one in ids]}

    async def called(self, times: int) -> None:
        while len(self.calls) < times:
            await asyncio.sleep(0.001)


def told(town: Town, keys: RsaPair, number: int, **more: str) -> "asyncio.Future[Got]":
    """One delivery of its own notice, on its way."""
    fields = signed(keys, {**FIELDS, "notify_id": f"n{number}", **more})
    return asyncio.ensure_future(send(town, urlencode(fields).encode()))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes beside a call because it is slow."""
    monkeypatch.setattr("shared.batches.WAIT_MAX_S", 3600)


@pytest.mark.usefixtures("patient")
async def test_what_waits_for_a_call_goes_with_the_next_one(
    town: Town, alipay_keys: RsaPair
) -> None:
    payment = Payment(town)
    gate = payment.hold(1)
    first = told(town, alipay_keys, 0)
    await payment.called(1)
    others = [told(town, alipay_keys, number) for number in range(1, 6)]
    await asyncio.sleep(0.2)
    assert payment.calls == [["n0"]], "the others wait for its answer"
    payment.words = {"n2": "quarantined", "n3": "failed", "n5": "refused"}
    gate.set()
    assert (await first).body == b"success"
    words = [(await other).body for other in others]
    assert words == [b"success", b"success", b"fail", b"success", b"fail"]
    assert [sorted(call) for call in payment.calls] == [["n0"], ["n1", "n2", "n3", "n4", "n5"]]


async def test_one_after_the_other_each_goes_by_itself(town: Town, alipay_keys: RsaPair) -> None:
    payment = Payment(town)
    for number in range(3):
        assert (await told(town, alipay_keys, number)).body == b"success"
    assert payment.calls == [["n0"], ["n1"], ["n2"]]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.alipay.inbound.notify.GATHER_S", 1.0)


def counted() -> list[float]:
    """The calls, their notices, and the calls of more than two notices."""
    calls, notices, few = (
        REGISTRY.get_sample_value(f"notify_batch_notices_{part}", labels) or 0
        for part, labels in (("count", {}), ("sum", {}), ("bucket", {"le": "2.0"}))
    )
    return [calls, notices, calls - few]


async def test_notices_that_come_soon_after_each_other_go_together(
    unhurried: None, patient: None, town: Town, alipay_keys: RsaPair
) -> None:
    payment, before = Payment(town), counted()
    others = []
    for number in range(3):
        others.append(told(town, alipay_keys, number))
        await asyncio.sleep(0.05)
    assert payment.calls == []
    assert [(await other).body for other in others] == [b"success"] * 3
    assert payment.calls == [["n0", "n1", "n2"]]
    rises = [now - then for now, then in zip(counted(), before, strict=True)]
    assert rises == [1, 3, 1], "the metric counts one call of three notices"


async def test_a_slow_call_holds_nobody_up(town: Town, alipay_keys: RsaPair) -> None:
    """The first call is not answered before all the others are."""
    payment = Payment(town)
    gate = payment.hold(1)
    first = told(town, alipay_keys, 0)
    await payment.called(1)
    for number in range(1, 4):
        assert (await told(town, alipay_keys, number)).body == b"success"
    assert not first.done()
    gate.set()
    assert (await first).body == b"success"


@pytest.mark.usefixtures("patient")
async def test_a_batch_that_is_not_answered_for_fails_as_a_whole(
    town: Town, alipay_keys: RsaPair
) -> None:
    """Rule 10: nobody is told success, and the next ones are asked about again."""
    payment = Payment(town)
    gate = payment.hold(1)
    first = told(town, alipay_keys, 0)
    await payment.called(1)
    others = [told(town, alipay_keys, number) for number in range(1, 4)]
    await asyncio.sleep(0.2)
    town.payment.on("POST", "/internal/notify", lambda _s: web.json_response({}, status=503))
    gate.set()
    assert (await first).body == b"success"
    assert [(await other).body for other in others] == [b"fail"] * 3
    Payment(town)
    assert (await told(town, alipay_keys, 1)).body == b"success"


@pytest.mark.usefixtures("patient")
async def test_one_that_is_gone_costs_the_others_nothing(town: Town, alipay_keys: RsaPair) -> None:
    payment = Payment(town)
    gate = payment.hold(1)
    first = told(town, alipay_keys, 0)
    await payment.called(1)
    others = [told(town, alipay_keys, number) for number in range(1, 4)]
    await asyncio.sleep(0.2)
    others[1].cancel()
    first.cancel()
    gate.set()
    assert (await others[0]).body == b"success"
    assert (await others[2]).body == b"success"
    assert (await told(town, alipay_keys, 9)).body == b"success"


@pytest.mark.usefixtures("patient")
async def test_a_batch_has_a_size(town: Town, alipay_keys: RsaPair) -> None:
    """In documents and in bytes, so that payment takes the body; what is left goes beside it."""
    payment = Payment(town)
    gate = payment.hold(1)
    first = told(town, alipay_keys, 0)
    await payment.called(1)
    large = [told(town, alipay_keys, n, passback_params="x" * 60_000) for n in range(1, 7)]
    small = [told(town, alipay_keys, n) for n in range(7, 7 + 64 + 5)]
    await asyncio.sleep(0.5)
    gate.set()
    answers = await asyncio.gather(first, *large, *small)
    assert {answer.body for answer in answers} == {b"success"}
    assert sum(len(call) for call in payment.calls) == len(answers)
    assert max(len(call) for call in payment.calls) <= 64
    assert max(len(seen.body) for seen in town.payment.calls("notify")) <= 192 * 1024 + 1000
    assert len(payment.calls) > 3
