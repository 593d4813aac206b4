"""The programs of the payment service, started as they are in production."""

import asyncio
import os
import subprocess
import sys

import httpx

from tests.fixtures.postgres import die_with_parent, free_port

COMMAND = [sys.executable, "-m", "services.payment"]


def start(command, settings):
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, command],
        env={"PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{port}", **settings},
        stdout=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509
    )
    return process, f"http://127.0.0.1:{port}"


async def ready(process, url):
    async with httpx.AsyncClient() as client, asyncio.timeout(40):
        while True:
            assert process.poll() is None
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
