"""Command lines and make targets that scripts call (interfaces §1, §5, §7)."""

import fcntl
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.commands import Commands

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("binding", "device", "payment", "campaign", "order")

TARGETS = (
    "run", "stop", "reset", "test", "kafka", "test-kafka", "bench", "chaos", "check",
    "console-dev",
)  # fmt: skip

HELPED = [
    ["gateway"],
    ["gateway.alipay"],
    *[[f"services.{name}"] for name in SERVICES],
    ["services.binding", "apps", "add"],
    ["services.binding", "merchants", "add"],
    ["services.binding", "stores", "add"],
    ["services.binding", "operators", "add"],
    ["services.device", "codes", "new"],
    ["services.payment", "notices", "list"],
    ["services.payment", "notices", "replay"],
    ["deploy.local"],
    ["deploy.sandbox.alipay"],
    ["deploy.sandbox.dragonfly"],
    ["deploy.sandbox.dragonfly", "pay"],
    ["deploy.sandbox.dragonfly", "enrol"],
    ["tests.bench"],
    ["tests.bench.notify"],
    ["tests.bench.rest"],
    ["tests.chaos"],
    ["tests.conformance.copies"],
    ["tests.conformance.forged"],
]

MISUSED = [
    ["gateway", "sideways"],
    ["gateway.alipay", "no-such-command"],
    *[[f"services.{name}", "no-such-command"] for name in SERVICES],
    ["services.binding", "apps", "add"],
    ["services.binding", "stores", "add", "--merchant", "not-an-id", "--name", "x"],
    ["services.device", "codes", "new", "--store", "not-an-id"],
    ["services.payment", "notices", "list", "--limit", "0"],
    ["services.payment", "notices", "replay", "--merchant", "not-an-id"],
    ["deploy.local", "sideways"],
    ["deploy.sandbox.dragonfly", "pay", "--amount", "0.001", "--face"],
    ["tests.bench", "--rounds", "many"],
    ["tests.chaos", "--payments", "many"],
]

UNSET = ("DATABASE_URL", "KAFKA_BOOTSTRAP", "SERVICE_", "KEK_FILE", "RUN_DIR", "LISTEN")


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(command_line: Commands) -> Run:
    def call(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        bare = {k: v for k, v in os.environ.items() if not k.startswith(UNSET)}
        return command_line(*words, env=bare | settings)

    return call


@pytest.mark.parametrize("words", HELPED, ids=" ".join)
def test_help_says_how_to_use_it(run: Run, words: list[str]) -> None:
    done = run(*words, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.parametrize("words", MISUSED, ids=" ".join)
def test_misuse_is_one_clear_line_and_not_a_traceback(run: Run, words: list[str]) -> None:
    done = run(*words)
    assert done.returncode != 0
    said = (done.stderr or done.stdout).strip()
    assert said
    assert "Traceback" not in said
    # argparse says its usage first; then comes the line that names the fault.
    reason = [line for line in said.splitlines() if not line.startswith(("usage:", " "))]
    assert len(reason) == 1, said


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("role", ["api", "worker", "migrate"])
def test_a_process_without_settings_names_all_that_is_missing(
    run: Run, name: str, role: str
) -> None:
    done = run(f"services.{name}", role)
    assert done.returncode == 2, done.stderr
    assert f"DATABASE_URL_{name.upper()}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_comparison_leaves_the_checkout_of_another_run_alone(run: Run, tmp_path: Path) -> None:
    """Each removes the checkout of a run before it that was killed."""
    (tmp_path / "against").mkdir()
    with (tmp_path / "against.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("tests.bench", "--against", "HEAD", RUN_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"another run holds {tmp_path}")
    assert (tmp_path / "against").is_dir()


def test_every_promised_make_target_exists_and_is_explained() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in TARGETS:
        assert re.search(rf"^{target}:.*##", text, re.MULTILINE), target
