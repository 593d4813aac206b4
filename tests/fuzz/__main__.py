"""`python -m tests.fuzz --seconds N [TARGET…]`: fuzzes each target, one after another.

Prints the executions of each; exit 1 when any of them ended by an uncaught error, a broken
promise, a hang or out of memory. What did it is kept under RUN_DIR/fuzz/TARGET.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fuzz import target_names

ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 120
"""For starting up, and for an input that is just being run."""
TAIL_LINES = 40

_EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_COVERAGE = re.compile(r"cov: (\d+)")


def fuzz(name: str, seconds: int, folder: Path) -> tuple[bool, str]:
    """Whether the target stood, and a line about it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(seconds), str(folder)]
    with (folder / "log").open("wb") as log:
        try:
            status = subprocess.run(
                command, cwd=ROOT, stdout=log, stderr=log, timeout=seconds + GRACE_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            status = -1
    said = (folder / "log").read_text("utf-8", "replace")
    executions = _EXECUTIONS.search(said)
    is_good = status == 0 and executions is not None
    if not is_good:
        sys.stdout.write("\n".join(said.splitlines()[-TAIL_LINES:]) + "\n")
        return False, f"{name}: failed with status {status}, see {folder}"
    covered = _COVERAGE.findall(said)
    return True, f"{name}: {executions[1]} executions, coverage {covered[-1] if covered else '?'}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(target_names()))
    options = parser.parse_args()
    unknown = set(options.targets) - set(target_names())
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    base = ROOT / os.environ.get("RUN_DIR", ".run") / "fuzz"
    failed = 0
    for name in options.targets or target_names():
        is_good, line = fuzz(name, options.seconds, base / name)
        failed += not is_good
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
