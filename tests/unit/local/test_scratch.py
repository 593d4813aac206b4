"""The tests' folder in memory: what a killed run left there goes, what somebody works in stays."""

import os
import subprocess
import sys
import time

import pytest

from tests.fixtures import memory

HOLDS = "from tests.fixtures import memory; import os, signal, pathlib, sys; \
memory.MEMORY, memory.NEEDED = pathlib.Path(sys.argv[1]), 0; \
made = memory.scratch('pg'); print(made.__enter__(), flush=True); \
os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("needed", [0, 1 << 62], ids=["room", "none left"])
def test_what_a_killed_run_left_goes(tmp_path, monkeypatch, needed):
    run = subprocess.run(
        [sys.executable, "-c", HOLDS, str(tmp_path)], capture_output=True, text=True, check=False
    )
    left = run.stdout.strip()
    assert os.path.isdir(left), run.stderr
    fresh, old = tmp_path / "df-new-fresh", tmp_path / "df-new-old"
    for folder in (fresh, old):
        folder.mkdir()
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    monkeypatch.setattr(memory, "MEMORY", tmp_path)
    monkeypatch.setattr(memory, "NEEDED", needed)
    with memory.scratch("pg") as mine:
        assert (mine.parent == tmp_path) == (needed == 0)
        with memory.scratch("mutants"):
            assert mine.is_dir()
        assert not os.path.exists(left)
        assert not old.exists()
        assert fresh.exists()
    assert not mine.exists()
