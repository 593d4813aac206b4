"""The console's own tests (gateway/spa/console/src/test), in a small DOM and without a stack."""

import subprocess
import sys

import pytest

from tests.fixtures.processes import ROOT

LIMIT_S = 1_800
"""For one that hangs: they take 200 s of a slow processor, and the whole suite may run beside them.
Each of them has a limit of its own."""


@pytest.mark.timeout(LIMIT_S + 60)
def test_the_consoles_own_tests_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", "console", "test"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_S,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
