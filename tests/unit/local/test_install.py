"""What `make` tells uv of pip's settings: without them an ordinary account behind a company's own
index and authority cannot install."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.processes import ROOT

PIP = """#!/bin/sh
# pip config get NAME
for pair in "$@"; do name=$pair; done
case "$name" in
%s
esac
exit 1
"""
UV = """#!/bin/sh
env | grep -E '^(UV_DEFAULT_INDEX|SSL_CERT_FILE|UV_SYSTEM_CERTS)=' >"$SEEN_BY_UV"
"""


def told(tmp_path: Path, settings: dict[str, str], **shell: str) -> dict[str, str]:
    """What uv would see, where pip's own settings are these."""
    binaries = tmp_path / "venv" / "bin"
    binaries.mkdir(parents=True)
    cases = "\n".join(f'"{name}") echo "{value}"; exit 0;;' for name, value in settings.items())
    for name, script in (("python", PIP % cases), ("uv", UV)):
        (binaries / name).write_text(script)
        (binaries / name).chmod(0o755)
    out = tmp_path / "told"
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_", "SSL_", "MAKE"))
    }
    done = subprocess.run(
        ["make", "-s", f"VENV={tmp_path / 'venv'}", str(tmp_path / "venv" / "run.stamp")],
        cwd=ROOT, env={**clean, "SEEN_BY_UV": str(out), **shell}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in out.read_text().splitlines())


def test_index_and_authority_of_pips_settings(tmp_path: Path) -> None:
    given = {"global.index-url": "https://index.test/", "global.cert": "/etc/our ca.pem"}
    found = told(tmp_path, given)
    assert found["UV_DEFAULT_INDEX"] == given["global.index-url"]
    assert found["SSL_CERT_FILE"] == given["global.cert"]


def test_also_where_they_are_given_for_installing_alone(tmp_path: Path) -> None:
    found = told(tmp_path, {"install.cert": "/etc/ca.pem"})
    assert found["SSL_CERT_FILE"] == "/etc/ca.pem"


def test_without_settings_uv_believes_whom_the_system_believes(tmp_path: Path) -> None:
    assert told(tmp_path, {}) == {"UV_SYSTEM_CERTS": "1"}


@pytest.mark.parametrize("shell", [{"PIP_CERT": "/mine.pem"}, {"SSL_CERT_FILE": "/mine.pem"}])
def test_the_shell_wins(tmp_path: Path, shell: dict[str, str]) -> None:
    found = told(tmp_path, {"global.cert": "/etc/ca.pem"}, **shell)
    assert found["SSL_CERT_FILE"] == "/mine.pem"
