"""One round of one build: start it, load it, read the clocks, stop it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from tests.bench.floor import measure_floor
from tests.bench.load import Load, Result
from tests.bench.proc import cpu_us, rss_mb
from tests.bench.stacks import Control, Product

DEVICES = 32
SLOW_MS = 200
BAD_SHARE_MAX = 0.01
DRAIN_LIMIT_S = 15.0

LAGS = "SELECT event_id, handled_at FROM inbox"
PUBLISHED = "SELECT event_id, created_at FROM outbox WHERE created_at BETWEEN $1 AND $2"
UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"


@dataclass(frozen=True)
class Plan:
    """How much to measure."""

    seconds: float
    is_flat_measured: bool = True
    is_slow_measured: bool = True
    is_start_measured: bool = True

    @property
    def devices(self) -> int:
        if self.is_slow_measured:
            return 192
        return 64 if self.is_flat_measured else DEVICES


class TooManyBad(RuntimeError):
    """The build failed under load, so that its figures would be meaningless."""


def check_load(what: str, result: Result) -> Result:
    total = result.payments + len(result.bad)
    if not result.payments or len(result.bad) > total * BAD_SHARE_MAX:
        raise TooManyBad(f"{what}: {len(result.bad)} of {total} bad, such as {result.bad[:3]}")
    return result


async def measure(build: Product | Control, plan: Plan) -> dict[str, Any]:
    """A raw round; the build is stopped whatever happens."""
    floor = measure_floor()
    figures: dict[str, Any] = {"build": build.name, "R_us": round(floor, 1)}
    try:
        await build.start(plan.devices)
        load = Load(*build.address, build.devices)
        check_load("warm-up", await load.run(DEVICES, 1.0, warm_s=1.0))
        figures |= await window(build, load, DEVICES, plan.seconds)
        figures["rss_mb"] = rss_mb(build.pids)
        if plan.is_flat_measured:
            for devices in (16, 64):
                result = await load.run(devices, plan.seconds * 0.6)
                figures[f"payments_per_s_{devices}"] = round(
                    check_load(f"{devices} devices", result).per_s, 2
                )
        if isinstance(build, Product):
            figures |= await _half_load(build, load, plan.seconds, figures["payments_per_s"])
            if plan.is_slow_measured:
                figures |= await _slow_channel(build, load, plan.seconds)
            if plan.is_start_measured:
                figures["start_s"] = build.start_seconds()
    finally:
        build.stop()
    return figures


async def window(
    build: Product | Control, load: Load, devices: int, seconds: float,
    *, warm_s: float = 1.0, every_s: float = 0.0,
) -> dict[str, Any]:  # fmt: skip
    """That many devices, one payment after the other or at a steady pace: rate, response times, and
    own CPU by process."""
    pids = build.pids
    readings: list[dict[str, float]] = []
    result = await load.run(
        devices, seconds, warm_s=warm_s, every_s=every_s,
        on_edge=lambda: readings.append(cpu_us(pids)),
    )  # fmt: skip
    check_load(f"{devices} devices", result)
    before, after = readings
    used = {name: (after[name] - before[name]) / result.payments for name in pids}
    return {
        "payments": result.payments,
        "bad": len(result.bad),
        "payments_per_s": round(result.per_s, 2),
        "p50_ms": round(result.percentile(0.50), 2),
        "p99_ms": round(result.percentile(0.99), 2),
        "cpu_us_per_payment": round(sum(used.values()), 1),
        "by_process": {name: round(value, 1) for name, value in used.items()},
    }


async def _half_load(build: Product, load: Load, seconds: float, peak: float) -> dict[str, Any]:
    """Latency and event lag at half of the build's own peak, with random pauses."""
    response_s = 0.012  # about one response time unloaded; it shifts the share only a little
    pause = max(DEVICES / (peak / 2) - response_s, 0.005)
    async with event_lags(build) as lags:
        result = await load.run(DEVICES, seconds, pause_s=pause)
    return lags | {
        "half_per_s": round(check_load("half load", result).per_s, 2),
        "half_p50_ms": round(result.percentile(0.50), 2),
        "half_p99_ms": round(result.percentile(0.99), 2),
    }


@asynccontextmanager
async def event_lags(build: Product) -> AsyncIterator[dict[str, Any]]:
    """From commit to effect, of the events of payments made in this block, which begins when no
    event of an earlier one is left. The figures are there after it."""
    figures: dict[str, Any] = {}
    connection = await asyncpg.connect(build.databases["payment"])
    try:
        await _drain(connection)
        opened = await connection.fetchval("SELECT clock_timestamp()")
        yield figures
        closed = await connection.fetchval("SELECT clock_timestamp()")
        figures["drain_s"] = round(await _drain(connection), 2)
        rows = await connection.fetch(PUBLISHED, opened, closed)
    finally:
        await connection.close()
    published = {row["event_id"]: row["created_at"] for row in rows}
    lags = []
    for service in ("order", "campaign"):
        consumed = await _rows(build.databases[service], LAGS)
        lags += [
            (row["handled_at"] - published[row["event_id"]]).total_seconds() * 1000
            for row in consumed
            if row["event_id"] in published
        ]
    if lags:
        lags.sort()
        figures["event_lag_p50_ms"] = round(lags[len(lags) // 2], 1)
        figures["event_lag_p99_ms"] = round(lags[int(len(lags) * 0.99)], 1)
        figures["events_lost"] = 2 * len(published) - len(lags)


async def _rows(url: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def _drain(connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    """Seconds until the outbox is empty, and a moment more for the consumers."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while await connection.fetchval(UNPUBLISHED) and loop.time() - started < DRAIN_LIMIT_S:
        await asyncio.sleep(0.05)
    spent = loop.time() - started
    await asyncio.sleep(1.0)
    return spent


async def _slow_channel(build: Product, load: Load, seconds: float) -> dict[str, Any]:
    """Alipay takes 200 ms: 192 devices must not be slower than 128 (pool starvation guard)."""
    figures: dict[str, Any] = {}
    async with slow_channel(build):
        for devices in (128, 192):
            result = await load.run(devices, seconds * 0.6, warm_s=2.0)
            figures[f"slow_per_s_{devices}"] = round(
                check_load(f"slow channel, {devices} devices", result).per_s, 2
            )
            figures[f"slow_p50_ms_{devices}"] = round(result.percentile(0.50), 2)
    return figures


@asynccontextmanager
async def slow_channel(build: Product) -> AsyncIterator[None]:
    """Alipay takes SLOW_MS for each payment of this block."""
    fault = {
        "method": "alipay.trade.pay",
        "fault": "delay",
        "probability": 1.0,
        "args": {"ms": SLOW_MS},
    }
    async with httpx.AsyncClient(base_url=build.admin, timeout=10) as admin:
        (await admin.post("/faults", json=fault)).raise_for_status()
        try:
            yield
        finally:
            (await admin.delete("/faults")).raise_for_status()
