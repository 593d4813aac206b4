"""CPU time, wake-ups and memory of other processes, from /proc."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")

Pids = Mapping[str, Iterable[int]]


def _fields(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    # The name may hold spaces and brackets; everything after the last bracket is regular.
    return text.rpartition(")")[2].split()


def _ticks(pid: int) -> int:
    """utime + stime of the process and of the children that it has waited for."""
    try:
        return sum(int(value) for value in _fields(pid)[11:15])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _parents() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(_fields(int(entry))[1])
            except (FileNotFoundError, ProcessLookupError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    return children


def family(pid: int, children: Mapping[int, list[int]] | None = None) -> list[int]:
    """The process and all that descend from it (PostgreSQL's backends)."""
    known = _parents() if children is None else children
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        queue += known.get(one, [])
    return found


def cpu_us(pids: Pids) -> dict[str, float]:
    """Microseconds of CPU used so far, by process name."""
    children = _parents()
    return {
        name: sum(_ticks(one) for pid in roots for one in family(pid, children)) * _TICK_US
        for name, roots in pids.items()
    }


def wakeups(pids: Pids) -> dict[str, float]:
    """How often the process's threads went to sleep so far, by name."""
    children = _parents()
    return {
        name: sum(_sleeps(one) for pid in roots for one in family(pid, children))
        for name, roots in pids.items()
    }


def _sleeps(pid: int) -> int:
    threads = Path(f"/proc/{pid}/task").glob("*/status")
    return sum(_member(thread, "voluntary_ctxt_switches:") for thread in threads)


def rss_mb(pids: Pids) -> dict[str, float]:
    """Megabytes by process name: resident, but proportional where many share (PostgreSQL)."""
    children = _parents()
    found = {}
    for name, roots in pids.items():
        members = [one for pid in roots for one in family(pid, children)]
        total = sum(_pss_kb(one) if len(members) > 1 else _rss_kb(one) for one in members)
        found[name] = round(total / 1024, 1)
    return found


def _rss_kb(pid: int) -> int:
    return _member(Path(f"/proc/{pid}/status"), "VmRSS:")


def _pss_kb(pid: int) -> int:
    return _member(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def _member(path: Path, name: str) -> int:
    try:
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return 0
