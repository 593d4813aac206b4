"""Child processes: started, watched, restarted with backoff, and ended with the supervisor."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from deploy.local.layout import ROOT
from deploy.local.processes import Spec

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 5.0
HEALTHY_AFTER_S = 30.0
STOP_TIMEOUT_S = 10.0
LOG_MAX_BYTES = 20 * 1024 * 1024
COPY_BYTES = 1024 * 1024
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent(signum: int) -> Callable[[], None]:
    """A supervisor killed with -9 must not leave its children behind."""

    def ask() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signum)

    return ask


def trim(path: Path, limit: int = LOG_MAX_BYTES) -> None:
    """Moves a log that has grown too long to `.1`. The writer keeps its open file (it appends),
    so the text is copied and the file emptied; a line written in between is lost."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size <= limit:
            return
        with path.open("r+b") as log, path.with_name(path.name + ".1").open("wb") as older:
            shutil.copyfileobj(log, older, COPY_BYTES)
            log.truncate(0)


class Child:
    """One process under the supervisor."""

    def __init__(self, spec: Spec, logs: Path) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def how_it_ended(self) -> str:
        """The exit status or the signal's name, for the supervisor's log."""
        code = self._process.poll() if self._process is not None else None
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return f"exit {code}"

    def start(self) -> None:
        trim(self.log)
        # PostgreSQL stops fast on SIGINT; on SIGTERM it waits for every client.
        stop_signal = signal.SIGINT if self.spec.name == "postgres" else signal.SIGTERM
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.spec.command,
                env=self.spec.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent(stop_signal),  # noqa: PLW1509 - one thread forks here
                **{"cwd": ROOT, **self.spec.popen},
            )

    async def watch(self, on_restart: "Callable[[Child, str], None]") -> None:
        """Starts it again whenever it ends, more slowly each time it does not last."""
        pause = BACKOFF_FIRST_S
        while True:
            started = time.monotonic()
            await self._ended()
            if time.monotonic() - started > HEALTHY_AFTER_S:
                pause = BACKOFF_FIRST_S
            why = self.how_it_ended
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF_MAX_S)
            self.restarts += 1
            try:
                self.start()
            except OSError as error:  # no memory or no pids left at the moment: try again later
                why = f"{why}; {error}"
            on_restart(self, why)

    async def _ended(self) -> None:
        """Waits for the kernel to report the end: polling all children would keep an idle machine
        busy."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        # The child is not reaped before `poll`, so its pid cannot be another process's yet.
        handle = os.pidfd_open(process.pid)
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(handle, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        process.poll()

    async def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        stop_signal = signal.SIGINT if self.spec.name == "postgres" else signal.SIGTERM
        self._process.send_signal(stop_signal)
        try:
            await asyncio.wait_for(self._ended(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            self._process.wait()

    def log_tail(self, limit: int = 1500) -> str:
        """The end of its log, for the person whose start failed."""
        if not self.log.exists():
            return ""
        return self.log.read_text(errors="replace")[-limit:]


def answers(url: str) -> bool:
    """Whether the address answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 - loopback, ours
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
