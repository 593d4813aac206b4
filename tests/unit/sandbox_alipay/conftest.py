"""A real sandbox process for the session, and a merchant with a key of its own per test."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.sandbox_alipay.merchant import Merchant

ROOT = Path(__file__).parents[3]


class Process:
    """`python -m deploy.sandbox.alipay` on a free port."""

    def __init__(self, data: Path) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "deploy.sandbox.alipay", "--port", "0", "--data", str(data)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        out: IO[bytes] | None = self.child.stdout
        assert out is not None
        line = out.readline().decode()
        found = re.search(r"(http://[^/]+)/gateway\.do", line)
        assert found, line
        self.base = found[1]

    def kill(self) -> None:
        self.child.kill()
        self._gone()

    def stop(self) -> int:
        self.child.terminate()
        return self._gone()

    def _gone(self) -> int:
        code = self.child.wait(10)
        assert self.child.stdout is not None
        self.child.stdout.close()
        return code


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Process]]:
    started: list[Process] = []

    def start(data: Path) -> Process:
        started.append(Process(data))
        return started[-1]

    yield start
    for process in started:
        if process.child.poll() is None:
            process.kill()


@pytest.fixture(scope="session")
def sandbox(start: Callable[[Path], Process], tmp_path_factory: pytest.TempPathFactory) -> Process:
    return start(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def alipay_pem() -> str:
    """What the sandbox answers with: making a pair for each test would take most of the time."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def merchant(
    sandbox: Process, http: aiohttp.ClientSession, key: rsa.RSAPrivateKey, alipay_pem: str
) -> AsyncIterator[Merchant]:
    merchant = Merchant(http, sandbox.base, key)
    await merchant.register(alipay_private_key=alipay_pem)
    yield merchant
    await merchant.admin("DELETE", "faults")
    await merchant.admin("POST", "clock", {"scale": 1})


class Receiver:
    """A notify_url that answers what the test wants."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((headers, await request.read()))
        return web.Response(text=self.answers.pop(0) if self.answers else "success")


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/notify"
    yield receiver
    await runner.cleanup()
