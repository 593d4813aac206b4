"""Two commits side by side: python -m tests.bench --against COMMIT.

Both stacks run at the same time and take turns in short windows under the same load, so that a
minute in which the machine is slower is slower for both. The other commit is checked out under
RUN_DIR and runs with the packages of this checkout. Ratios are the medians over pairs of
neighbouring windows: ours over the other commit's. Beside 1, 8, 32 and 64 devices that pay without
a pause there are half load, a channel that takes 200 ms, and several merchants at once.
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

from tests.bench.proc import rss_mb
from tests.bench.situations import DEVICES, LAG, SITUATIONS, Bench, Situation
from tests.bench.stacks import ROOT, Product

FIGURES = {
    "cpu_us_per_payment": "cpu_ratio",
    "payments_per_s": "rate_ratio",
    "p50_ms": "p50_ratio",
    "p99_ms": "p99_ratio",
    LAG: "event_lag_p99_ratio",
}
"""The ratio's name by figure; the last one is measured at half load only."""
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
    """All windows, and the ratios by situation."""
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
    measured = {one["situation"] for one in windows}
    ratios = {one.name: _ratios(windows, one) for one in SITUATIONS if one.name in measured}
    return {
        "schema": 1,
        "commit": commit,
        "by_devices": {str(count): ratios.pop(str(count)) for count in DEVICES},
        "by_situation": ratios,
        "windows": windows,
        "rss_mb": memory,
        "start_s": starts,
    }


async def _windows(
    builds: dict[str, Product], rounds: int, seconds: float, say: Say
) -> list[Window]:
    bench = Bench(builds, seconds)
    situations = await bench.prepare()
    windows: list[Window] = []
    for number in range(rounds):
        for situation in situations:
            names = list(builds) if number % 2 == 0 else list(builds)[::-1]
            for name in names:
                figures = await bench.measure(name, situation)
                place = {"build": name, "situation": situation.name, "round": number}
                windows.append(place | figures)
            ours, theirs = (_of(windows, name, situation)[-1] for name in builds)
            cpu, per_s = ((ours[name], theirs[name]) for name in list(FIGURES)[:2])
            say(
                f"round {number + 1} {situation.name:>9}   own CPU {cpu[0]:7.0f} / {cpu[1]:7.0f} us"
                f" = {cpu[0] / cpu[1]:.3f}   {per_s[0]:6.1f} / {per_s[1]:6.1f} /s"
            )
    return windows


def _of(windows: list[Window], name: str, situation: Situation) -> list[Window]:
    return [one for one in windows if (one["build"], one["situation"]) == (name, situation.name)]


def _ratios(windows: list[Window], situation: Situation) -> dict[str, float]:
    sides = (_of(windows, name, situation) for name in ("ours", "theirs"))
    pairs = list(zip(*sides, strict=True))
    return {
        ratio: round(median(a[name] / b[name] for a, b in pairs), 3)
        for name, ratio in FIGURES.items()
        if all(name in one for pair in pairs for one in pair)
    }


def table(document: dict[str, Any]) -> str:
    """The medians of both commits and the ratios, by situation and by process."""
    windows = document["windows"]
    lines = [f"{'':<30}{'ours':>10}{'theirs':>10}{'ratio':>8}   against {document['commit']}"]
    ratios = document["by_devices"] | document["by_situation"]
    for situation in SITUATIONS:
        if situation.name not in ratios:
            lines.append(f"{situation.title}: not measured, the older console makes none this way")
            continue
        lines.append(situation.title)
        sides = [_of(windows, name, situation) for name in ("ours", "theirs")]
        for name, ratio in FIGURES.items():
            if ratio in ratios[situation.name]:
                ours, theirs = (median(one[name] for one in side) for side in sides)
                value = ratios[situation.name][ratio]
                lines.append(f"    {name:<26}{ours:10.1f}{theirs:10.1f}{value:8.3f}")
    lines.append("CPU us a payment by process, 32 devices")
    at_32 = [
        [one["by_process"] for one in windows if (one["build"], one["situation"]) == (name, "32")]
        for name in ("ours", "theirs")
    ]
    for process in at_32[0][0]:
        ours, theirs = (median(one.get(process, 0.0) for one in side) for side in at_32)
        lines.append(f"    {process:<26}{ours:10.0f}{theirs:10.0f}")
    for name, says in (("rss_mb", "RSS, MB"), ("start_s", "start, s")):
        ours, theirs = (sum(document[name][build].values()) for build in ("ours", "theirs"))
        lines.append(
            f"{says + ', all processes':<30}{ours:10.2f}{theirs:10.2f}{ours / theirs:8.3f}"
        )
    return "\n".join(lines)
