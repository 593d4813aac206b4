"""The rule of rooms: a folder of code holds at most 15 modules; beyond that it has rooms.

Each is listed in an exhaustive layers contract: imports go one way, a module in no layer fails."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.architecture.tree import ROOT, under

MODULES = 15
"""More modules than this in one folder are no longer seen at one look."""
UNCOUNTED = {"__init__", "__main__"}
APART = {"migrations", "versions", "invariants"}
WITHOUT_CONTRACT = {"services"}
"""Services have no order: another contract keeps them apart."""
LIMITED_BY_LINES = {"shared"}
"""Its mechanisms are independent of each other, most are one module each; test_limits counts their
lines."""


def rooms() -> dict[str, set[str]]:
    """Each folder of product code with the names of its modules and of its folders."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in under("gateway", "services", "shared", "deploy"):
        if APART.isdisjoint(path.parts) and path.stem not in UNCOUNTED:
            found[str(path.parent)].add(path.stem)
    return found


def test_no_folder_holds_more_modules_than_one_look_takes_in() -> None:
    crowded = {folder: len(names) for folder, names in rooms().items() if len(names) > MODULES}
    assert {f: n for f, n in crowded.items() if f not in LIMITED_BY_LINES} == {}


def exhaustive() -> set[str]:
    """The packages whose modules a layers contract lists to the last one."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set()
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and contract.get("exhaustive"):
            packages |= set(contract["containers"])
    return packages


def test_every_folder_has_its_order() -> None:
    packages = exhaustive()
    open_ = {
        folder
        for folder, names in rooms().items()
        if len(names) > 1 and folder.replace("/", ".") not in packages
    }
    assert open_ - WITHOUT_CONTRACT == set()


def unseen(folders: Iterable[str]) -> set[str]:
    """Those without an `__init__.py`: lint-imports reads no module in them."""
    return {folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()}


def test_the_contracts_see_every_folder() -> None:
    modules = under("gateway", "services", "shared", "deploy")
    folders = {str(above) for module in modules for above in module.parents}
    assert unseen(folders - {"."}) == set()
    assert unseen({"docs/adr", "gateway"}) == {"docs/adr"}


def test_a_room_says_what_it_is() -> None:
    silent = {
        room
        for room in exhaustive()
        if len((ROOT / Path(*room.split(".")) / "__init__.py").read_text("utf-8").splitlines()) < 3
    }
    assert not silent, "what it owns, what it hears, what it publishes"
