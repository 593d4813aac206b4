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
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.load import Load, Result
from tests.bench.stacks import Product
from tests.bench.windows import clients, finish, rate, say, typical

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
        return round(rate(self.disturbed) / rate(self.calm), 3)

    @property
    def p99_ratio(self) -> float:
        """0 when nobody could pay."""
        disturbed_p99 = typical(self.disturbed, 0.99)
        return round(typical(self.calm, 0.99) / disturbed_p99, 3) if disturbed_p99 else 0.0

    def figures(self) -> dict[str, float]:
        return {
            "rate_ratio": self.rate_ratio,
            "p99_ratio": self.p99_ratio,
            "payments_per_s": round(rate(self.disturbed), 2),
            "p99_ms": round(typical(self.disturbed, 0.99), 2),
            "undisturbed_p99_ms": round(typical(self.calm, 0.99), 2),
            "bad": sum(len(result.bad) for result in self.disturbed),
            "hostile_acts": self.did,
        }


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
                async with clients("tests.bench.hostile", kind, target) as counts:
                    sides.disturbed.append(await load.run(DEVICES, seconds, every_s=EVERY_S))
                sides.did += counts[0]
            say(f"{kind:<18} {json.dumps(sides.figures())}")
    finally:
        product.stop()
    return measured


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
    return finish("hold", found, shortfalls(found))


if __name__ == "__main__":
    raise SystemExit(main())
