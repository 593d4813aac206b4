"""The output of `make run`, `make stop` and `make reset` for the person at the terminal."""

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from deploy.local import leftovers
from deploy.local.children import answers
from deploy.local.layout import ROOT, STATE_FILES, STATE_FOLDERS, Layout, StackError
from deploy.local.ports import require_free
from deploy.local.postgres import elsewhere

STOP_TIMEOUT_S = 40.0
HEALTHY_TIMEOUT_S = 15.0
POLL_S = 0.05
GRACE_S = 10.0


def say(text: str) -> None:
    """Prints a line. When nobody reads the output any more (`make run | head`), the work goes on
    without it, because its result is the exit status."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        with contextlib.suppress(BrokenPipeError):  # `2>&1 | head` closes both
            sys.stderr.write(
                "输出已无人读取，继续但不再显示 nobody reads the output: going on without it\n"
            )


def running_supervisor(layout: Layout) -> int | None:
    """Its pid while it holds the lock (0: not yet written)."""
    try:
        with layout.lock_file.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                written = lock.read().strip()
                return int(written) if written.isdigit() else 0
    except FileNotFoundError:
        pass
    return None


def up(layout: Layout) -> None:
    """Starts the supervisor in the background and follows it until it is ready or has failed."""
    layout.make()
    is_up = running_supervisor(layout) is not None
    if is_up and layout.stack_file.exists():
        _already_up(layout)
        return
    started = time.time()
    if not is_up:
        _start(layout, started)
    try:
        done = _follow(layout, started)
    except KeyboardInterrupt:
        down(layout)
        raise StackError("已取消 called off") from None
    _summary(json.loads(layout.stack_file.read_text()), layout, done)


def _already_up(layout: Layout) -> None:
    stack = json.loads(layout.stack_file.read_text())
    public = stack["gateway"]["public"]
    deadline = time.monotonic() + HEALTHY_TIMEOUT_S
    while not answers(f"{public}/readyz"):
        if time.monotonic() > deadline:
            raise StackError(
                f"已启动但不健康，请看日志或先 make stop\n"
                f"it is up but not healthy; see {layout.logs}, or make stop first"
            )
        time.sleep(POLL_S)
    say("已在运行 it is already up")
    _summary(stack, layout)


def _start(layout: Layout, started: float) -> None:
    ended = leftovers.end(layout.children_file)
    if ended:
        say(f"清理上次遗留的进程 ended what an earlier stack left: {' '.join(ended)}")
    require_free(layout)
    layout.progress_file.write_text("")
    layout.stack_file.unlink(missing_ok=True)
    with (layout.logs / "supervisor.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "supervise", "--started", str(started)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "RUN_DIR": str(layout.run_dir), "PORT": str(layout.port)},
        )  # fmt: skip


def _follow(layout: Layout, started: float) -> dict[str, Any]:
    """Prints the progress until all is ready; gives the last step, and what this start did."""
    read = 0
    grace = time.monotonic() + GRACE_S
    while True:
        is_up = running_supervisor(layout) is not None
        lines = layout.progress_file.read_text().splitlines()
        for line in lines[read:]:
            step: dict[str, Any] = json.loads(line)
            if step.get("failed"):
                _until_gone(layout)
                raise StackError(step["text"])
            say(f"[{time.time() - started:5.1f} s] {step['text']}")
            if step.get("ready"):
                return step
        read = len(lines)
        if not is_up and (read or time.monotonic() > grace):
            tail = (layout.logs / "supervisor.log").read_text(errors="replace")[-1500:]
            raise StackError(f"守护进程已退出 the supervisor has ended\n{tail}")
        time.sleep(POLL_S)


def _until_gone(layout: Layout) -> bool:
    """Whether the supervisor ended in time."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while running_supervisor(layout) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _pasted(layout: Layout, *words: str) -> str:
    """A command as it can be pasted into a terminal, without settings that have their defaults."""
    setting = "" if layout.is_default else f"RUN_DIR={shlex.quote(str(layout.run_dir))} "
    return setting + shlex.join(words)


def _dragonfly(layout: Layout) -> str:
    """The command that pays once more."""
    python = os.path.relpath(sys.executable)
    python = sys.executable if python.startswith("..") else python
    return _pasted(
        layout, python, "-m", "deploy.sandbox.dragonfly", "pay", "--amount", "0.01", "--face"
    )


def _summary(
    stack: dict[str, Any], layout: Layout, done: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """The addresses and accounts of the running stack. `done`: what this start has done that no
    earlier one had."""
    rows = [("控制台 console", stack["gateway"]["public"])]
    if "demo" in stack:
        for title, who in (
            ("商户登录 merchant login", "owner"),
            ("服务商登录 operator login", "operator"),
        ):
            account = stack["demo"][who]
            rows.append((title, f"{account['login']}  {account['password']}"))
        rows.append(("沙箱支付宝 sandbox", stack["sandbox"]["alipay"]["page"]))
        if done.get("is_first"):
            paid = stack["first_payment"]
            yuan = f"{paid['amount_fen'] // 100}.{paid['amount_fen'] % 100:02d}"
            rows.append(
                ("首笔订单 first order", f"{paid['order_no']}  {yuan} 元  {paid['status']}")
            )
        if done.get("is_lively"):
            rows.append(
                (
                    "演示数据 demo data",
                    "正在后台生成，约一分钟 being made in the background, about a minute",
                )
            )
        rows.append(("再付一笔 pay again", _dragonfly(layout)))
    rows += [
        ("详情 details", str(layout.stack_file)),
        ("日志 logs", str(layout.logs)),
        ("停止 stop", _pasted(layout, "make", "stop")),
    ]
    say("\n  豆娘已就绪 Damselfly is up\n")
    for title, value in rows:
        # A Chinese character is two columns wide.
        width = sum(2 if ord(letter) > 0x2E80 else 1 for letter in title)
        say(f"  {title}{' ' * max(2, 26 - width)}{value}")


def _supervisor_pid(layout: Layout) -> int | None:
    """Waits for the moment between its lock and its pid."""
    while (pid := running_supervisor(layout)) == 0:
        time.sleep(POLL_S)
    return pid


def down(layout: Layout) -> None:
    """Ends everything; the state stays."""
    pid = _supervisor_pid(layout)
    if pid is None:
        ended = leftovers.end(layout.children_file)
        layout.stack_file.unlink(missing_ok=True)
        say("已停止 stopped" if ended else "没有在运行 nothing is running")
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not _until_gone(layout):
        raise StackError("未能停止 it does not stop; see logs/supervisor.log")
    say("已停止 stopped")


def reset(layout: Layout) -> None:
    """Stops, and forgets the local state (databases, sandbox ledger, keys): by name, and in a
    folder that a start has made its own only. RUN_DIR may name anything, a home folder too."""
    try:
        layout.lock_file.stat()
    except FileNotFoundError:
        say(
            f"{layout.run_dir} 里没有启动过本平台，未删除任何内容\n"
            f"nothing was ever started in {layout.run_dir}: nothing is deleted"
        )
        return
    down(layout)
    shutil.rmtree(elsewhere(layout), ignore_errors=True)
    for name in STATE_FOLDERS:
        shutil.rmtree(layout.run_dir / name, ignore_errors=True)
    for name in STATE_FILES:
        (layout.run_dir / name).unlink(missing_ok=True)
    say("已清空 local state forgotten")
