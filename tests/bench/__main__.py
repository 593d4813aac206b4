"""The performance table: python -m tests.bench --help.

Alternates rounds of the product and of the control build, each on a fresh stack, and writes
RUN_DIR/bench.json (interfaces §3). Loopback only; about 100 s a pair of rounds. Ends with 1 when a
figure falls short of the bar written beside it. With --against COMMIT both commits run side by side
instead, and RUN_DIR/against.json has the windows and the ratios.
"""

import argparse
import asyncio
import json
from typing import Any

from tests.bench import against, report
from tests.bench.rounds import Plan, TooManyBad, measure
from tests.bench.stacks import Control, Product
from tests.bench.windows import finish, say


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each build, alternating")
    parser.add_argument("--seconds", type=float, default=8.0, help="of the 32-device window")
    parser.add_argument("--quick", action="store_true", help="one short round, 32 devices only")
    parser.add_argument("--product-only", action="store_true", help="leave the control out")
    parser.add_argument("--against", metavar="COMMIT", help="compare with that commit instead")
    parser.add_argument("--control-only", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


async def _rounds(options: argparse.Namespace) -> list[dict[str, Any]]:
    raw: list[dict[str, Any]] = []
    count = 1 if options.quick else options.rounds
    seconds = min(options.seconds, 4.0) if options.quick else options.seconds
    for number in range(count):
        plan = Plan(
            seconds,
            is_flat_measured=not options.quick,
            is_slow_measured=not options.quick,
            is_start_measured=number == 0,
        )
        builds: list[type[Product] | type[Control]] = [Product, Control]
        if options.product_only:
            builds = [Product]
        if options.control_only:
            builds = [Control]
        # The second build finds warmer caches, so the two take turns.
        for build in builds if number % 2 == 0 else reversed(builds):
            measured = await measure(build(), plan)
            raw.append(measured)
            say(
                f"round {number + 1} {measured['build']:<8}"
                f" {measured['payments_per_s']:8.1f}/s  p50 {measured['p50_ms']:7.1f} ms"
                f"  own CPU {measured['cpu_us_per_payment']:8.0f} us  R {measured['R_us']:6.0f} us"
            )
    return raw


def main() -> int:
    options = arguments()
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            if options.against:
                found = runner.run(
                    against.compare(options.against, options.rounds, options.seconds, say)
                )
                say(f"\n{against.table(found)}\n")
                return finish("against", found, ())
            raw = runner.run(_rounds(options))
        except TooManyBad as error:
            say(f"not measured: {error}")
            return 1
    if not any(one["build"] == "product" for one in raw):
        say(json.dumps(raw, indent=1))
        return 0
    document = report.build(raw)
    bars = report.QUICK_BARS if options.quick else report.BARS
    say(f"\n{report.table(document, bars)}\n")
    if options.product_only:
        bars = tuple(bar for bar in bars if bar.figure in document)
    return finish("bench", document, report.shortfalls(document, bars))


if __name__ == "__main__":
    raise SystemExit(main())
