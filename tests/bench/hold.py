"""Device payments beside hostile clients: python -m tests.bench.hold --help.

Twelve devices pay at a fixed pace, about a fifth of what two cores can do: enough to notice a
blocked edge, and little enough that the ratio does not depend on who gets the processor, which the
hostile clients share here with the product. For each kind, windows without and with it take
turns on one stack; each window of a kind runs for so many seconds. Of the payments' rate, the
sums of both sides are compared; of p99, the medians of the windows: one stall of the machine
reaches a dozen payments at once, and would decide the p99 of all windows together. Both ratios
are at most about 1 and fall with the harm: disturbed/undisturbed for the rate,
undisturbed/disturbed for p99.

Writes RUN_DIR/hold.json (interfaces §8) and ends with 1 when a ratio is below 0.9.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.load import Load, Result
from tests.bench.stacks import Product
from tests.fixtures.processes import ROOT

KINDS = (
    "silent_sockets", "slow_heads", "slow_bodies", "malformed_device", "costly_acts",
    "random_cookies",
)  # fmt: skip
BAR = 0.9
DEVICES = 12
EVERY_S = 0.3
"""of each device: forty payments a second"""


@dataclass
class Sides:
    """The windows of one kind."""

    calm: list[Result] = field(default_factory=list)
    disturbed: list[Result] = field(default_factory=list)
    did: int = 0
    """the number of acts that the hostile clients counted"""

    @property
    def rate_ratio(self) -> float:
        return round(_rate(self.disturbed) / _rate(self.calm), 3)

    @property
    def p99_ratio(self) -> float:
        """0 when nobody could pay."""
        disturbed_p99 = _p99(self.disturbed)
        return round(_p99(self.calm) / disturbed_p99, 3) if disturbed_p99 else 0.0

    def figures(self) -> dict[str, float]:
        return {
            "rate_ratio": self.rate_ratio,
            "p99_ratio": self.p99_ratio,
            "payments_per_s": round(_rate(self.disturbed), 2),
            "p99_ms": round(_p99(self.disturbed), 2),
            "undisturbed_p99_ms": round(_p99(self.calm), 2),
            "bad": sum(len(result.bad) for result in self.disturbed),
            "hostile_acts": self.did,
        }


def _rate(results: Iterable[Result]) -> float:
    found = list(results)
    return sum(one.payments for one in found) / sum(one.seconds for one in found)


def _p99(results: Iterable[Result]) -> float:
    return statistics.median(one.percentile(0.99) for one in results)


def document(measured: dict[str, Sides]) -> dict[str, Any]:
    """hold.json."""
    return {"schema": 1, "scenarios": {kind: sides.figures() for kind, sides in measured.items()}}


def shortfalls(found: dict[str, Any]) -> list[str]:
    """One line for each ratio below the bar."""
    return [
        f"{kind} {name} {figures[name]} < {BAR}"
        for kind, figures in found["scenarios"].items()
        for name in ("rate_ratio", "p99_ratio")
        if figures[name] < BAR
    ]


@asynccontextmanager
async def hostile(kind: str, target: dict[str, Any], sides: Sides) -> AsyncIterator[None]:
    """Runs the hostile clients around the block, which starts when they are active."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.hostile", kind, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(target).encode())
        process.stdin.close()
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{kind} did not get under way")
        yield
        process.terminate()
        report = (await process.stdout.read()).decode().split()
        sides.did += int(report[1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def measure(kinds: Sequence[str], rounds: int, seconds: float) -> dict[str, Sides]:
    """Every kind on one stack."""
    product = Product()
    measured: dict[str, Sides] = {}
    try:
        await product.start(DEVICES + 1)
        host, port = product.address
        *payers, last = product.devices
        target = {
            "host": host, "port": port, "owner": product.owner,
            "device": {"device_id": last.device_id, "key_id": last.key_id, "key": last.key.hex()},
        }  # fmt: skip
        load = Load(host, port, payers)
        await load.run(DEVICES, 4.0, every_s=EVERY_S)
        for kind in kinds:
            sides = measured[kind] = Sides()
            for _ in range(rounds):
                sides.calm.append(await load.run(DEVICES, seconds, every_s=EVERY_S))
                async with hostile(kind, target, sides):
                    sides.disturbed.append(await load.run(DEVICES, seconds, every_s=EVERY_S))
            _say(f"{kind:<18} {json.dumps(sides.figures())}")
    finally:
        product.stop()
    return measured


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hold", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="pairs of windows of each kind")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each window")
    parser.add_argument(
        "--only", choices=KINDS, action="append", help="this kind, and others named"
    )
    options = parser.parse_args(argv)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("at least one round of one second")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(measure(options.only or KINDS, options.rounds, options.seconds))
    found = document(measured)
    path = Path(os.environ.get("RUN_DIR", ".run")) / "hold.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    _say(f"written to {path}")
    short = shortfalls(found)
    for line in short:
        _say(f"falls short: {line}")
    return 1 if short else 0


if __name__ == "__main__":
    raise SystemExit(main())
