"""The public SDKs as the tests see them: one process per language, JSON lines both ways."""

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.conformance.sdk_install import HERE, home
from tests.fixtures.keys import RsaPair

Command = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """One public SDK, and what it is able to do."""

    name: str
    driver: str
    package: str
    has_cert_mode: bool = True


FAMILIES = (
    Family("node", "node", "npm alipay-sdk 4.14.0"),
    Family("python_official", "python_official", "PyPI alipay-sdk-python 3.7.1411", False),
    Family("python_fzlee", "python_fzlee", "PyPI python-alipay-sdk 3.4.0"),
    Family("java_official", "java", "com.alipay.sdk:alipay-sdk-java 4.40.734.ALL"),
    Family("java_easy", "java", "com.alipay.sdk:alipay-easysdk 2.2.3"),
    Family("go_smartwalle", "go", "github.com/smartwalle/alipay/v3 v3.2.23"),
    Family("go_gopay", "go", "github.com/go-pay/gopay v1.5.114"),
)
NAMES = tuple(family.name for family in FAMILIES)
WITH_CERTIFICATES = tuple(family.name for family in FAMILIES if family.has_cert_mode)


def _words(driver: str) -> list[str]:
    target = home() / driver
    return {
        "node": [f"{target}/node", str(HERE / "node" / "driver.cjs")],
        "python_official": [f"{target}/bin/python", str(HERE / driver / "driver.py")],
        "python_fzlee": [f"{target}/bin/python", str(HERE / driver / "driver.py")],
        "java": [
            "java", "-Xshare:auto", "-XX:+UseSerialGC", "-Xmx256m",
            "-cp", f"{target}/classes:{target}/lib/*", "conformance.Driver",
        ],
        "go": [f"{target}/driver"],
    }[driver]  # fmt: skip


class Driver:
    """One running driver program; answers come in the order of the questions."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log
        self._lock = threading.Lock()
        # An SDK's own time stamps are local time: Alipay's is Beijing's.
        environment = {**os.environ, "SDK_HOME": str(home() / name), "TZ": "Asia/Shanghai"}
        with log.open("wb") as errors:
            self.child = subprocess.Popen(
                _words(name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env=environment, text=True, encoding="utf-8",
            )  # fmt: skip

    def ask_all(self, asked: Sequence[Command]) -> list[Command]:
        """Writes all of them while it reads: neither pipe may fill up."""
        if not asked:
            return []
        stdin, stdout = self.child.stdin, self.child.stdout
        assert stdin is not None
        assert stdout is not None
        lines = [json.dumps(item) + "\n" for item in asked]
        with self._lock:
            writer = threading.Thread(target=_write, args=(stdin, lines))
            writer.start()
            told = [stdout.readline() for _ in lines]
            writer.join()
        assert all(told), f"{self.name} ended: {self._log.read_text(errors='replace')[-2000:]}"
        return [json.loads(line) for line in told]

    def stop(self) -> None:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(10)
        self.child.stdout.close()


def _write(stdin: IO[str], lines: Sequence[str]) -> None:
    for line in lines:
        stdin.write(line)
    stdin.flush()


@dataclass
class Drivers:
    """All five programs, started when they are first needed."""

    logs: Path
    running: dict[str, Driver] = field(default_factory=dict)

    def of(self, sdk: str) -> Driver:
        name = next(family.driver for family in FAMILIES if family.name == sdk)
        if name not in self.running:
            self.running[name] = Driver(name, self.logs / f"{name}.log")
        return self.running[name]

    def ask(self, sdk: str, **command: Any) -> Command:
        return self.ask_all(sdk, [command])[0]

    def ask_all(self, sdk: str, commands: Sequence[Command]) -> list[Command]:
        return self.of(sdk).ask_all([{**command, "sdk": sdk} for command in commands])

    def everybody(self, commands: dict[str, list[Command]]) -> dict[str, list[Command]]:
        """Each SDK its own list, the programs side by side."""
        told: dict[str, list[Command]] = {}

        def work(driver: str) -> None:
            for sdk, asked in commands.items():
                if self.of(sdk).name == driver:
                    told[sdk] = self.ask_all(sdk, asked)

        drivers = {self.of(sdk).name for sdk in commands}
        threads = [threading.Thread(target=work, args=(driver,)) for driver in sorted(drivers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return told

    def stop(self) -> None:
        for driver in self.running.values():
            driver.stop()


def private_key(pair: RsaPair) -> Command:
    """The private half in both spellings; every SDK takes the one it understands."""
    pkcs8 = "".join(pair.private_pem.decode().splitlines()[1:-1])
    return {"private_key": pair.private_b64, "private_key_pkcs8": pkcs8}
