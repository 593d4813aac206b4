"""The payment that a device is in the middle of, on disk before it is sent."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCK_TIMEOUT_S = 150.0
POLL_S = 0.1


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, on disk when it returns, readable by its owner only."""
    draft = path.with_suffix(path.suffix + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


@contextlib.contextmanager
def alone(journal: Path) -> Iterator[None]:
    """One payment at a time per device, also when two terminals use the same device file."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with journal.with_suffix(".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError("设备正忙 the device is busy with another payment") from None
                time.sleep(POLL_S)
        yield


class Journal:
    """The payment this device is in the middle of; at most one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._open: dict[str, Any] | None = None
        self.is_new = False
        """Whether the open payment was begun by this process, not found on disk."""
        if path is not None and path.exists():
            self._open = json.loads(path.read_text())

    @property
    def unfinished(self) -> dict[str, Any] | None:
        return self._open

    def begin(self, body: dict[str, Any]) -> None:
        """Written before the first byte is sent; refuses to replace an unfinished payment."""
        if self._open is not None:
            raise RuntimeError("resume the unfinished payment first")
        if self._path is not None:
            write_private(self._path, json.dumps(body, ensure_ascii=False))
        self._open, self.is_new = body, True

    def finish(self) -> None:
        self._open = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
