"""Device payments beside streams: python -m tests.bench.streams --help.

200 listeners, each with an event a second, and exports of a log of 100,000 entries, one after the
other, pass through the edge through which devices pay. Windows without and with them take turns on
one stack. The devices pay at a fixed pace (`--devices`, `--every`), about a fifth of what two cores
can do, as in tests.bench.hold: what is asked is whether a stream holds payments up, not who gets
the processor. Of the rate, the sums of both sides are compared; of p99, the medians. Both ratios
are about 1 and fall with the harm.

Writes RUN_DIR/streams.json and ends with 1 when the rate falls by more than 3 %, when a transfer
broke off, or when fewer events or rows came than were to come.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.bench.load import Load, Result
from tests.bench.proc import rss_mb
from tests.bench.stacks import Product, wait_until_ready
from tests.bench.windows import clients, finish, rate, say, typical
from tests.fixtures.console import Console
from tests.fixtures.postgres import die_with_parent, free_port
from tests.fixtures.processes import ROOT

LISTENERS, ROWS, ROWS_AT_ONCE = 200, 100_000, 5_000
RATE_BAR = 0.97
PROGRAMS = "tests.bench.streams_programs"
FILL = """
INSERT INTO audit_log (tenant_id, audit_id, at, actor, action, subject, before, after)
SELECT $1, gen_random_uuid(), now(), 'user:' || n % 7, 'order.look', 'order:' || n,
       jsonb_build_object('version', n), jsonb_build_object('version', n + 1, 'note', 'bench')
FROM generate_series(1, $2::int) AS n
"""


@dataclass
class Sides:
    """The windows without and with streams."""

    calm: list[Result] = field(default_factory=list)
    beside: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    """with streams, the time between windows too"""
    events: int = 0
    rows: int = 0
    broken: int = 0
    edge_mb: dict[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "listeners": LISTENERS,
            "rate_ratio": round(_rate(self.beside) / _rate(self.calm), 4),
            "p99_ratio": round(_p(self.calm, 0.99) / _p(self.beside, 0.99), 3),
            "payments_per_s": {"without": _rate(self.calm), "with": _rate(self.beside)},
            "p50_ms": {"without": _p(self.calm, 0.5), "with": _p(self.beside, 0.5)},
            "p99_ms": {"without": _p(self.calm, 0.99), "with": _p(self.beside, 0.99)},
            "bad": sum(len(one.bad) for one in (*self.calm, *self.beside)),
            "events_per_s": round(self.events / self.seconds, 1),
            "export_rows_per_s": round(self.rows / self.seconds),
            "broken_transfers": self.broken,
            "edge_rss_mb": self.edge_mb,
        }


def _rate(results: Sequence[Result]) -> float:
    return round(rate(results), 2)


def _p(results: Sequence[Result], share: float) -> float:
    return round(typical(results, share), 2)


def shortfalls(found: dict[str, Any]) -> list[str]:
    lines = []
    if found["rate_ratio"] < RATE_BAR:
        lines.append(f"rate_ratio {found['rate_ratio']} < {RATE_BAR}")
    if found["broken_transfers"] or found["bad"]:
        lines.append(f"broken {found['broken_transfers']}, bad payments {found['bad']}")
    if found["events_per_s"] < 0.9 * LISTENERS or not found["export_rows_per_s"]:
        lines.append("the streams did not run as told")
    return lines


class Twin:
    """A second edge of the stack, with the feed behind it: payments and streams go through it."""

    def __init__(self, product: Product) -> None:
        raw = Path(f"/proc/{product.pids['gateway-edge'][0]}/environ").read_bytes().decode()
        self._environment = dict(pair.partition("=")[::2] for pair in raw.split("\0") if pair)
        self._children: list[subprocess.Popen[bytes]] = []
        self.port = free_port()

    def start(self) -> None:
        order = free_port()
        key_file = Path(self._environment["SERVICE_KEY_FILE"]).with_name("order.pem")
        self._spawn("feed", LISTEN=f"127.0.0.1:{order}", SERVICE_KEY_FILE=str(key_file))
        self._spawn(
            "edge", LISTEN=f"127.0.0.1:{self.port}", ORDER_URL=f"http://127.0.0.1:{order}",
            METRICS_LISTEN=f"127.0.0.1:{free_port()}", QUOTA_SCALE="20",
        )  # fmt: skip
        for port in (order, self.port):
            wait_until_ready(f"http://127.0.0.1:{port}/readyz")

    def _spawn(self, program: str, **settings: str) -> None:
        self._children.append(
            subprocess.Popen(
                [sys.executable, "-m", PROGRAMS, program],
                cwd=ROOT,
                env={**self._environment, **settings},
                stdout=subprocess.DEVNULL,
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )
        )

    @property
    def rss_mb(self) -> float:
        return rss_mb({"edge": [self._children[1].pid]})["edge"]

    def stop(self) -> None:
        for child in self._children:
            child.kill()
            child.wait(timeout=10)


@asynccontextmanager
async def streaming(target: dict[str, Any], sides: Sides) -> AsyncIterator[None]:
    """Listeners and the reader of exports, from the moment that all are under way."""
    async with clients(PROGRAMS, "clients", target) as counts:
        began = asyncio.get_running_loop().time()
        yield
        sides.seconds += asyncio.get_running_loop().time() - began
    events, rows, broken = counts
    sides.events += events
    sides.rows += rows
    sides.broken += broken


async def _fill(product: Product, rows: int) -> str:
    """The demo merchant's log, that long; the cookie of one who may export it."""
    owner = product.owner
    public = "http://{}:{}".format(*product.address)
    async with Console(public, owner["login"], owner["password"]) as console:
        cookie = console.headers["Cookie"]
    tenant_id = product.merchant_id
    connection = await asyncpg.connect(product.databases["binding"])
    try:
        for _ in range(0, rows, ROWS_AT_ONCE):
            await connection.execute(FILL, tenant_id, min(rows, ROWS_AT_ONCE), timeout=120)
    finally:
        await connection.close()
    return cookie


async def measure(options: argparse.Namespace) -> Sides:
    product, sides = Product(), Sides()
    twin: Twin | None = None
    try:
        await product.start(options.devices)
        cookie = await _fill(product, options.rows)
        twin = Twin(product)
        twin.start()
        told = {
            "host": "127.0.0.1", "port": twin.port, "listeners": LISTENERS, "cookie": cookie,
        }  # fmt: skip
        load = Load("127.0.0.1", twin.port, product.devices)
        await load.run(options.devices, 4.0, every_s=options.every)
        for number in range(options.rounds):
            sides.calm.append(
                await load.run(options.devices, options.seconds, every_s=options.every)
            )
            calm_mb = twin.rss_mb
            async with streaming(told, sides):
                beside = await load.run(options.devices, options.seconds, every_s=options.every)
                sides.edge_mb = {"without": calm_mb, "with": twin.rss_mb}
            sides.beside.append(beside)
            say(
                f"round {number + 1}: {sides.calm[-1].per_s:.1f}/s p99 "
                f"{sides.calm[-1].percentile(0.99):.1f} ms without,"
                f" {beside.per_s:.1f}/s p99 {beside.percentile(0.99):.1f} ms with"
            )
    finally:
        if twin is not None:
            twin.stop()
        product.stop()
    return sides


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.streams", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="pairs of windows")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each window")
    parser.add_argument("--devices", type=int, default=12)
    parser.add_argument("--every", type=float, default=0.3, help="seconds; 0: as fast as it goes")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the log that is exported")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    options = arguments(words)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sides = runner.run(measure(options))
    found = sides.document()
    say(json.dumps(found))
    return finish("streams", found, shortfalls(found))


if __name__ == "__main__":
    raise SystemExit(main())
