"""What the product takes when nobody pays: python -m tests.bench.rest.

Starts the product as `make run` does, waits until it is at rest, and says by process how many
milliseconds of CPU it takes and how often it is woken in a second. Ends with 1 when the whole takes
more than the bar. With --against COMMIT that commit's product rests beside it, and is measured in
the same seconds. RUN_DIR/rest.json has the figures.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from tests.bench.against import checkout
from tests.bench.proc import Pids, cpu_us, wakeups
from tests.bench.stacks import Product
from tests.bench.windows import finish, say
from tests.fixtures.processes import ROOT

SETTLE_S = 15.0
"""after the start: queries of a new process, and looks that become rarer step by step"""
MOST_MS = 50.0
"""5 % of one core"""
ALL = "all"


Figures = dict[str, dict[str, float]]
"""What each process takes in a second, by figure."""


def _reading(pids: Pids) -> tuple[float, Figures]:
    cpu = {name: used / 1000 for name, used in cpu_us(pids).items()}
    return time.perf_counter(), {"cpu_ms": cpu, "wakeups": wakeups(pids)}


def measure(builds: Mapping[str, Pids], seconds: float) -> dict[str, Figures]:
    """CPU and wake-ups a second by process, of all builds in the same seconds."""
    before = {name: _reading(pids) for name, pids in builds.items()}
    time.sleep(seconds)
    after = {name: _reading(pids) for name, pids in builds.items()}
    return {name: _rates(*before[name], *after[name]) for name in builds}


def _rates(began: float, before: Figures, ended: float, after: Figures) -> Figures:
    found = {}
    for figure, now in after.items():
        each = {
            name: round((now[name] - before[figure][name]) / (ended - began), 1) for name in now
        }
        found[figure] = each | {ALL: round(sum(each.values()), 1)}
    return found


def table(found: Mapping[str, Figures]) -> str:
    """One line for each process, the busiest first, and one for all."""
    columns = [(build, figure) for build in found for figure in found[build]]
    lines = [f"{'at rest, a second':<22}" + "".join(f"{f'{b} {f}':>18}" for b, f in columns)]
    cpu = next(iter(found.values()))["cpu_ms"]
    for name in sorted(cpu, key=lambda one: cpu[one]):
        cells = "".join(f"{found[build][figure][name]:18.1f}" for build, figure in columns)
        lines.append(f"{name:<22}{cells}")
    return "\n".join(lines)


def shortfalls(found: Figures) -> list[str]:
    total = found["cpu_ms"][ALL]
    return [f"{total:g} ms a second: must be <= {MOST_MS:g}"] if total > MOST_MS else []


async def _rest(seconds: float, roots: Mapping[str, Path]) -> dict[str, Figures]:
    builds = {name: Product(root) for name, root in roots.items()}
    try:
        for build in builds.values():
            await build.start(0)
        await asyncio.sleep(SETTLE_S)
        return measure({name: build.pids for name, build in builds.items()}, seconds)
    finally:
        for build in builds.values():
            build.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rest", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of the measurement")
    parser.add_argument("--against", metavar="COMMIT", help="measure that commit beside ours")
    options = parser.parse_args()
    roots = {"ours": ROOT}
    with checkout(options.against) if options.against else nullcontext() as folder:
        if folder is not None:
            roots["theirs"] = folder
        found = asyncio.run(_rest(options.seconds, roots))
    say(f"\n{table(found)}\n")
    return finish("rest", found, shortfalls(found["ours"]))


if __name__ == "__main__":
    raise SystemExit(main())
