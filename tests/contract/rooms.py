"""Writes docs/rooms.md: the rooms of each package and which imports which, read from the code."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOTS = ("gateway", "services", "shared", "deploy")
DRAWN = (
    "gateway", "gateway.alipay",
    "services.binding", "services.device", "services.payment", "services.campaign",
    "services.order",
    "shared",
    "deploy.sandbox.alipay", "deploy.local",
)  # fmt: skip
APART = {"migrations", "__main__"}
_HEAD = """# Rooms

Written by `make fmt` from the imports; `make check` compares it with the code. An arrow points from
who imports to who is imported; one that follows from others is left out. A box with a number is a
room with so many modules. The order is a contract in `pyproject.toml`: no arrow may point back.
"""

Arrows = dict[str, set[str]]


def graph_of_imports() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOTS, cache_dir=None)


def arrows(graph: grimp.ImportGraph, package: str) -> Arrows:
    """For each module or room directly in the package, those that it imports."""
    parts = sorted(child for child in graph.find_children(package) if _name(child) not in APART)
    inside = {part: {part, *graph.find_descendants(part)} for part in parts}
    found: Arrows = {_name(part): set() for part in parts}
    for low in parts:
        importers = set[str]().union(
            *(graph.find_modules_that_directly_import(module) for module in inside[low])
        )
        for high in parts:
            if high != low and importers & inside[high]:
                found[_name(high)].add(_name(low))
    return found


def _name(module: str) -> str:
    return module.rpartition(".")[2]


def has_circle(found: Arrows) -> bool:
    try:
        TopologicalSorter(found).prepare()
    except CycleError:
        return True
    return False


def _reachable(found: Arrows, start: str, without: tuple[str, str]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for there in found[here] - seen:
            if (here, there) != without:
                seen.add(there)
                waiting.append(there)
    return seen


def _plain(found: Arrows) -> Arrows:
    """Without the arrows that follow from others."""
    return {
        high: {low for low in lows if low not in _reachable(found, high, (high, low))}
        for high, lows in found.items()
    }


def _picture(graph: grimp.ImportGraph, package: str) -> list[str]:
    found = arrows(graph, package)
    if has_circle(found):
        raise ValueError(f"{package} has a circle of imports")
    sizes = {name: len(graph.find_descendants(f"{package}.{name}")) for name in found}
    lines = ["```mermaid", "flowchart TD"]
    for name, size in sorted(sizes.items()):
        lines.append(f"    {_id(name)}[{name} · {size}]" if size else f"    {_id(name)}({name})")
    for high, lows in sorted(_plain(found).items()):
        lines += [f"    {_id(high)} --> {_id(low)}" for low in sorted(lows)]
    return [*lines, "```"]


def _id(name: str) -> str:
    # Mermaid reads some words, such as `end`, as its own.
    return re.sub(r"\W", "_", f"m_{name}")


def _summaries(root: Path, package: str) -> list[str]:
    """What each room says of itself: the first sentence of its docstring."""
    base = root / Path(*package.split("."))
    folders = sorted(path.parent for path in base.glob("*/__init__.py"))
    return [
        f"- `{folder.name}/`: {first_sentence(folder / '__init__.py')}"
        for folder in folders
        if folder.name not in APART
    ]


def first_sentence(path: Path) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"\.(?:\s|$)", paragraph, maxsplit=1)[0]


def render(root: Path) -> str:
    """The whole document."""
    graph = graph_of_imports()
    parts = [_HEAD]
    for package in DRAWN:
        found = arrows(graph, package)
        count = sum(len(lows) for lows in found.values())
        path = package.replace(".", "/")
        parts.append(f"## {path}/\n\n{len(found)} modules and rooms, {count} arrows.\n")
        if summaries := _summaries(root, package):
            parts.append("\n".join(summaries) + "\n")
        parts.append("\n".join(_picture(graph, package)) + "\n")
    return "\n".join(parts)
