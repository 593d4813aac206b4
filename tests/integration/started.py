"""A service's commands as they are started: `python -m services.<name> …`."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.fixtures.postgres import die_with_parent, free_port


class Started:
    """One process of a service, and where it says that it is ready."""

    def __init__(self, service: str, command: str, settings: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/readyz"
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"services.{service}", command],
            env={"PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{port}", **settings},
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )

    async def ready(self) -> None:
        async with httpx.AsyncClient() as client, asyncio.timeout(90):
            while True:
                assert self.process.poll() is None
                try:
                    if (await client.get(self.url)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    def ended(self) -> int:
        """Its exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def told(service: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command without any setting, and what it said."""
    return subprocess.run(
        [sys.executable, "-m", f"services.{service}", *words],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )


def settings_of(service: str, place, service_keys, kafka_bootstrap: str) -> dict[str, str]:  # type: ignore[no-untyped-def]
    """What both processes of a service need to be told."""
    name = service.upper()
    return {
        f"DATABASE_URL_{name}": place.app_url,
        f"DATABASE_SYSTEM_URL_{name}": place.system_url,
        "KAFKA_BOOTSTRAP": kafka_bootstrap,
        "SERVICE_KEY_FILE": str(service_keys.key_file(service)),
        "SERVICE_TRUST_FILE": str(service_keys.trust_file),
    }
