"""The console's rooms: folders in one order, imports go down only, no circle."""

import re
from collections import defaultdict
from os.path import normpath
from pathlib import PurePosixPath

import pytest

from tests.architecture.test_rooms import MODULES
from tests.architecture.tree import ROOT, files, text

SRC = PurePosixPath("gateway/spa/console/src")
ORDER = (
    {"main"},
    {"app"},
    {"shell"},
    {"pages"},
    {"pages/home"},
    {
        "pages/acting", "pages/audit", "pages/binding", "pages/cashier", "pages/devices",
        "pages/entry", "pages/onboarding", "pages/operator/merchants", "pages/operator/notices",
        "pages/orders", "pages/people", "pages/settings",
    },
    {"pages/binding/keys", "pages/operator", "pages/orders/refunds"},
    {"lookups"},
    {"session"},
    {"parts/forms", "parts/lists"},
    {"parts"},
    {"theme", "nonce", "api", "texts"},
    {"texts/codes", "texts/pages"},
    {"pair"},
)  # fmt: skip
"""From top to bottom, each folder and each module of the root. A folder imports what stands on a
line below its own; folders on one line are independent of each other."""
FLOOR = {folder: floor for floor, line in enumerate(ORDER) for folder in line}
GENERATED = "api/generated"
_IMPORT = re.compile(r"""\b(?:from|import)\b\s*\(?\s*(['"])(\.[^'"]*)\1""")
Arrows = dict[str, set[str]]


def modules() -> dict[str, str]:
    """Each module of the console but its tests, without its ending, and its text."""
    found = {}
    for path in files():
        place = PurePosixPath(path.as_posix())
        if place.suffix in {".ts", ".tsx"} and place.is_relative_to(SRC):
            name = place.relative_to(SRC).with_suffix("").as_posix()
            if not name.startswith("test/"):
                found[name] = text(path)
    return found


def folder_of(module: str) -> str:
    """Its folder; a module of the root stands for itself."""
    return module.rpartition("/")[0] or module


def arrows(sources: dict[str, str]) -> Arrows:
    """Each module, and the modules of the console that it imports, at once or when needed."""
    found: Arrows = defaultdict(set)
    for module, source in sources.items():
        for _, to in _IMPORT.findall(source):
            name = normpath(PurePosixPath(module).parent / to)
            target = next((one for one in (name, f"{name}/index") if one in sources), None)
            if target is not None:
                found[module].add(target)
            elif not name.startswith((GENERATED, "..")) and not name.endswith((".css", ".svg")):
                found[module].add(f"? {name}")
    return found


def wrong(found: Arrows) -> set[str]:
    """Arrows that do not go down: back, across, into another page's own folder, or nowhere."""
    refused = set()
    for module, targets in found.items():
        for target in targets:
            here, there = folder_of(module), folder_of(target)
            if here == there:
                continue
            is_down = FLOOR.get(here, 99) < FLOOR.get(there, -1)
            page = re.match(r"pages/\w+/", f"{there}/")
            is_own = not page or here in {"pages", "pages/home"} or f"{here}/".startswith(page[0])
            if not (is_down and is_own):
                refused.add(f"{module} -> {target}")
    return refused


def circles(found: Arrows) -> set[str]:
    """Modules that import themselves by way of others."""

    def reach(module: str) -> set[str]:
        seen: set[str] = set()
        todo = [*found.get(module, ())]
        while todo:
            if (one := todo.pop()) not in seen:
                seen.add(one)
                todo += found.get(one, ())
        return seen

    return {module for module in [*found] if module in reach(module)}


def test_every_folder_stands_in_the_order() -> None:
    apart = {folder_of(module) for module in modules()} ^ FLOOR.keys()
    assert not apart, f"without a place in ORDER, or no longer there: {sorted(apart)}"


def test_imports_go_down() -> None:
    found = arrows(modules())
    assert sum(map(len, found.values())) > 800, "the reader above no longer understands imports"
    assert wrong(found) == set()
    assert circles(found) == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("parts/words", "import { x } from './lists/csv';"),
        ("session/session", "import { x } from '../shell/menu';"),
        ("pages/people/Staff", "const X = lazily(() => import('../settings/Stores'));"),
        ("pages/people/Staff", "import type { X } from '../orders/refunds/refunding';"),
        ("pages/people/Staff", "import {\n  x,\n} from '../../shell/menu';"),
        ("pages/people/Staff", "import '../../parts/gone';"),
    ],
)
def test_what_goes_another_way_is_refused(module: str, source: str) -> None:
    planted = modules()
    planted[module] += source
    assert len(wrong(arrows(planted)) - wrong(arrows(modules()))) == 1


def test_a_circle_in_one_folder_is_found() -> None:
    planted = modules()
    planted["parts/bits"] += "import { x } from './words';"
    assert {"parts/bits", "parts/words"} <= circles(arrows(planted))


def test_no_folder_holds_more_modules_than_one_look_takes_in() -> None:
    counted: dict[str, int] = defaultdict(int)
    for module in modules():
        counted[folder_of(module)] += 1
    assert {folder: count for folder, count in counted.items() if count > MODULES} == {}


def test_its_tests_stand_as_it_does() -> None:
    folders = {
        folder.as_posix() for module in modules() for folder in PurePosixPath(module).parents
    }
    tests = (ROOT / SRC / "test").rglob("*.ts*")
    mirrored = {path.parent.relative_to(ROOT / SRC / "test").as_posix() for path in tests}
    assert mirrored <= folders
