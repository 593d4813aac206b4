"""Where this stack keeps its things and which ports it uses; settings from the environment."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("binding", "device", "payment", "campaign", "order")
DEFAULT_PORT = 8080


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
        if not given.isdigit() or not 1 <= int(given) <= 65_534:
            raise StackError(f"PORT={given} 不是可用的端口号 is not a usable port number")
        run_dir = Path(os.environ.get("RUN_DIR", ".run"))
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

    def make(self) -> None:
        for folder in (self.run_dir, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)


def is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int, variable: str) -> None:
    """StackError naming the port and the setting that moves it."""
    if not is_free(port):
        raise StackError(
            f"端口 {port} 已被占用，请换一个：{variable}\n"
            f"port {port} is taken; choose another: {variable}"
        )


def choose_ports(layout: Layout, names: list[str]) -> dict[str, int]:
    """name -> port. The public port and its neighbour are fixed; the others are picked free once,
    remembered, and picked anew when somebody else took them meanwhile."""
    require_free(layout.port, "PORT=… make run")
    require_free(layout.port + 1, "PORT=… make run (PORT + 1: egress)")
    path = layout.run_dir / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    fixed = {"gateway-edge": layout.port, "gateway-egress": layout.port + 1}
    ports: dict[str, int] = {}
    for name in names:
        wanted = fixed.get(name, known.get(name, 0))
        usable = name in fixed or (wanted and wanted not in ports.values() and is_free(wanted))
        ports[name] = wanted if usable else _pick({*ports.values(), *fixed.values()})
    path.write_text(json.dumps(ports, indent=2))
    return ports


def _pick(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
