"""stack.json stays true while the stack runs, and hands its secrets to nobody else."""

import json
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.processes import Stack

RESTART_LIMIT_S = 15.0
RESTARTED = "campaign-worker"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # PostgreSQL may run as somebody else
        return True
    return True


def test_every_process_it_names_runs(stack: Stack) -> None:
    named = stack.info["processes"]
    assert not [name for name, pids in named.items() if not pids or not all(map(_alive, pids))]


def test_every_address_it_names_answers(stack: Stack) -> None:
    info = stack.info
    addresses = [*info["services"].values(), *info["gateway"].values()]
    with httpx.Client(timeout=5, verify=NO_TLS) as client:
        for address in addresses:
            assert client.get(f"{address}/readyz").status_code == 200, address
        assert client.get(f"{info['sandbox']['alipay']['admin']}/health").status_code == 200


def test_the_public_port_is_the_one_asked_for_and_the_egress_is_beside_it(stack: Stack) -> None:
    assert stack.info["gateway"] == {
        "public": f"http://127.0.0.1:{stack.port}",
        "egress": f"http://127.0.0.1:{stack.port + 1}",
    }


def test_secrets_are_readable_by_their_owner_only(stack: Stack) -> None:
    key_file = Path(stack.info["demo"]["device"]["key_file"])
    for path in (stack.run_dir / "stack.json", key_file, stack.run_dir / "demo.json"):
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert (stack.run_dir / "secrets").stat().st_mode & 0o777 == 0o700


def test_logs_hold_no_secret(stack: Stack) -> None:
    """No password and no key of this stack is in any log (INC: keys in logs)."""
    folder = stack.run_dir / "secrets"
    known = [path.read_text().strip() for path in folder.glob("*.password")]
    keks = sorted(folder.glob("kek-*"))
    assert len(keks) == 4
    known += [line.split()[-1] for path in keks for line in path.read_text().splitlines()]
    known.append(json.loads((stack.run_dir / "device.json").read_text())["key"])
    for path in (stack.run_dir / "logs").glob("*.log"):
        text = path.read_text(errors="replace")
        assert not [1 for secret in known if secret in text], path.name
        assert "PRIVATE KEY" not in text, path.name


def test_a_restarted_process_is_named_anew(stack: Stack) -> None:
    before = stack.pids(RESTARTED)
    stack.kill(RESTARTED, signal.SIGKILL)
    deadline = time.monotonic() + RESTART_LIMIT_S
    while stack.pids(RESTARTED) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert all(map(_alive, stack.pids(RESTARTED)))
    assert f"{RESTARTED} ended (SIGKILL)" in (stack.run_dir / "logs/supervisor.log").read_text()


def test_a_second_up_says_that_it_is_up(stack: Stack) -> None:
    before = stack.info
    done = stack.command("up", limit_s=30)
    assert done.returncode == 0, done.stderr
    assert "already up" in done.stdout
    assert before["demo"]["owner"]["login"] in done.stdout
    assert stack.info["processes"]["postgres"] == before["processes"]["postgres"]


@pytest.mark.parametrize("other", ["its port", "its neighbour"])
def test_another_stack_on_a_taken_port_is_refused_clearly(
    stack: Stack, other: str, tmp_path: Path
) -> None:
    port = stack.port if other == "its port" else stack.port - 1
    rival = Stack(tmp_path, port, {"RUN_DIR": str(tmp_path), "PORT": str(port)})
    done = rival.command("up", limit_s=30)
    assert done.returncode == 1
    beside = "" if other == "its port" else " (PORT + 1, for the egress)"
    assert f"port {stack.port}{beside} is taken" in done.stderr
    assert "PORT" in done.stderr
    assert "Traceback" not in done.stderr
