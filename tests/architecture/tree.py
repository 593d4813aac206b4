"""The repository as the architecture tests see it: its own files, never what tools leave behind."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("gateway", "services", "shared", "deploy")
SERVICES = ("binding", "device", "payment", "campaign", "order")


@cache
def files() -> tuple[Path, ...]:
    """Everything git tracks or would track, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    names = (Path(name) for name in listed.split("\0") if name)
    return tuple(sorted(path for path in names if (ROOT / path).is_file()))


def under(*folders: str, suffix: str = ".py") -> Iterator[Path]:
    for path in files():
        if path.parts[0] in folders and path.suffix == suffix:
            yield path


@cache
def text(path: Path) -> str:
    """The file's text; empty for a binary one."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(text(path), filename=str(path))


def python() -> list[Path]:
    return list(under(*PRODUCT, "tests"))


def lines_with(path: Path) -> Iterator[tuple[int, str]]:
    yield from enumerate(text(path).splitlines(), start=1)
