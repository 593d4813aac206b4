"""`make console-dev`: the pages as they are being written, with the API of the stack that runs."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import context_of, sign_in
from tests.fixtures.processes import ROOT, Stack

READY_WITHIN_S = 120.0
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def dev_server(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """Its address, as it says it."""
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "console", "dev"], cwd=ROOT, stdout=out,
            stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "RUN_DIR": str(stack.run_dir)},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while (found := re.search(r"http://localhost:\d+", said.read_text())) is None:
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.1)
        yield found[0]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def test_sign_in_on_the_dev_server(browser: Browser, stack: Stack, dev_server: str) -> None:
    """Cookie, CSRF token and the API go through it: what is tried there is tried for good."""
    context = context_of(browser, stack, base_url=dev_server)
    page = context.new_page()
    page.add_init_script("localStorage.setItem('damselfly.language', 'zh-CN')")
    sign_in(page, stack.info["demo"]["owner"], at="/devices")
    page.get_by_role("row").filter(has_text=stack.info["demo"]["device"]["sn"]).wait_for()
    assert page.locator("script[src*='/@vite/client']").count() == 1
    context.close()
