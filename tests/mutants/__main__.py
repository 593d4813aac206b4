"""A small mutation run: python -m tests.mutants --help.

Breaks, one at a time and in a copy of the tree, the lines that the state machine, verification,
tenancy and the audit hang on, and runs the tests that must notice. Writes RUN_DIR/mutants.json and
ends with 1 when a fault survived that docs/mutants.md does not name, 2 when it could not judge.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.mutants import alipay, payments, platform, releases, walls
from tests.mutants.patch import Patch
from tests.mutants.run import NoVerdict, Outcome, judge

PATCHES: tuple[Patch, ...] = (
    *payments.PATCHES,
    *alipay.PATCHES,
    *platform.PATCHES,
    *walls.PATCHES,
    *releases.PATCHES,
)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The content of mutants.json (interfaces §8)."""
    survivors = [one for one in outcomes if not one.is_killed]
    return {
        "schema": 1,
        "mutants": len(outcomes),
        "killed": len(outcomes) - len(survivors),
        "survivors": [
            {"file": one.patch.file, "line": one.line, "what": one.patch.what} for one in survivors
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="patches whose file or description holds this")
    options = parser.parse_args()
    chosen = [one for one in PATCHES if options.only in one.file or options.only in one.what]
    if not chosen or options.processes < 1:
        parser.error("nothing to do")
    try:
        outcomes = judge(chosen, processes=min(options.processes, len(chosen)), say=_say)
    except (NoVerdict, ValueError, subprocess.TimeoutExpired) as error:
        _say(f"not judged: {error}")
        return 2
    found = document(outcomes)
    path = Path(os.environ.get("RUN_DIR", ".run")) / "mutants.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    _say(f"{found['killed']} of {found['mutants']} killed; written to {path}")
    for one in outcomes:
        if one.patch.accepted and one.is_killed:
            _say(f"no longer a survivor: {one.patch.file}: {one.patch.what}")
    wrong = [one for one in outcomes if one.is_killed == bool(one.patch.accepted)]
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
