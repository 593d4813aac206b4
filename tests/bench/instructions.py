"""Instructions per payment, here and at another commit: python -m tests.bench.instructions COMMIT.

CPU time on a shared machine differs by a fifth between neighbouring windows of the same code; the
number of instructions that a process executes does not. So this decides about a few per cent where
`python -m tests.bench --against` cannot. It counts the three processes that every payment crosses:
a second instance of each runs under valgrind's callgrind, one in front of the other, and takes real
payments from the stack's devices. What the instances execute at rest, mostly looks for events, is
counted too and taken off. It says nothing about PostgreSQL, the broker and the workers, nor about
waiting for memory. Needs valgrind.

RUN_DIR/instructions.json has the figures.
"""

import argparse
import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.against import checkout
from tests.bench.load import Load
from tests.bench.stacks import Product, command_of, wait_until_ready
from tests.bench.windows import finish, say
from tests.fixtures.postgres import free_port

CHAIN = ("gateway-egress", "payment-api", "gateway-edge")
"""The innermost first: each is started with the address of the one before it."""
RARE_LOOKS_MS = "5000"
"""How often an instance at rest looks for events: on a machine that is busy with other work, what
it executes at rest cannot be told exactly."""
START_LIMIT_S = 200.0
DUMP_WITHIN_S = 30.0
WARM = 30
"""payments before the count"""
REST_S = 20.0
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


class Counted:
    """Second instances of the processes in `CHAIN`, under callgrind; `port` is the edge's."""

    def __init__(self, product: Product, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._dumps = 0
        moved: dict[str, str] = {}
        for name in CHAIN:
            arguments, environment = command_of(product.pids[name][0])
            here = environment.pop("LISTEN")
            environment = _with_addresses(environment, moved)
            self.port = free_port()
            moved[here] = environment["LISTEN"] = f"127.0.0.1:{self.port}"
            if "METRICS_LISTEN" in environment:
                environment["METRICS_LISTEN"] = f"127.0.0.1:{free_port()}"
            environment |= {"PYTHONHASHSEED": "0", "KAFKA_FETCH_MAX_WAIT_MS": RARE_LOOKS_MS}
            out = f"--callgrind-out-file={folder / name}"
            tool = ("valgrind", "--tool=callgrind", "--instr-atstart=no", out, "--")
            self._processes[name] = product.spawn([*tool, *arguments], environment)
            wait_until_ready(f"http://127.0.0.1:{self.port}/livez", START_LIMIT_S)

    def begin(self) -> None:
        """Counts from now on."""
        self._control("-i", "on")

    def dumped(self) -> dict[str, int]:
        """Instructions since the last call, or since `begin`, by process."""
        self._control("-d")
        self._dumps += 1
        return {name: self._total(name) for name in CHAIN}

    def _total(self, name: str) -> int:
        path = self._folder / f"{name}.{self._dumps}"
        deadline = time.monotonic() + DUMP_WITHIN_S
        while time.monotonic() < deadline:
            found = _TOTAL.search(path.read_text()) if path.exists() else None
            if found:
                return int(found.group(1))
            time.sleep(0.1)
        raise RuntimeError(f"{path} was not written")

    def _control(self, *words: str) -> None:
        for process in self._processes.values():
            command = ["callgrind_control", *words, str(process.pid)]
            subprocess.run(command, check=True, capture_output=True)

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait(timeout=10)


def _with_addresses(environment: Mapping[str, str], moved: Mapping[str, str]) -> dict[str, str]:
    """The environment with every moved address replaced."""
    found = dict(environment)
    for before, after in moved.items():
        found = {name: value.replace(before, after) for name, value in found.items()}
    return found


@contextmanager
def _counted(product: Product) -> Iterator[Counted]:
    folder = Path(tempfile.mkdtemp(prefix="df-i-"))
    counted = Counted(product, folder)
    try:
        yield counted
    finally:
        counted.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(product: Product, devices: int, count: int) -> dict[str, Any]:
    try:
        await product.start(devices)
        with _counted(product) as counted:
            load = Load("127.0.0.1", counted.port, product.devices)
            bad = await load.pay(devices, WARM)
            counted.begin()
            bad += await load.pay(devices, WARM)  # callgrind translates what it has not seen yet
            counted.dumped()
            began = time.perf_counter()
            bad += await load.pay(devices, count)
            seconds = time.perf_counter() - began
            used = counted.dumped()
            await asyncio.sleep(REST_S)
            at_rest = counted.dumped()
    finally:
        product.stop()
    if bad:
        raise RuntimeError(f"{len(bad)} bad responses, such as {bad[:3]}")
    return figures(count, seconds, used, at_rest)


def figures(
    payments: int, seconds: float, used: Mapping[str, int], at_rest: Mapping[str, int]
) -> dict[str, Any]:
    """Instructions per payment by process, without what `REST_S` seconds of rest took."""
    net = {name: (used[name] - at_rest[name] / REST_S * seconds) / payments for name in used}
    return {
        "payments": payments,
        "seconds": round(seconds, 1),
        "per_payment": {name: round(value) for name, value in net.items()},
        "at_rest_per_s": {name: round(value / REST_S) for name, value in at_rest.items()},
    }


async def compare(commit: str, devices: int, count: int, rounds: int) -> dict[str, Any]:
    """The figures of both commits, round by round."""
    builds: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    with checkout(commit) as folder:
        for number in range(rounds):
            for name, found in builds.items():
                product = Product() if name == "ours" else Product(folder)
                found.append(await _measure(product, devices, count))
                each = found[-1]["per_payment"]
                total = sum(each.values())
                say(f"round {number + 1} {name:<7} {total:12,d} a payment   {each}")
    return {"against": commit, "devices": devices, **builds}


def table(document: Mapping[str, Any]) -> str:
    """The means of all rounds, and ours over theirs."""
    lines = [f"{'instructions':<26}{'ours':>14}{'theirs':>14}{'ratio':>8}"]
    for heading in ("per_payment", "at_rest_per_s"):
        sides = [_means(document[name], heading) for name in ("ours", "theirs")]
        for name in (*CHAIN, "all three"):
            ours, theirs = (side[name] if name in side else sum(side.values()) for side in sides)
            lines.append(f"{name:<26}{ours:14,.0f}{theirs:14,.0f}{ours / theirs:8.3f}  {heading}")
    return "\n".join(lines)


def _means(rounds: list[dict[str, Any]], heading: str) -> dict[str, float]:
    return {name: sum(one[heading][name] for one in rounds) / len(rounds) for name in CHAIN}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.instructions", description=__doc__)
    parser.add_argument("commit", help="to compare with")
    parser.add_argument("--devices", type=int, default=1, help="that pay at the same time")
    parser.add_argument("--payments", type=int, default=200, help="that are counted")
    parser.add_argument("--rounds", type=int, default=2, help="of each commit, alternating")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        say("valgrind is not installed; it counts the instructions")
        return 1
    found = asyncio.run(compare(options.commit, options.devices, options.payments, options.rounds))
    say(f"\n{table(found)}\n")
    return finish("instructions", found, ())


if __name__ == "__main__":
    raise SystemExit(main())
