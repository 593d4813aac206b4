"""Children come back, nothing is left behind, logs stay small (F16)."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.local import leftovers
from deploy.local.children import Child, trim
from deploy.local.processes import Spec

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('here', flush=True); time.sleep(60)",
]


def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.asyncio
async def test_a_killed_child_comes_back_and_says_so(tmp_path: Path) -> None:
    child = Child(Spec("sleeper", list(SLEEPER), dict(os.environ)), tmp_path)
    seen: list[tuple[int | None, str]] = []
    child.start()
    watching = asyncio.ensure_future(child.watch(lambda c, why: seen.append((c.pid, why))))
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(5):
        while not seen:
            await asyncio.sleep(0.02)
    assert seen == [(child.pid, "SIGKILL")]
    assert child.pid != first
    assert child.is_running
    watching.cancel()
    await child.stop()
    assert not child.is_running


@pytest.mark.asyncio
async def test_a_child_that_does_not_last_is_started_more_and_more_slowly(tmp_path: Path) -> None:
    child = Child(Spec("failing", [sys.executable, "-c", "exit(3)"], dict(os.environ)), tmp_path)
    at: list[float] = []
    why: list[str] = []
    child.start()

    def note(_: Child, reason: str) -> None:
        at.append(time.monotonic())
        why.append(reason)

    watching = asyncio.ensure_future(child.watch(note))
    async with asyncio.timeout(15):
        while len(at) < 4:
            await asyncio.sleep(0.02)
    watching.cancel()
    await child.stop()
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert gaps[0] > 0.45
    assert gaps[1] > 0.95
    assert gaps[2] > 1.9
    assert set(why) == {"exit 3"}


@pytest.mark.asyncio
async def test_a_program_that_is_missing_does_not_end_the_supervisor(tmp_path: Path) -> None:
    child = Child(Spec("sleeper", list(SLEEPER), dict(os.environ)), tmp_path)
    child.start()
    child.spec.command[:] = [str(tmp_path / "no-such-program")]
    seen: list[str] = []
    watching = asyncio.ensure_future(child.watch(lambda _, why: seen.append(why)))
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while not seen:
            await asyncio.sleep(0.02)
    assert "no-such-program" in seen[0]
    assert not watching.done()
    watching.cancel()


def test_a_supervisor_killed_the_hard_way_leaves_nobody_behind(tmp_path: Path) -> None:
    """The kernel tells the child where it can; `leftovers.end` does it everywhere."""
    script = (
        "import os, sys, time; from pathlib import Path;"
        "from deploy.local.children import Child; from deploy.local.processes import Spec;"
        "from deploy.local import leftovers;"
        "folder = Path(sys.argv[1]);"
        f"child = Child(Spec('sleeper', {SLEEPER!r}, dict(os.environ)), folder);"
        "child.start(); leftovers.remember(folder / 'children.json', {'sleeper': child.pid});"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    leftovers.end(tmp_path / "children.json")
    assert leftovers.started_at(pid) is None


def test_a_leftover_that_ignores_the_polite_word_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "SIGTERM_TIMEOUT_S", 0.3)
    known = tmp_path / "children.json"
    stubborn = subprocess.Popen(STUBBORN, stdout=subprocess.PIPE)
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    leftovers.remember(known, {"stubborn": stubborn.pid})
    assert leftovers.end(known) == ["stubborn"]
    assert stubborn.wait(timeout=5) == -signal.SIGKILL
    stubborn.stdout.close()
    assert not known.exists()


def test_a_pid_with_a_new_owner_is_left_alone(tmp_path: Path) -> None:
    known = tmp_path / "children.json"
    innocent = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    try:
        leftovers.remember(known, {"gone": innocent.pid})
        marks = json.loads(known.read_text())
        marks["gone"][1] = "another life"
        known.write_text(json.dumps(marks))
        assert leftovers.end(known) == []
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_nothing_remembered_is_nothing_to_end(tmp_path: Path) -> None:
    assert leftovers.end(tmp_path / "children.json") == []
    (tmp_path / "children.json").write_text("{half")
    assert leftovers.end(tmp_path / "children.json") == []


def test_a_long_log_moves_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "chatty.log"
    script = (
        "import sys, time\n"
        "while True: sys.stdout.write('x' * 100 + '\\n'); sys.stdout.flush(); time.sleep(0.001)"
    )
    with log.open("ab") as out:
        writer = subprocess.Popen([sys.executable, "-c", script], stdout=out)
    try:
        until(lambda: log.stat().st_size > 5_000)
        trim(log, limit=5_000)
        assert (tmp_path / "chatty.log.1").stat().st_size > 5_000
        until(lambda: log.stat().st_size > 500)
        assert log.read_bytes().strip(b"x\n") == b"", "the writer appends; it leaves no hole"
        trim(log, limit=10_000_000)
        assert log.exists()
    finally:
        writer.kill()
        writer.wait()
    with suppress(FileNotFoundError):
        trim(tmp_path / "none.log")
