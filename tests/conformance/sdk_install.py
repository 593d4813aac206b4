"""`python -m tests.conformance.sdk_install`: the pinned public SDKs and their drivers, once.

Each goes into a folder of its own under SDKS_HOME (`.run/sdks`) and is left alone while neither its
manifest, its lock nor its driver changes. Registries are asked through their ordinary clients, as
this machine has them set up; nothing here names one.
"""

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local import console

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NEEDS = {
    "javac": ("javac", "default-jdk-headless"),
    "mvn": ("mvn", "maven"),
    "go": ("go", "golang"),
}
GO_MIN = (1, 23)
STAMP = "installed"
LAYOUT = 2
"""of what is installed: another number, and everything is installed anew"""


class CannotInstall(RuntimeError):
    """One clear line for the person who wants to run the suite."""


def home() -> Path:
    """Where everything is installed."""
    return Path(os.environ.get("SDKS_HOME") or ROOT / ".run" / "sdks").absolute()


def _run(*words: str | Path, cwd: Path = ROOT, **environment: str) -> None:
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env={**os.environ, **environment},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr + done.stdout)[-2000:]
        raise CannotInstall(f"{' '.join(map(str, words[:3]))} … failed:\n{said}")


def _node(target: Path) -> None:
    """With the Node that builds the console: the system's, else one of this environment."""
    node = asyncio.run(console.find_node(lambda _: None))
    (target / "node").symlink_to(node.folder / "node")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / "node" / name, target)
    _run(node.npm, "ci", "--ignore-scripts", "--no-progress", cwd=target, **node.environment())


def _python(name: str) -> Callable[[Path], None]:
    def install(target: Path) -> None:
        _run(sys.executable, "-m", "venv", "--without-pip", target)
        # What a source package is built with is pinned, too, and there before it is needed.
        for listed in ("build.txt", "requirements.txt"):
            if (HERE / name / listed).exists():
                _pip(target, HERE / name / listed)

    return install


def _pip(target: Path, requirements: Path) -> None:
    """pip, not uv: it knows of this machine's index by itself."""
    _run(
        sys.executable, "-m", "pip", "--python", target / "bin" / "python", "install", "--quiet",
        "--disable-pip-version-check", "--require-hashes", "--no-compile", "--no-build-isolation",
        "-r", requirements,
    )  # fmt: skip


def _java(target: Path) -> None:
    _run(
        "mvn", "-q", "-B", "-ntp", "-f", HERE / "java" / "pom.xml", f"-Dsdk.home={target}",
        "compiler:compile", "dependency:copy-dependencies",
    )  # fmt: skip


def _go(target: Path) -> None:
    _run("go", "build", "-mod=readonly", "-o", target / "driver", ".", cwd=HERE / "go",
         GOTOOLCHAIN="local")  # fmt: skip


INSTALLERS: dict[str, Callable[[Path], None]] = {
    "go": _go,
    "java": _java,
    "node": _node,
    "python_official": _python("python_official"),
    "python_fzlee": _python("python_fzlee"),
}
WRITTEN_IN = {"go": ".go", "java": ".java"}
"""Compiled drivers: their source belongs to what was installed."""


def _wanted(name: str) -> str:
    """A digest over what decides about an installation."""
    digest = hashlib.sha256(f"{LAYOUT} {sys.version_info}".encode())
    for path in sorted((HERE / name).rglob("*")):
        is_source = path.suffix == WRITTEN_IN.get(name)
        if path.is_file() and (is_source or path.suffix not in {".py", ".cjs", ".pyc"}):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _version(*words: str) -> tuple[int, ...]:
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    digits = "".join(c if c.isdigit() or c == "." else " " for c in said).split()
    numbers = next((word for word in digits if word.strip(".")), "0")
    return tuple(int(part) for part in numbers.split(".") if part)


def _check_tools() -> None:
    lacking = [package for tool, package in NEEDS.values() if shutil.which(tool) is None]
    if lacking:
        raise CannotInstall(f"缺少 needed for the SDK suite: apt-get install {' '.join(lacking)}")
    if _version("go", "version") < GO_MIN:
        raise CannotInstall(
            f"需要 Go {GO_MIN[0]}.{GO_MIN[1]} 或更高 or newer: the pinned modules ask for it"
        )


def _install(name: str, failed: list[str]) -> None:
    target = home() / name
    started = time.monotonic()
    try:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        INSTALLERS[name](target)
        (target / STAMP).write_text(_wanted(name))
    except Exception as error:
        failed.append(f"{name}: {error}")
    else:
        sys.stdout.write(f"  {name} {time.monotonic() - started:.0f} s\n")
        sys.stdout.flush()


def is_installed(name: str) -> bool:
    stamp = home() / name / STAMP
    return stamp.is_file() and stamp.read_text() == _wanted(name)


def main() -> int:
    missing = [name for name in INSTALLERS if not is_installed(name)]
    if not missing:
        return 0
    try:
        _check_tools()
        sys.stdout.write("安装公开的支付宝 SDK installing the public Alipay SDKs\n")
        failed: list[str] = []
        threads = [threading.Thread(target=_install, args=(name, failed)) for name in missing]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise CannotInstall("\n".join(failed))
    except CannotInstall as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
