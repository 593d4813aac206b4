"""A test that goes round after round is found by `make test-races`, which goes on for longer."""

import ast

import pytest

from tests.architecture.tree import parsed, under
from tests.fixtures.races import rounds

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _names(node: ast.AST, wanted: str) -> bool:
    """Whether it is named anywhere inside, also as part of a module or a mark."""
    return any(
        (isinstance(part, ast.Name) and part.id == wanted)
        or (isinstance(part, ast.Attribute) and part.attr == wanted)
        or (isinstance(part, ast.alias) and part.name == wanted)
        for part in ast.walk(node)
    )


def _takes_rounds(module: ast.Module) -> bool:
    """The common ones: some files have their own number of that name."""
    return any(
        isinstance(node, ast.ImportFrom)
        and (
            (node.module == "tests.fixtures.races" and _names(node, "ROUNDS"))
            or (node.module == "tests.fixtures" and _names(node, "races"))
        )
        for node in ast.walk(module)
    )


def _marks_all(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Assign)
        and any(_names(target, "pytestmark") for target in node.targets)
        and _names(node.value, "races")
        for node in module.body
    )


def _unmarked(module: ast.Module) -> list[str]:
    """What uses ROUNDS without the mark. Helpers have none of their own: theirs is the file's."""
    if not _takes_rounds(module) or _marks_all(module):
        return []
    return [
        node.name
        for node in ast.walk(module)
        if isinstance(node, Function)
        and _names(node, "ROUNDS")
        and not any(_names(decorator, "races") for decorator in node.decorator_list)
    ]


def test_every_test_that_goes_round_carries_the_mark() -> None:
    found = {path: parsed(path) for path in under("tests") if path.name.startswith("test_")}
    assert sum(_takes_rounds(module) for module in found.values()) > 10, "the reader finds them"
    assert not [f"{path}:{name}" for path, module in found.items() for name in _unmarked(module)]


def test_the_reader_sees_what_is_not_marked() -> None:
    body = "from tests.fixtures.races import ROUNDS\n{file}\n{mark}\ndef test_it():\n    ROUNDS\n"
    for file, mark, found in (
        ("", "", ["test_it"]),
        ("pytestmark = pytest.mark.asyncio", "@pytest.mark.kafka", ["test_it"]),
        ("", "@pytest.mark.races", []),
        ("pytestmark = [pytest.mark.asyncio, pytest.mark.races]", "", []),
    ):
        assert _unmarked(ast.parse(body.format(file=file, mark=mark))) == found


@pytest.mark.parametrize("told", ["-1", "0", "1"])
def test_fewer_rounds_than_two_are_none(told: str) -> None:
    with pytest.raises(ValueError, match=r"RACE_ROUNDS is .* at least 2"):
        rounds(told)
    assert rounds("2") == 2
