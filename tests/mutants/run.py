"""Runs the patches' tests in copies of the tree, a copy for each process that works on them."""

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fixtures.memory import scratch
from tests.mutants.patch import Patch

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120.0
SOUND_LIMIT_S = 600.0
FAILED = 1
"""What pytest ends with when a test failed; anything else is no verdict."""

Say = Callable[[str], None]


class NoVerdict(RuntimeError):
    """The tests could not judge: they fail without a fault, or did not run to an end with it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one patch."""

    patch: Patch
    line: int
    is_killed: bool


@contextmanager
def _copy() -> Iterator[Path]:
    """Everything that git tracks or would track, where it can be broken without harm."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode().split("\0")  # fmt: skip
    with scratch("mutants") as folder:
        for name in names:
            if name and (ROOT / name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        yield folder


def _pytest(
    tree: Path, tests: Sequence[str], limit_s: float = LIMIT_S
) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(
        words, cwd=tree, capture_output=True, text=True, timeout=limit_s, check=False,
        # A race that sixteen meetings miss now and then must be met as often as in CI.
        env={**os.environ, "RUN_DIR": str(tree / ".run"), "RACE_ROUNDS": "52"},
    )  # fmt: skip


def _judged(tree: Path, patch: Patch) -> bool:
    """Whether a test noticed the fault."""
    path = tree / patch.file
    whole = path.read_text()
    path.write_text(whole.replace(patch.old, patch.new))
    # A compiled module counts as current by its source's second and size: never within one second.
    os.utime(path, (time.time(), path.stat().st_mtime + 2))
    try:
        run = _pytest(tree, patch.tests)
    except subprocess.TimeoutExpired as late:
        # Slow is not broken: a crowded machine would make every fault look noticed.
        raise NoVerdict(f"{patch.file}: {patch.what}: no end within {late.timeout:.0f} s") from late
    finally:
        path.write_text(whole)
        os.utime(path, (time.time(), path.stat().st_mtime + 4))
    if run.returncode not in (0, FAILED):
        raise NoVerdict(f"{patch.file}: {patch.what}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return run.returncode == FAILED


def _sound(tree: Path, patches: Sequence[Patch]) -> None:
    """Without a fault all the tests pass: else a failure would mean nothing."""
    tests = sorted({test for patch in patches for test in patch.tests})
    run = _pytest(tree, tests, SOUND_LIMIT_S)
    if run.returncode != 0:
        raise NoVerdict(f"the tests fail without a fault:\n{run.stdout[-3000:]}")


def judge(patches: Sequence[Patch], *, processes: int, say: Say) -> list[Outcome]:
    """An outcome for each patch, in their order. Raises NoVerdict or ValueError (see Patch)."""
    lines = [patch.line_in((ROOT / patch.file).read_text()) for patch in patches]
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(patches)):
        waiting.put(number)
    verdicts: dict[int, bool] = {}
    faults: list[BaseException] = []

    def work(mine: Sequence[Patch]) -> None:
        try:
            with _copy() as tree:
                _sound(tree, mine)
                while not faults:
                    number = waiting.get_nowait()
                    started = time.monotonic()
                    verdicts[number] = _judged(tree, patches[number])
                    word = "killed  " if verdicts[number] else "SURVIVED"
                    spent = time.monotonic() - started
                    patch = patches[number]
                    say(f"{word} {spent:5.1f} s  {patch.file}:{lines[number]}  {patch.what}")
        except queue.Empty:
            return
        except BaseException as fault:
            faults.append(fault)

    # Each proves a share of the tests sound, so that together they prove all of them.
    shares = [patches[n::processes] for n in range(processes)]
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return [Outcome(patch, lines[n], verdicts[n]) for n, patch in enumerate(patches)]
