"""A machine that never had a browser: npm's is brought once, whoever asks, however many at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.processes import ROOT

AT_ONCE = 4
LIMIT_S = 150
BROWSERS = ("chrom", "google-chrome")
OURS = ("__init__.py", "chromium.py", "package.json", "package-lock.json", ".npmrc")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The project as far as it is asked here, where nothing was installed yet."""
    folder = tmp_path / "tests" / "browser"
    folder.mkdir(parents=True)
    (tmp_path / "tests" / "__init__.py").touch()
    for name in OURS:
        shutil.copy(ROOT / "tests" / "browser" / name, folder / name)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    return tmp_path


@pytest.fixture
def no_browser(tmp_path: Path) -> str:
    """A PATH with every program of this machine but its browsers."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            link = folder / program.name
            if not program.name.startswith(BROWSERS) and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def test_runs_side_by_side_bring_one_browser_that_starts(fresh: Path, no_browser: str) -> None:
    environment = {**os.environ, "PATH": no_browser, "TMPDIR": str(fresh)}
    environment.pop("TEST_BROWSER", None)
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.browser.chromium"],
            cwd=fresh, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for _ in range(AT_ONCE)
    ]  # fmt: skip
    said = [run.communicate(timeout=LIMIT_S)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * AT_ONCE, said
    (line,) = {text.splitlines()[-1] for text in said}
    version, _, path = line.partition(": ")
    assert version.startswith("Chromium ")
    assert Path(path).is_relative_to(fresh / "tests" / "browser")


def test_the_system_s_browser_is_taken_where_there_is_one(fresh: Path, no_browser: str) -> None:
    own = Path(no_browser) / "chromium"
    own.write_text("#!/bin/sh\necho Chromium of the system\n")
    own.chmod(0o755)
    environment = {**os.environ, "PATH": no_browser}
    environment.pop("TEST_BROWSER", None)
    run = subprocess.run(
        [sys.executable, "-m", "tests.browser.chromium"],
        cwd=fresh, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines()[-1] == f"Chromium of the system: {own}"
    assert not (fresh / "tests" / "browser" / ".chromium").exists()


@pytest.mark.parametrize(("fonts", "brings"), [("", True), ("NotoSansCJK.ttc: Noto\n", False)])
def test_npm_s_browser_brings_its_fonts_where_none_is_for_chinese(
    fonts: str, brings: bool, tmp_path: Path
) -> None:
    listed = tmp_path / "fc-list"
    listed.write_text(f"#!/bin/sh\nprintf %s '{fonts}'\n")
    listed.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    told = "from tests.browser import chromium; print('FONTCONFIG_FILE' in chromium.find().extra)"
    run = subprocess.run(
        [sys.executable, "-c", told],
        cwd=ROOT, env={**os.environ, "PATH": path, "TEST_BROWSER": "npm"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.split() == [str(brings)]
