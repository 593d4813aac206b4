"""Two commits side by side: python -m tests.bench --against COMMIT.

Both stacks run at the same time and take turns in short windows under the same load, so that a
minute in which the machine is slower is slower for both. The other commit is checked out under
RUN_DIR and runs with the packages of this checkout. Ratios are the medians over pairs of
neighbouring windows: ours over the other commit's.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.load import Load
from tests.bench.proc import rss_mb
from tests.bench.rounds import check_load, window
from tests.bench.stacks import ROOT, Product

DEVICES = (1, 8, 32, 64)
REST_S = 0.5
FIGURES = ("cpu_us_per_payment", "payments_per_s", "p50_ms", "p99_ms")
CONSOLE = Path("gateway/spa/console")
LOCK, MODULES = CONSOLE / "package-lock.json", CONSOLE / "node_modules"

Window = dict[str, Any]
Say = Callable[[str], None]


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A work tree of the commit, with its console built. It is removed at the end, so a second run
    with the same RUN_DIR ends at once."""
    folder = (Path(os.environ.get("RUN_DIR", ".run")) / "against").resolve()
    with _alone(folder.with_suffix(".lock")):
        if folder.exists():  # of a run that was killed
            _git("worktree", "remove", "--force", str(folder))
        _git("worktree", "add", "--force", "--detach", str(folder), commit)
        try:
            ours, theirs = ROOT / LOCK, folder / LOCK
            if ours.read_bytes() == theirs.read_bytes() and (ROOT / MODULES).is_dir():
                (folder / MODULES).symlink_to((ROOT / MODULES).resolve())
            words = [sys.executable, "-m", "deploy.local", "console"]
            subprocess.run(words, cwd=folder, check=True, stdin=subprocess.DEVNULL)
            yield folder
        finally:
            _git("worktree", "remove", "--force", str(folder))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Holds the lock file until the block ends; a killed process loses it, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"another run holds {path}: give this one a RUN_DIR of its own"
            ) from None
        yield


def _git(*words: str) -> None:
    subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True)


async def compare(commit: str, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """All windows, and the ratios by number of devices."""
    with checkout(commit) as folder:
        builds = {"ours": Product(), "theirs": Product(folder)}
        try:
            for build in builds.values():
                await build.start(max(DEVICES))
            windows = await _windows(builds, rounds, seconds, say)
            memory = {name: rss_mb(build.pids) for name, build in builds.items()}
            starts = {name: build.start_seconds() for name, build in builds.items()}
        finally:
            for build in builds.values():
                build.stop()
    return {
        "against": commit,
        "windows": windows,
        "ratios": {str(count): _ratios(windows, count) for count in DEVICES},
        "rss_mb": memory,
        "start_s": starts,
    }


async def _windows(
    builds: dict[str, Product], rounds: int, seconds: float, say: Say
) -> list[Window]:
    loads = {name: Load(*build.address, build.devices) for name, build in builds.items()}
    for name, load in loads.items():
        check_load(f"warm-up of {name}", await load.run(32, seconds, warm_s=1.0))
    windows: list[Window] = []
    for number in range(rounds):
        for devices in DEVICES:
            names = list(builds) if number % 2 == 0 else list(builds)[::-1]
            for name in names:
                figures = await window(builds[name], loads[name], devices, seconds, warm_s=REST_S)
                windows.append({"build": name, "devices": devices, "round": number} | figures)
            ours, theirs = (_of(windows, name, devices)[-1] for name in builds)
            cpu = ours[FIGURES[0]], theirs[FIGURES[0]]
            say(
                f"round {number + 1} {devices:3} devices   own CPU {cpu[0]:7.0f} / {cpu[1]:7.0f} us"
                f" = {cpu[0] / cpu[1]:.3f}   {ours[FIGURES[1]]:6.1f} / {theirs[FIGURES[1]]:6.1f} /s"
            )
    return windows


def _of(windows: list[Window], name: str, devices: int) -> list[Window]:
    return [one for one in windows if (one["build"], one["devices"]) == (name, devices)]


def _ratios(windows: list[Window], devices: int) -> dict[str, float]:
    pairs = list(zip(_of(windows, "ours", devices), _of(windows, "theirs", devices), strict=True))
    return {name: round(median(a[name] / b[name] for a, b in pairs), 3) for name in FIGURES}


def table(document: dict[str, Any]) -> str:
    """The medians of both commits and the ratios, by number of devices and by process."""
    windows = document["windows"]
    lines = [f"{'':<30}{'ours':>10}{'theirs':>10}{'ratio':>8}   against {document['against']}"]
    for devices in DEVICES:
        pair = _of(windows, "ours", devices), _of(windows, "theirs", devices)
        for name in FIGURES:
            ours, theirs = (median(one[name] for one in side) for side in pair)
            ratio = document["ratios"][str(devices)][name]
            lines.append(f"{devices:3} {name:<26}{ours:10.1f}{theirs:10.1f}{ratio:8.3f}")
    lines.append("CPU us a payment by process, 32 devices")
    for process in pair[0][0]["by_process"]:
        ours, theirs = (
            median(one["by_process"].get(process, 0.0) for one in _of(windows, name, 32))
            for name in ("ours", "theirs")
        )
        lines.append(f"    {process:<26}{ours:10.0f}{theirs:10.0f}")
    for name, says in (("rss_mb", "RSS, MB"), ("start_s", "start, s")):
        ours, theirs = (sum(document[name][build].values()) for build in ("ours", "theirs"))
        lines.append(
            f"{says + ', all processes':<30}{ours:10.2f}{theirs:10.2f}{ours / theirs:8.3f}"
        )
    return "\n".join(lines)
