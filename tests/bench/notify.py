"""How fast a notice is acknowledged: python -m tests.bench.notify --help.

An open loop of new, genuine notices (each its own id, each a durable row) at a fixed rate, timed
from the moment each was due, so that waiting counts; then a closed loop for the most that can be
sustained. Prints JSON; figures of loopback, with the machine's load beside them, and what each
process spent on one notice: CPU time says more than a percentile where neighbours are busy.
"""

import asyncio
import json
import os
import random
import sys
import time
from typing import Any

import httpx

from tests.bench.proc import cpu_us
from tests.bench.stacks import NOT_OURS
from tests.conformance.notices import AlipayKey, Sender, form, genuine
from tests.conformance.stands import arguments, enrolled, paid, standing
from tests.fixtures.processes import Stack

WAYS = 32
TRADES = 40
WARM_S = 2.0


async def bodies(stack: Stack, count: int, seed: int) -> tuple[str, list[bytes]]:
    """The path, and so many new signed notices about our trades."""
    till = await enrolled(stack)
    app_id = stack.info["demo"]["app_id"]
    numbers = await paid(stack.public, till, TRADES)
    async with httpx.AsyncClient(base_url=stack.admin, timeout=20) as admin:
        candidates = [await genuine(admin, app_id, number) for number in numbers]
    notices = [one for one in candidates if one is not None]
    key, rng = AlipayKey.of(stack, app_id), random.Random(seed)
    salt = f"{time.time_ns()}"[-12:]
    forms = [
        form(
            key.signed({**rng.choice(notices).fields, "notify_id": f"20261126{salt}{number:014d}"})
        )
        for number in range(count)
    ]
    return notices[0].path, forms


async def at_rate(public: str, path: str, forms: list[bytes], rate: float) -> dict[str, Any]:
    """Open loop: notice n is due n/rate after the start, independent of those before."""
    ready: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    spent: list[float] = []
    bad: list[str] = []

    async def send(number: int) -> None:
        sender = Sender(public, number)
        while (item := await ready.get()) is not None:
            due, body = item
            status, text = await sender.post(path, body)
            if (status, text) == (200, "success"):
                spent.append(time.perf_counter() - due)
            else:
                bad.append(f"{status} {text[:80]}")
        sender.close()

    async with asyncio.TaskGroup() as group:
        for number in range(WAYS):
            group.create_task(send(number))
        started = time.perf_counter()
        for number, body in enumerate(forms):
            due = started + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            ready.put_nowait((due, body))
        for _ in range(WAYS):
            ready.put_nowait(None)
    seconds = time.perf_counter() - started
    ordered = sorted(spent[int(rate * WARM_S):] or spent)  # fmt: skip
    return {
        "rate": rate,
        "answered": len(spent),
        "bad": len(bad),
        "achieved_per_s": round(len(spent) / seconds, 1),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
        "max_ms": round(ordered[-1] * 1000, 2),
        "examples": bad[:3],
    }


async def sustained(public: str, path: str, forms: list[bytes]) -> dict[str, Any]:
    """Closed loop: the most notices that WAYS connections can get acknowledged."""
    left = iter(forms)
    answered = 0

    async def send(number: int) -> None:
        nonlocal answered
        sender = Sender(public, number)
        for body in left:
            response = await sender.post(path, body)
            answered += response == (200, "success")
        sender.close()

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(WAYS):
            group.create_task(send(number))
    seconds = time.perf_counter() - started
    return {"answered": answered, "sustained_per_s": round(answered / seconds, 1)}


def processes(stack: Stack) -> dict[str, list[int]]:
    """Our processes, and the load generator, which uses the same cores."""
    known: dict[str, list[int]] = stack.info["processes"]
    ours = {n: pids for n, pids in known.items() if not any(word in n for word in NOT_OURS)}
    return {**ours, "generator": [os.getpid()]}


async def measure(stack: Stack, rate: float, seconds: float, seed: int) -> dict[str, Any]:
    """Both figures against a running stack."""
    count, more = int(rate * (seconds + WARM_S)), int(rate * 6)
    path, forms = await bodies(stack, count + more, seed)
    load, before = os.getloadavg()[0], cpu_us(processes(stack))
    open_loop = await at_rate(stack.public, path, forms[:count], rate)
    spent = {name: now - before[name] for name, now in cpu_us(processes(stack)).items()}
    open_loop["cpu_us_per_notice"] = {name: round(us / count) for name, us in spent.items()}
    closed = await sustained(stack.public, path, forms[count:])
    return {
        "schema": 1,
        "notify_ack": open_loop,
        "sustained": closed,
        "machine": {
            "cores": os.cpu_count(),
            "load_before": round(load, 1),
            "load_after": round(os.getloadavg()[0], 1),
        },
    }


def main() -> int:
    parser = arguments("tests.bench.notify", __doc__)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    import uvloop

    with (
        standing(options.run_dir) as stack,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        found = runner.run(measure(stack, options.rate, options.seconds, options.seed))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0 if not found["notify_ack"]["bad"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
