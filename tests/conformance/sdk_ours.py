"""Our own side of each comparison: the signing command line (interfaces.md §5)."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests.conformance.sdk_install import ROOT


def ours(command: str, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`python -m gateway.alipay COMMAND --lines`: one answer per item, whatever the verdicts."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.alipay", command, "--lines"],
        input="\n".join(json.dumps(item) for item in items), capture_output=True, text=True,
        encoding="utf-8", cwd=ROOT, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    # Not splitlines(): a text may hold U+2028, which is no end of a JSON line.
    told = [json.loads(line) for line in done.stdout.rstrip("\n").split("\n")]
    assert len(told) == len(items)
    return told
