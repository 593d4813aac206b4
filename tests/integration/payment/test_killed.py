"""An API that is killed in the middle of a batch: each payment is still paid once, and captured
once."""

import asyncio
from collections import Counter

import asyncpg
import httpx
import pytest

from tests.integration.payment.commands import ready, start
from tests.integration.payment.conftest import PAYMENTS
from tests.integration.payment.egress import PAY, Held
from tests.integration.payment.payments.test_batches import locked
from tests.unit.sandbox_kit.waiting import until

PART = 8
"""A third of the payments: answered, captured and not answered, not yet captured."""
WITHIN_S = 60
LOCK = "SELECT 1 FROM payments WHERE state = 'SUBMITTED' FOR UPDATE"


async def kill_in_mid_batch(shop, process, held, is_undone):
    """The channel answers for a part of the payments. What books them waits for a lock when the
    process dies; the database then commits it, or, as `is_undone` says, undoes it."""
    connection = await asyncpg.connect(shop.place.superuser_url)
    try:
        async with connection.transaction():
            await connection.execute(LOCK)
            held.set()
            waiting = await locked(shop, within_s=WITHIN_S)
            process.kill()
            process.wait()
            if is_undone:
                for pid in waiting:
                    await connection.execute("SELECT pg_terminate_backend($1)", pid)
    finally:
        await connection.close()


async def begun_and_killed(settings, shop, bodies, *, is_undone):
    """Starts all payments at once at an API that is killed when a third of them is answered, and a
    third captured; the answers until then, by pay_request_id."""
    held, later = Held(), asyncio.Event()
    shop.egress.next(PAY, *[None] * PART, *[held] * PART, *[later] * PART)
    process, url = start("api", {**settings, "KAFKA_BOOTSTRAP": "127.0.0.1:1"})
    try:
        await ready(process, url)
        async with httpx.AsyncClient(base_url=url, timeout=WITHIN_S) as http:
            paying = [
                asyncio.ensure_future(http.post(PAYMENTS, json=body, headers=till.device_headers()))
                for till, body in bodies
            ]
            await until(
                lambda: (
                    sum(one.done() for one in paying) >= PART
                    and len(shop.egress.captured()) >= 2 * PART
                    and shop.egress.calls[PAY] == 3 * PART
                ),
                WITHIN_S,
            )
            await kill_in_mid_batch(shop, process, held, is_undone)
            ended = await asyncio.gather(*paying, return_exceptions=True)
    finally:
        process.kill()
        process.wait()
        held.set()
        later.set()
    # Alipay takes the money of the last third, and nobody hears it.
    await until(lambda: len(shop.egress.captured()) == 3 * PART, WITHIN_S)
    heard = [one.json() for one in ended if isinstance(one, httpx.Response)]
    lost = [one for one in ended if isinstance(one, httpx.TransportError)]
    assert min(len(heard), len(lost)) >= PART
    assert len(heard) + len(lost) == 3 * PART
    return {answer["pay_request_id"]: answer for answer in heard}


async def said(bodies):
    """What each request is answered when it is sent once more, all at once."""
    answers = await asyncio.gather(*(till.post(body) for till, body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    return {answer.json()["pay_request_id"]: answer.json() for answer in answers}


async def settle(shop):
    """Time passes, and the worker sweeps until no payment is open."""
    for row in await shop.place.fetch("SELECT payment_id FROM payments WHERE state <> 'SUCCESS'"):
        await shop.age(row["payment_id"], 30)
    async with asyncio.timeout(WITHIN_S):
        while await shop.place.value("SELECT count(*) FROM payments WHERE state <> 'SUCCESS'"):
            await shop.sweep()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("is_undone", [False, True], ids=["batch kept", "batch undone"])
@pytest.mark.asyncio
async def test_each_payment_of_a_killed_api_is_paid_once(settings, shop, is_undone):
    """F17: two merchants' payments are on their way. Every device asks again with the same id, and
    whatever was heard before stays true."""
    tills = [await shop.till(), await shop.till()]
    bodies = [(tills[n % 2], tills[n % 2].body(100 + n)) for n in range(3 * PART)]
    heard = await begun_and_killed(settings, shop, bodies, is_undone=is_undone)
    assert {answer["status"] for answer in heard.values()} == {"paid"}
    again = await said(bodies)
    assert {answer["status"] for answer in again.values()} == {"paid", "pending"}
    await settle(shop)
    final = await said(bodies)
    assert {answer["status"] for answer in final.values()} == {"paid"}
    for before in (heard, again):
        for pay_request_id, answer in before.items():
            same = final[pay_request_id]
            assert (answer["payment_id"], answer["out_trade_no"]) == (
                same["payment_id"], same["out_trade_no"],
            )  # fmt: skip

    rows = await shop.place.fetch("SELECT * FROM payments")
    kept = sorted((row["tenant_id"], row["pay_request_id"], row["payable_fen"]) for row in rows)
    assert kept == sorted(
        (till.tenant_id, body["pay_request_id"], body["amount_fen"]) for till, body in bodies
    )
    assert shop.egress.captured() == {row["out_trade_no"]: row["payable_fen"] for row in rows}
    assert shop.egress.calls[PAY] == 3 * PART, "asked to pay twice"
    told = Counter((event.subject, event.type) for event in await shop.events())
    assert told == {(str(row["payment_id"]), "payment.succeeded.v1"): 1 for row in rows}
    assert await shop.broken() == {}
