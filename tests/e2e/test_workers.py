"""Several processes of one kind on one address: they share the work, they agree on what may happen
once, and the end of one of them stops nobody (docs/scale.md)."""

import asyncio
import json
import os
import re
import secrets
import select
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Settled, settle
from tests.e2e.world import PAYMENTS, World, device_headers, eventually, payment_body
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.postgres import in_thread
from tests.fixtures.processes import SLOW_POLLING, Stack, new_stack, remove_stack

SHARED = {
    "gateway-edge": 'gateway_requests_total{route="/api/device/v1/payments",status="200"}',
    "gateway-egress": 'gateway_requests_total{route="/alipay/alipay.trade.pay",status="200"}',
    "payment-api": 'http_requests_total{method="POST",status="200"}',
}
"""kind -> the sample that counts its payments"""
WORKERS = (*SHARED, "payment-worker", "order-worker", "campaign-worker")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """With a broker of its own, always the embedded one: on a common one, the workers of the shared
    stack are in the same groups and would take its events."""
    wanted = {f"WORKERS_{kind.upper().replace('-', '_')}": "2" for kind in WORKERS}
    own = new_stack(**SLOW_POLLING, **wanted, KAFKA_BOOTSTRAP="")
    try:
        yield own.up()
    finally:
        remove_stack(own)


@pytest.fixture(scope="module")
def settled(stack: Stack) -> Settled:
    found: Settled = in_thread(lambda: asyncio.run(settle(stack)))
    return found


async def sent(world: World, body: dict[str, Any], *, nonce: str | None = None) -> httpx.Response:
    """A payment on a connection of its own; the kernel picks the edge."""
    raw = json.dumps(body).encode()
    headers = device_headers(world.device, "POST", PAYMENTS, raw, nonce=nonce)
    async with httpx.AsyncClient(base_url=world.stack.public, timeout=30, verify=NO_TLS) as client:
        return await client.post(PAYMENTS, content=raw, headers=headers)


async def paid(world: World, number: int) -> list[dict[str, Any]]:
    answers = await asyncio.gather(*(sent(world, payment_body(1_00)) for _ in range(number)))
    assert [answer.status_code for answer in answers] == [200] * number
    payments = [answer.json() for answer in answers]
    assert {payment["status"] for payment in payments} == {"paid"}
    return payments


def killed(pid: int) -> None:
    """Returns when it is gone: until then the kernel may give it connections."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        ended, _, _ = select.select([handle], [], [], 20.0)
        assert ended
    finally:
        os.close(handle)


async def sample(world: World, process: str, name: str) -> float:
    async with httpx.AsyncClient(timeout=10, verify=NO_TLS) as client:
        page = (await client.get(world.stack.info["metrics"][process])).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.M)
    return float(found[1]) if found else 0.0


async def counts(world: World, kind: str) -> list[float]:
    """What each of the two made of the payments."""
    return [await sample(world, process, SHARED[kind]) for process in (kind, f"{kind}.2")]


@pytest.mark.asyncio
async def test_all_take_part_and_each_shows_metrics_of_its_own(world: World) -> None:
    for _ in range(6):
        await paid(world, 12)
    for kind in SHARED:
        assert sum(await counts(world, kind)) >= 72, kind

    async def all_took_part() -> bool:
        await paid(world, 12)
        return all([min(await counts(world, kind)) > 0 for kind in SHARED])

    # Where a link goes is chance, and it is opened anew after 30 s.
    await eventually(all_took_part, limit_s=150.0, every_s=2.0)


@pytest.mark.asyncio
async def test_they_accept_one_nonce_once(world: World) -> None:
    nonce = secrets.token_hex(16)
    bodies = [payment_body(1_01) for _ in range(10)]
    answers = await asyncio.gather(*(sent(world, body, nonce=nonce) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


@pytest.mark.asyncio
async def test_a_payment_that_all_are_asked_for_is_made_once(world: World) -> None:
    body = payment_body(1_02)
    answers = await asyncio.gather(*(sent(world, body) for _ in range(10)))
    made = [answer.json() for answer in answers if answer.status_code == 200]
    assert made
    assert len({payment["payment_id"] for payment in made}) == 1
    trades = {payment["out_trade_no"] for payment in made}
    assert len(trades) == 1
    trade = await world.trade(trades.pop())
    assert trade is not None
    assert trade["status"] == "TRADE_SUCCESS"


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", WORKERS)
async def test_the_end_of_one_stops_nobody(world: World, kind: str) -> None:
    """Nobody waits for it to be started again; its links and its partitions go to others."""
    first, second = world.stack.pids(kind)
    killed(second)
    payments = await paid(world, 8)
    for payment in payments:
        await world.order(payment["out_trade_no"])

    async def started_again() -> bool:
        pids = world.stack.pids(kind)
        return len(pids) == 2 and second not in pids

    await eventually(started_again)
    assert first in world.stack.pids(kind), "the other one went on"
