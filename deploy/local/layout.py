"""The files and folders of this stack, and its settings from the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("binding", "device", "payment", "campaign", "order")
DEFAULT_PORT = 8080
DEFAULT_RUN_DIR = ".run"
STATE_FOLDERS = ("postgres", "sandbox-alipay", "secrets", "logs", "devices")
STATE_FILES = (
    "audit-anchors.jsonl", "children.json", "demo.json", "device.journal", "device.json",
    "device.lock", "local.env", "migrated.txt", "ports.json", "progress.jsonl", "stack.json",
    "supervisor.lock",
)  # fmt: skip
"""All that a stack and its devices write into RUN_DIR; other files there are somebody else's."""


class StackError(Exception):
    """One clear line for the person who typed `make run`."""


@dataclass(frozen=True)
class Layout:
    """Everything under RUN_DIR, and what the environment asks for."""

    run_dir: Path
    port: int

    @classmethod
    def from_environment(cls) -> "Layout":
        given = os.environ.get("PORT", str(DEFAULT_PORT))
        if not (given.isascii() and given.isdecimal()) or not 1 <= int(given) <= 65_534:
            raise StackError(f"PORT={given} 不是可用的端口号 is not a usable port number")
        run_dir = Path(os.environ.get("RUN_DIR") or DEFAULT_RUN_DIR)
        return cls(run_dir if run_dir.is_absolute() else ROOT / run_dir, int(given))

    @property
    def logs(self) -> Path:
        return self.run_dir / "logs"

    @property
    def secrets(self) -> Path:
        return self.run_dir / "secrets"

    @property
    def stack_file(self) -> Path:
        return self.run_dir / "stack.json"

    @property
    def progress_file(self) -> Path:
        return self.run_dir / "progress.jsonl"

    @property
    def lock_file(self) -> Path:
        return self.run_dir / "supervisor.lock"

    @property
    def children_file(self) -> Path:
        return self.run_dir / "children.json"

    @property
    def device_file(self) -> Path:
        return self.run_dir / "device.json"

    @property
    def demo_file(self) -> Path:
        return self.run_dir / "demo.json"

    @property
    def is_default(self) -> bool:
        """Whether commands find it without RUN_DIR."""
        return self.run_dir == ROOT / DEFAULT_RUN_DIR

    def make(self) -> None:
        for folder in (self.run_dir, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        owner = self.secrets.stat().st_uid
        if owner != os.geteuid():
            raise StackError(
                f"RUN_DIR={self.run_dir} 属于另一个账号（uid {owner}），请换一个目录："
                "RUN_DIR=… make run\n"
                f"RUN_DIR={self.run_dir} is another account's (uid {owner}); choose another folder:"
                " RUN_DIR=… make run"
            )


@contextmanager
def plainly(run_dir: Path) -> Iterator[None]:
    """Turns an operating system error about RUN_DIR into one sentence for the person."""
    try:
        yield
    except OSError as error:
        place = Path(os.fsdecode(error.filename)) if error.filename else None
        if place is None or not (place.is_relative_to(run_dir) or run_dir.is_relative_to(place)):
            raise
        raise StackError(_unusable(run_dir, place, error)) from error


def _unusable(run_dir: Path, place: Path, error: OSError) -> str:
    """RUN_DIR cannot be used: why, and what to do."""
    match error:
        case FileExistsError() | NotADirectoryError():
            why, reason = f"{place} 是文件，不是目录", f"{place} is a file, not a folder"
        case PermissionError():
            why, reason = f"没有 {place} 的读写权限", f"you may not read or write {place}"
        case _:
            why, reason = f"{place}: {error.strerror}", f"{place}: {error.strerror}"
    return (
        f"RUN_DIR={run_dir} 不能用：{why}。请换一个目录（RUN_DIR=…）\n"
        f"RUN_DIR={run_dir} cannot be used: {reason}. Choose another folder (RUN_DIR=…)"
    )
