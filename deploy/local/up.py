"""What the person sees of `make run`, `make stop` and `make reset`."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

from deploy.local.layout import ROOT, Layout, StackError, require_free
from deploy.local.postgres import elsewhere

STOP_WITHIN_S = 40.0
LOOK_AGAIN_S = 0.05


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def running_supervisor(layout: Layout) -> int | None:
    """Its pid while it holds the lock."""
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
    started = time.time()
    if running_supervisor(layout) is None:
        for port in (layout.port, layout.port + 1):
            require_free(port, "PORT=… make run")
        layout.progress_file.write_text("")
        layout.stack_file.unlink(missing_ok=True)
        with (layout.logs / "supervisor.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "supervise", "--started", str(started)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                env={**os.environ, "RUN_DIR": str(layout.run_dir), "PORT": str(layout.port)},
            )  # fmt: skip
    _follow(layout, started)
    _summary(json.loads(layout.stack_file.read_text()), layout)


def _follow(layout: Layout, started: float) -> None:
    read = 0
    grace = time.monotonic() + 10.0
    while True:
        lines = layout.progress_file.read_text().splitlines()
        for line in lines[read:]:
            step: dict[str, Any] = json.loads(line)
            if step.get("failed"):
                raise StackError(step["text"])
            _say(f"[{time.time() - started:5.1f} s] {step['text']}")
            if step.get("ready"):
                return
        read = len(lines)
        if running_supervisor(layout) is None and time.monotonic() > grace:
            tail = (layout.logs / "supervisor.log").read_text(errors="replace")[-1500:]
            raise StackError(f"守护进程已退出 the supervisor has ended\n{tail}")
        time.sleep(LOOK_AGAIN_S)


def _summary(stack: dict[str, Any], layout: Layout) -> None:
    _say("")
    _say(f"  豆娘已就绪 Damselfly is up        {stack['gateway']['public']}")
    if "demo" in stack:
        owner, paid = stack["demo"]["owner"], stack["first_payment"]
        _say(f"  商户登录 merchant login         {owner['login']}  {owner['password']}")
        _say(
            f"  首笔订单 first order            {paid['order_no']}  "
            f"{paid['amount_fen'] // 100}.{paid['amount_fen'] % 100:02d} 元  {paid['status']}"
        )
        _say(
            "  再付一笔 pay again              "
            "python -m deploy.sandbox.dragonfly pay --amount 0.01 --face"
        )
        _say(f"  沙箱账本 sandbox ledger         {stack['sandbox']['alipay']['admin']}/trades")
    _say(f"  详情 details                    {layout.stack_file}")
    _say(f"  日志 logs                       {layout.logs}")
    _say("  停止 stop                       make stop")


def down(layout: Layout) -> None:
    """Ends everything; the state stays."""
    pid = running_supervisor(layout)
    if pid is None:
        _say("没有在运行 nothing is running")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN_S
    while running_supervisor(layout) is not None:
        if time.monotonic() > deadline:
            raise StackError("未能停止 it does not stop; see logs/supervisor.log")
        time.sleep(LOOK_AGAIN_S)
    _say("已停止 stopped")


def reset(layout: Layout) -> None:
    """Stops, and forgets the local state (databases, sandbox ledger, keys)."""
    if running_supervisor(layout) is not None:
        down(layout)
    shutil.rmtree(elsewhere(layout), ignore_errors=True)
    for name in ("postgres", "sandbox-alipay", "secrets", "logs"):
        shutil.rmtree(layout.run_dir / name, ignore_errors=True)
    for path in layout.run_dir.glob("*"):
        if path.is_file():
            path.unlink()
    _say("已清空 local state forgotten")
