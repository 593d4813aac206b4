"""Children of a supervisor that was killed: ended before a new stack starts.

On Linux the kernel signals them (`children.py`), and this only waits until they are gone, so that
their ports and the database's lock are free. On other systems it ends them itself.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

SIGTERM_TIMEOUT_S = 10.0
FIRM_S = 5.0
POLL_S = 0.05


def started_at(pid: int) -> str | None:
    """Distinguishes this process from a later one with the same pid; None: not running."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        words = ["ps", "-o", "lstart=", "-p", str(pid)]
        output = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        return output.strip() or None
    return None if fields[0] == "Z" else fields[19]


def remember(path: Path, pids: Mapping[str, int]) -> None:
    """Writes down who was started, with the mark of each."""
    known = {name: [pid, started_at(pid)] for name, pid in pids.items()}
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(known))
    draft.replace(path)


def alive(path: Path) -> dict[str, int]:
    """name -> pid of those that still run."""
    try:
        known: dict[str, tuple[int, str | None]] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {name: pid for name, (pid, mark) in known.items() if mark and started_at(pid) == mark}


def end(path: Path) -> list[str]:
    """Ends what still runs, by SIGTERM first; the names of those that had to be ended."""
    found = alive(path)
    for name, pid in found.items():
        # On SIGTERM PostgreSQL would wait for every client.
        _signal(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    if not _gone(path, SIGTERM_TIMEOUT_S):
        for pid in alive(path).values():
            _signal(pid, signal.SIGKILL)
        _gone(path, FIRM_S)
    path.unlink(missing_ok=True)
    return list(found)


def _signal(pid: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)


def _gone(path: Path, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while alive(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
