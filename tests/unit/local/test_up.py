"""What `make run` prints: commands that can be pasted, and only what is new."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local import postgres, up
from deploy.local.layout import ROOT, STATE_FILES, Layout, StackError, plainly

STACK: dict[str, Any] = {
    "seconds_to_ready": 9.8,
    "gateway": {"public": "http://127.0.0.1:8080"},
    "sandbox": {"alipay": {"page": "http://127.0.0.1:4000/"}},
    "demo": {
        "owner": {"login": "owner@demo", "password": "p"},
        "operator": {"login": "operator@platform", "password": "q"},
    },
    "first_payment": {"order_no": "D1", "amount_fen": 1, "status": "paid"},
}


def printed(capsys: pytest.CaptureFixture[str], layout: Layout, **said: bool) -> dict[str, str]:
    """Title -> value."""
    up._summary(STACK, layout, said)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "  " in line.strip()]
    return {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in lines}


def test_a_folder_with_blanks_is_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = Path("/tmp/我的 项目/it's/.run")
    told = printed(capsys, Layout(run_dir, 8080))
    for title in ("停止 stop", "再付一笔 pay again"):
        setting, *words = shlex.split(told[title])
        assert setting == f"RUN_DIR={run_dir}"
    assert words[1:3] == ["-m", "deploy.sandbox.dragonfly"]
    assert shlex.split(told["停止 stop"])[1:] == ["make", "stop"]


@pytest.mark.parametrize("port", [8080, 9000])
def test_defaults_are_left_out(capsys: pytest.CaptureFixture[str], port: int) -> None:
    """Whatever the port is: stopping needs none."""
    told = printed(capsys, Layout(ROOT / ".run", port))
    assert told["停止 stop"] == "make stop"
    assert "RUN_DIR" not in told["再付一笔 pay again"]


def test_the_sandboxs_page_is_named_and_no_raw_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = printed(capsys, Layout(ROOT / ".run", 8080))
    assert told["沙箱支付宝 sandbox"] == "http://127.0.0.1:4000/"
    assert not [value for value in told.values() if "/admin" in value]


def test_how_long_it_took_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Each step is told with its time; another clock's time behind them would contradict it."""
    up._summary(STACK, Layout(ROOT / ".run", 8080), {})
    told = capsys.readouterr().out
    assert "豆娘已就绪 Damselfly is up\n" in told
    assert str(STACK["seconds_to_ready"]) not in told


def test_what_an_earlier_start_did_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    layout = Layout(ROOT / ".run", 8080)
    again, first = printed(capsys, layout), printed(capsys, layout, is_first=True, is_lively=True)
    assert first.keys() - again.keys() == {"首笔订单 first order", "演示数据 demo data"}


@pytest.mark.parametrize(
    ("program", "command"),
    [("local", "up"), ("local", "down"), ("local", "reset"), ("kafka", "up"), ("kafka", "wipe")],
)
def test_a_run_dir_that_is_a_file_is_one_sentence(
    tmp_path: Path, program: str, command: str
) -> None:
    place = tmp_path / "a file"
    place.write_text("x")
    done = subprocess.run(
        [sys.executable, "-m", f"deploy.{program}", command], cwd=ROOT, capture_output=True,
        text=True, env={**os.environ, "RUN_DIR": str(place), "PORT": "20990"}, check=False,
        timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "是文件" in done.stderr
    assert "Choose another folder" in done.stderr
    assert place.read_text() == "x"


def test_a_run_dir_without_rights_is_one_sentence(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "r", 8080)
    refused = PermissionError(13, "Permission denied", str(tmp_path / "r" / "logs"))
    with pytest.raises(StackError, match="you may not read or write"), plainly(layout.run_dir):
        raise refused
    # What has nothing to do with it stays a fault of ours.
    with pytest.raises(PermissionError), plainly(layout.run_dir):
        raise PermissionError(13, "Permission denied", "/etc/elsewhere")


def test_somebody_elses_stack_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path, 8080)
    layout.make()
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(StackError, match="another account's"):
        layout.make()


@pytest.mark.parametrize("is_there", [True, False])
def test_as_root_it_is_said_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """Whose account the server takes, whether it is made now, and where its data is."""
    layout = Layout(tmp_path, 8080)

    def found(name: str) -> object:
        if not is_there:
            raise KeyError(name)
        return object()

    monkeypatch.setattr("pwd.getpwnam", found)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    told = postgres.as_root(layout)
    assert told is not None
    assert "as root: PostgreSQL runs as damselfly" in told
    assert ("made now" in told) is not is_there
    assert str(tmp_path) in told or str(postgres.elsewhere(layout)) in told
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert postgres.as_root(layout) is None


def test_a_folder_that_no_start_has_made_its_own_is_left_alone(tmp_path: Path) -> None:
    """RUN_DIR may name a home folder by mistake: nothing of it is deleted."""
    for name in ("logs/a", "postgres/b", "secrets/id_rsa", "thesis.txt", ".profile"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    before = sorted(tmp_path.rglob("*"))
    done = reset(tmp_path)
    assert (done.returncode, "nothing is deleted" in done.stdout) == (0, True)
    assert sorted(tmp_path.rglob("*")) == before


def test_files_beside_the_state_stay(tmp_path: Path) -> None:
    for name in ("supervisor.lock", "local.env", "thesis.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices/HEADLESS-1.json").write_text("a key of the stack that is forgotten")
    assert reset(tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def reset(run_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", "reset"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "RUN_DIR": str(run_dir)}, check=False, timeout=30,
    )  # fmt: skip


@pytest.mark.parametrize("port", ["²", "٣٣٣٣", "8080.0", "-1", ""])
def test_a_port_that_is_none_is_one_sentence(port: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", "down"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PORT": port}, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "is not a usable port number" in done.stderr


@pytest.mark.parametrize("command", ["down", "reset"])
def test_output_that_nobody_reads_stops_nothing(tmp_path: Path, command: str) -> None:
    """`make stop | head`: the work is done, the exit status is its result, and one line says it."""
    layout = Layout(tmp_path / "r", 8080)
    layout.make()
    layout.lock_file.touch()
    state = layout.run_dir / STATE_FILES[0]
    state.touch()
    unread, written = os.pipe()
    os.close(unread)
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", command], cwd=ROOT, stdout=written,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "RUN_DIR": str(layout.run_dir)},
        check=False, timeout=30,
    )  # fmt: skip
    os.close(written)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert "nobody reads the output" in done.stderr
    assert state.exists() is (command == "down")
