"""One chaos run from start to verdict."""

import asyncio
import base64
import secrets
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.sandbox.dragonfly.device import Identity
from tests.chaos.errands import Owner, odd_notices
from tests.chaos.judge import Judge
from tests.chaos.killer import Killer
from tests.chaos.shop import Shop
from tests.chaos.verdict import STUCK_LIMIT_S, Verdict
from tests.fixtures.console import Console
from tests.fixtures.processes import Stack, new_stack, remove_stack

# Faults of the channel: (method, fault, probability, arguments).
FAULTS: tuple[tuple[str, str, float, dict[str, Any]], ...] = (
    ("alipay.trade.pay", "drop_answer", 0.03, {}),
    ("alipay.trade.pay", "drop_request", 0.02, {}),
    ("alipay.trade.pay", "in_process", 0.04, {"ms": 1500}),
    ("alipay.trade.pay", "delay", 0.05, {"ms": 800}),
    ("alipay.trade.pay", "bad_signature", 0.02, {}),
    ("alipay.trade.query", "drop_answer", 0.03, {}),
    ("alipay.trade.query", "bad_signature", 0.02, {}),
    ("alipay.trade.cancel", "drop_answer", 0.05, {}),
    ("alipay.trade.cancel", "wrong_key", 0.02, {}),
    ("alipay.trade.refund", "drop_answer", 0.10, {}),
    ("alipay.trade.refund", "bad_signature", 0.05, {}),
)
SETTLE_POLL_S = 0.5
WIPES = 2
WIPE_WAIT_S = 4.0


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    payments: int
    seconds: float | None
    seed: int
    pace: float
    devices: int
    period_s: float
    kafka_bootstrap: str = ""
    is_kept: bool = False


def _say(line: str) -> None:
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()


async def run(options: Options) -> Verdict:
    """The verdict; the stack is stopped whatever happens."""
    extra = {"KAFKA_BOOTSTRAP": options.kafka_bootstrap} if options.kafka_bootstrap else {}
    stack = new_stack(**extra)
    try:
        stack.up()
        return await _judge_run(stack, options)
    finally:
        if options.is_kept:
            stack.down()
            _say(f"kept: {stack.run_dir}")
        else:
            remove_stack(stack)


async def _judge_run(stack: Stack, options: Options) -> Verdict:
    devices = await _enrol(stack, options.devices)
    async with Owner(stack, options.seed) as owner:
        return await _sold_and_judged(stack, options, devices, owner)


async def _sold_and_judged(
    stack: Stack, options: Options, devices: list[Identity], owner: Owner
) -> Verdict:
    shop = Shop(devices, owner, payments=options.payments, pace=options.pace, seed=options.seed)
    killer = Killer(stack, options.seed, shop.burst, period_s=options.period_s)
    judge = Judge(stack, shop)
    verdict = Verdict(seed=options.seed)
    await _break_channel(stack, verdict)
    _say(f"selling {options.payments} times at {options.pace}/s on {options.devices} devices")
    selling = asyncio.ensure_future(shop.run())
    killing = asyncio.ensure_future(killer.run())
    watching = asyncio.ensure_future(verdict.batches.watch(stack))
    notices = odd_notices(stack, shop.numbers, options.seed, verdict.notices)
    notifying = asyncio.ensure_future(notices)
    verdict.sold_s = await _until_sold(shop, selling, options)
    killing.cancel()
    notifying.cancel()
    await asyncio.gather(notifying, return_exceptions=True)
    async with httpx.AsyncClient(base_url=stack.admin, timeout=10) as admin:
        verdict.faults.update(await judge.fault_counts(admin))
        await admin.delete("/faults")
    healed_at = time.monotonic()
    _say(f"{sum(killer.kills.values())} kills, {shop.burst_sales} sales in bursts; healing")
    verdict.stuck = await _settle(judge, selling, healed_at)
    verdict.stuck_after_s = time.monotonic() - healed_at
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    if stack.info["kafka"]["kind"] == "embedded":
        await _wipe(stack, killer, judge)
    verdict.kills = killer.kills
    verdict.burst_sales = shop.burst_sales
    verdict.faults.update(killer.restarts)
    await judge.fill(verdict)
    return verdict


async def _enrol(stack: Stack, count: int) -> list[Identity]:
    demo = stack.info["demo"]
    owner = demo["owner"]
    async with Console(stack.public, owner["login"], owner["password"]) as console:
        found = [
            await console.enrol(demo["store_id"], f"CHAOS{secrets.token_hex(4)}")
            for _ in range(count)
        ]
    return [
        Identity(
            stack.public,
            one.device_id,
            one.key_id,
            base64.b64encode(one.key).decode(),
            one.sn,
        )
        for one in found
    ]


async def _break_channel(stack: Stack, verdict: Verdict) -> None:
    async with httpx.AsyncClient(base_url=stack.admin, timeout=10) as admin:
        for method, fault, probability, args in FAULTS:
            wanted = {"method": method, "fault": fault, "probability": probability, "args": args}
            (await admin.post("/faults", json=wanted)).raise_for_status()
    verdict.faults.clear()


async def _until_sold(shop: Shop, selling: "asyncio.Future[None]", options: Options) -> float:
    """Until the last sale has begun (kills go on that long), or the time is up; how long it
    took."""
    started = time.monotonic()
    limit_s = options.seconds or 3600.0 * 8
    while not selling.done() and time.monotonic() - started < limit_s:
        if shop.steady_sales >= options.payments:
            break
        await asyncio.sleep(0.2)
    shop.stop_selling.set()
    return time.monotonic() - started


async def _settle(judge: Judge, selling: "asyncio.Future[None]", healed_at: float) -> int:
    """Waits until every sale, payment and event is final; returns how many are not in time."""
    open_ones = 1
    while time.monotonic() - healed_at < STUCK_LIMIT_S:
        open_ones = await judge.count_open()
        if open_ones == 0 and selling.done():
            break
        await asyncio.sleep(SETTLE_POLL_S)
    if not selling.done():
        selling.cancel()
    (ended,) = await asyncio.gather(selling, return_exceptions=True)
    if isinstance(ended, BaseException):
        _say("the shop broke off: " + "".join(traceback.format_exception(ended)))
    return open_ones


async def _wipe(stack: Stack, killer: Killer, judge: Judge) -> None:
    """After all events were published, the broker is wiped twice; the relays publish all again."""
    for _ in range(WIPES):
        before = stack.pids("broker")
        killer.strike("broker")
        deadline = time.monotonic() + 15
        while stack.pids("broker") in ([], before) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        await asyncio.sleep(WIPE_WAIT_S)
    deadline = time.monotonic() + STUCK_LIMIT_S
    while await judge.count_open() and time.monotonic() < deadline:
        await asyncio.sleep(SETTLE_POLL_S)
