"""The public SDKs' programs and a sandbox for the session; nothing of it outside `make test-sdks`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.sdk_drivers import Drivers
from tests.conformance.sdk_sandbox import Sandbox

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
