"""The public SDKs' programs and a sandbox, for the session of `make test-sdks`."""

import os
import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.sdk_cases import SEED, SETS, signing_case
from tests.conformance.sdk_drivers import Command, Drivers, private_key
from tests.conformance.sdk_sandbox import Sandbox
from tests.fixtures.keys import RsaPair

collect_ignore_glob = [] if os.environ.get("SDKS_HOME") else ["test_sdks*.py"]
"""The SDKs need Node, a JDK and Go: a target of its own installs and runs them."""


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drivers]:
    made = Drivers(tmp_path_factory.mktemp("sdks"))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(Path(tmp_path_factory.mktemp("sandbox")))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def signing_sets(app_keys: RsaPair) -> list[Command]:
    """A thousand commands to sign, the same ones in every run."""
    chance = random.Random(SEED)
    return [{**signing_case(chance), **private_key(app_keys)} for _ in range(SETS)]


@pytest.fixture(scope="session", autouse=True)
def signed_slowly(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[list[Command]]]]:
    """Official Python signs in pure Python, 40 a second at best: a program of its own starts on the
    thousand sets when the session begins, beside everything else."""
    if not any(item.path.name == "test_sdks_sign.py" for item in request.session.items):
        yield {}
        return
    logs: Path = request.getfixturevalue("tmp_path_factory").mktemp("slow")
    sets: list[Command] = request.getfixturevalue("signing_sets")
    program = Drivers(logs)
    with ThreadPoolExecutor(1) as pool:
        yield {"python_official": pool.submit(program.ask_all, "python_official", sets)}
        program.stop()
