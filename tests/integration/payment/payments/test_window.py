"""No pay call begins when a cancel may be final already: it would charge the buyer after all."""

import time

import pytest

from services.payment.channels import alipay
from services.payment.payments import store
from shared.clock import SystemClock
from shared.errors import Unavailable
from tests.integration.payment.egress import CANCEL, PAY

pytestmark = pytest.mark.asyncio


@pytest.fixture
def pass_time(monkeypatch):
    """Moves the monotonic clock forward."""
    passed_s = [0.0]
    monkeypatch.setattr(SystemClock, "monotonic", lambda _: time.monotonic() + sum(passed_s))
    return passed_s.append


@pytest.fixture
def submitting(monkeypatch):
    """Runs something between the commit of a payment and what its request does next."""

    def then(step):
        submit = store.submit

        async def slow(*arguments):
            done = await submit(*arguments)
            await step()
            return done

        monkeypatch.setattr(store, "submit", slow)

    return then


@pytest.mark.parametrize(("late_s", "status"), [(5, "paid"), (7, "failed"), (31, "failed")])
async def test_after_a_long_commit_the_channel_is_not_asked(
    shop, till, submitting, pass_time, late_s, status
):
    async def late():
        pass_time(late_s)

    submitting(late)
    paid = (await till.post(till.body())).json()
    assert paid["status"] == status
    assert shop.egress.calls[PAY] == (status == "paid")
    assert len(shop.egress.captured()) == (status == "paid")
    assert await shop.broken() == {}


async def test_a_payment_that_the_clerk_stopped_meanwhile_is_not_charged(shop, till, submitting):
    """The response to the commit was lost; before its row is found the clerk stops it."""
    body = till.body()

    async def stopped_and_lost():
        await till.stop(body["pay_request_id"])
        raise Unavailable("the connection broke after the commit")

    submitting(stopped_and_lost)
    left = (await till.post(body)).json()
    assert shop.egress.calls[CANCEL] == 1
    assert shop.egress.calls[PAY] == 0
    assert left["status"] != "paid"
    await shop.sweep()
    assert await till.status(body["pay_request_id"]) in ("closed", "cancelled")
    assert shop.egress.captured() == {}
    assert await shop.broken() == {}


async def test_tries_that_could_not_be_sent_end_in_time(shop, till, monkeypatch, pass_time):
    """Each try may wait for seconds before it is certain that it was not sent."""
    tries, call_once = [], alipay.Alipay._call_once

    async def slow(self, method, *arguments):
        tries.append(method)
        pass_time(4)
        return await call_once(self, method, *arguments)

    monkeypatch.setattr(alipay.Alipay, "_call_once", slow)
    monkeypatch.setattr(alipay, "UNREACHABLE_PAUSES_S", (0.0,) * 5)
    await shop.egress.stop()
    try:
        failed = (await till.post(till.body())).json()
    finally:
        await shop.egress.start(shop.egress.port)
    assert failed["status"] == "failed"
    assert tries.count(PAY) == 2
