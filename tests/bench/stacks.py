"""The two stacks under measurement: the product as `make run` starts it, and the control."""

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.bench.load import Device
from tests.fixtures.console import Console
from tests.fixtures.events import EmbeddedBroker
from tests.fixtures.keys import new_rsa_pair
from tests.fixtures.postgres import Cluster, die_with_parent, free_port
from tests.fixtures.processes import ROOT, new_stack, remove_stack

START_LIMIT_S = 20.0
SETTLE_S = 3.0
STARTS = 3
NOT_OURS = ("sandbox", "dragonfly", "alipay", "supervisor")
"""Programs that simulate the outside world, or only start the others."""


def wait_until_ready(url: str, limit_s: float = START_LIMIT_S) -> float:
    """Seconds until the URL returned 200. It polls rarely, because the cost of polling would be
    counted as part of the start."""
    parts = urlsplit(url)
    started = time.perf_counter()
    while time.perf_counter() - started < limit_s:
        connection = HTTPConnection(parts.netloc, timeout=2)
        try:
            connection.request("GET", parts.path)
            if connection.getresponse().status == 200:
                return time.perf_counter() - started
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.02)
    raise RuntimeError(f"{url} was not ready within {limit_s} s")


class Product:
    """The whole product, in a folder of its own."""

    name = "product"

    def __init__(self, root: Path = ROOT) -> None:
        self._stack = new_stack(root)
        self.root = root
        self.devices: list[Device] = []

    async def start(self, devices: int) -> None:
        self._stack.up()
        demo = self._stack.info["demo"]
        owner = demo["owner"]
        async with Console(self._stack.public, owner["login"], owner["password"]) as console:
            for number in range(devices):
                found = await console.enrol(demo["store_id"], f"BENCH{number:06d}")
                self.devices.append(Device(found.device_id, found.key_id, found.key))

    def stop(self) -> None:
        remove_stack(self._stack)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self._stack.public)
        return str(parts.hostname), int(parts.port or 80)

    @property
    def pids(self) -> dict[str, list[int]]:
        known: dict[str, list[int]] = self._stack.info["processes"]
        return {
            name: pids for name, pids in known.items() if not any(word in name for word in NOT_OURS)
        }

    @property
    def public(self) -> str:
        return self._stack.public

    @property
    def operator(self) -> dict[str, str]:
        """Login and password of the platform's operator."""
        found: dict[str, str] = self._stack.info["demo"]["operator"]
        return found

    @property
    def owner(self) -> dict[str, str]:
        """Login and password of the demo merchant's owner."""
        found: dict[str, str] = self._stack.info["demo"]["owner"]
        return found

    @property
    def merchant_id(self) -> str:
        return str(self._stack.info["demo"]["merchant_id"])

    @property
    def admin(self) -> str:
        return self._stack.admin

    @property
    def databases(self) -> dict[str, str]:
        found: dict[str, str] = self._stack.info["postgres"]
        return found

    def start_seconds(self) -> dict[str, float]:
        """Spawn to /readyz of a second instance of each API process, started like the first: the
        median of a few, once the load before has drained."""
        time.sleep(SETTLE_S)
        found = {}
        for name, pids in self.pids.items():
            if name.endswith("-api") or name.startswith("gateway"):
                times = [self._start_twin(pids[0]) for _ in range(STARTS)]
                found[name] = round(statistics.median(times), 3)
        return found

    def _start_twin(self, pid: int) -> float:
        """How long the same command needs on a port of its own."""
        arguments, environment = command_of(pid)
        port = free_port()
        started = time.perf_counter()
        twin = self.spawn(arguments, environment | {"LISTEN": f"127.0.0.1:{port}"})
        try:
            wait_until_ready(f"http://127.0.0.1:{port}/readyz")
            return time.perf_counter() - started
        finally:
            twin.kill()
            twin.wait(timeout=10)

    def spawn(
        self, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Starts a process from this product's code."""
        return subprocess.Popen(
            arguments, env=environment, cwd=self.root,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )  # fmt: skip


def command_of(pid: int) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that a process was started with."""
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    raw = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return arguments, dict(pair.partition("=")[::2] for pair in raw.split("\0") if pair)


class Control:
    """The straight build, with a PostgreSQL, a broker and a sandbox of its own."""

    name = "control"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="df-c-"))
        self._cluster = Cluster(self._folder, fsync=True)
        self._broker = EmbeddedBroker()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, int] = {}
        self.devices: list[Device] = []

    def _url(self, role: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self._ports[role]}{path}"

    def _spawn(self, name: str, *arguments: str, **environment: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, **environment}, preexec_fn=die_with_parent,  # noqa: PLW1509
            )  # fmt: skip

    async def start(self, devices: int) -> None:
        self._cluster.start()
        self._broker.start()
        # Only now: the two above have taken theirs.
        self._ports = {role: free_port() for role in ("edge", "egress", "payment", "sandbox")}
        (self._folder / "sandbox").mkdir()
        self._spawn(
            "sandbox", "deploy.sandbox.alipay", "--host", "127.0.0.1",
            "--port", str(self._ports["sandbox"]), "--data", str(self._folder / "sandbox"),
        )  # fmt: skip
        wait_until_ready(self._url("sandbox", "/admin/health"))
        environment = self._settings(devices)
        subprocess.run(
            [sys.executable, "-m", "tests.bench.control", "tables"],
            cwd=ROOT, env={**os.environ, **environment}, check=True,
        )  # fmt: skip
        for role in ("edge", "egress", "payment", "relay", "order", "campaign"):
            port = str(self._ports.get(role, 0))
            self._spawn(role, "tests.bench.control", role, port, **environment)
        try:
            for role in ("edge", "egress", "payment"):
                wait_until_ready(self._url(role, "/readyz"))
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{self.logs()}") from None

    def _settings(self, devices: int) -> dict[str, str]:
        """Registers the application with the sandbox and writes what the processes read."""
        pair = new_rsa_pair()
        response = httpx.post(
            self._url("sandbox", "/admin/apps"),
            json={"public_key": pair.public_b64, "mode": "key"},
            timeout=10,
        )
        response.raise_for_status()
        app = response.json()
        self.devices = [
            Device(f"d{number}", "k1", secrets.token_bytes(32)) for number in range(devices)
        ]
        path = self._folder / "secrets.json"
        known: dict[str, Any] = {
            "app_id": app["app_id"],
            "app_private_pem": pair.private_pem.decode(),
            "alipay_public": app["alipay_public_key"],
            "merchant_id": "m1",
            "store_id": "s1",
            "devices": {
                d.device_id: {"key_id": d.key_id, "key": d.key.hex()} for d in self.devices
            },
        }
        path.write_text(json.dumps(known))
        path.chmod(0o600)
        database = self._cluster.empty("control")
        return {
            "CONTROL_SECRETS": str(path),
            # SQLAlchemy passes URL parameters on to asyncpg, which has a shorter name for this one.
            "CONTROL_DATABASE_URL": database.owner_url.replace("://", "+asyncpg://").replace(
                "sslmode=", "ssl="
            ),
            "CONTROL_PAYMENT_URL": self._url("payment"),
            "CONTROL_EGRESS_URL": self._url("egress"),
            "CONTROL_PUBLIC_URL": self._url("edge"),
            "CONTROL_ALIPAY_URL": self._url("sandbox", "/gateway.do"),
            "CONTROL_KAFKA": self._broker.bootstrap,
        }

    def stop(self) -> None:
        for child in self._children.values():
            child.kill()
            child.wait(timeout=10)
        self._broker.stop()
        self._cluster.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._ports["edge"]

    @property
    def pids(self) -> dict[str, list[int]]:
        own = {name: [child.pid] for name, child in self._children.items() if name != "sandbox"}
        return {**own, "postgres": [self._cluster.pid], "broker": [self._broker.pid]}

    @property
    def admin(self) -> str:
        return self._url("sandbox", "/admin")

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}"
            for path in sorted(self._folder.glob("*.log"))
        )
