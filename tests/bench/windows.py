"""What the benches share: figures of windows that take turns, clients beside them, and the end."""

import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bench.load import Result
from tests.fixtures.processes import ROOT


def rate(results: Iterable[Result]) -> float:
    """Payments per second over all windows."""
    found = list(results)
    return sum(one.payments for one in found) / sum(one.seconds for one in found)


def typical(results: Iterable[Result], share: float) -> float:
    """The median of the windows' percentiles, in milliseconds."""
    return statistics.median(one.percentile(share) for one in results)


@asynccontextmanager
async def clients(module: str, kind: str, target: dict[str, Any]) -> AsyncIterator[list[int]]:
    """Runs those clients around the block, which starts when they are active. The list holds what
    they counted, once the block has ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, kind, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    counts: list[int] = []
    try:
        process.stdin.write(json.dumps(target).encode())
        process.stdin.close()
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{kind} did not get under way")
        yield counts
        process.terminate()
        counts += map(int, (await process.stdout.read()).decode().split()[1:])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def finish(name: str, found: dict[str, Any], short: Sequence[str]) -> int:
    """Writes RUN_DIR/<name>.json and says what falls short; the exit status."""
    path = Path(os.environ.get("RUN_DIR", ".run")) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    say(f"written to {path}")
    for line in short:
        say(f"falls short: {line}")
    return 1 if short else 0
