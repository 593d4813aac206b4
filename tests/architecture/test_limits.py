"""Tidy: sizes that keep every file readable in one sitting."""

import ast
import io
import json
import textwrap
import tokenize
from pathlib import Path

from tests.architecture.tree import files, parsed, python, text, under

FILE_LINES = 400
FUNCTION_LINES = 60
SHARED_LINES = {"": 2000, "keys": 700}
"""Mechanisms, and beside them keys and proofs, which an auditor reads once for all processes
(ADR 25)."""
CONTRACT_FUNCTION_LINES = 300
"""What services say to each other grows with the product; what contracts do must not (ADR 34)."""
SIZED = {".py", ".sql", ".js", ".ts", ".tsx", ".html", ".css", ".sh"}


def test_no_file_is_longer_than_one_sitting() -> None:
    sized = (path for path in files() if path.suffix in SIZED)
    long = {
        str(path): count for path in sized if (count := len(text(path).splitlines())) > FILE_LINES
    }
    assert not long


def test_no_function_is_longer_than_one_screen() -> None:
    long = {}
    for path in python():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                size = node.end_lineno - node.lineno + 1
                if size > FUNCTION_LINES:
                    long[f"{path}:{node.lineno} {node.name}"] = size
    assert not long


def test_no_function_of_the_console_is_longer_either() -> None:
    """Its linter measures bodies (`npm run check`); this one looks that nothing is let off."""
    console = Path("gateway/spa/console")
    rule = {"level": "error", "options": {"maxLines": FUNCTION_LINES}}
    settings = json.loads(text(console / "biome.json"))
    assert settings["linter"]["rules"]["complexity"]["noExcessiveLinesPerFunction"] == rule
    assert "complexity" not in json.dumps(settings["overrides"])
    sources = [path for path in files() if path.suffix in {".js", ".mjs", ".ts", ".tsx"}]
    assert not [path for path in sources if "noExcessiveLinesPerFunction" in text(path)]


def code_lines(source: str) -> int:
    """Lines that hold code: not blank, not a comment, not (part of) a docstring. Telling the next
    reader why must not cost budget."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    layout = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT}
    held: set[int] = set()
    for token in tokens:
        if token.type not in layout and token.type != tokenize.ENDMARKER:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            assert node.end_lineno is not None
            held.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(held)


def test_shared_holds_mechanisms_only() -> None:
    """Over budget means that a service's rule leaked into it."""
    held = dict.fromkeys(SHARED_LINES, 0)
    for path in under("shared"):
        if path.parts[1] != "contracts":
            shelf = path.parts[1] if path.parts[1] in SHARED_LINES else ""
            held[shelf] += code_lines(text(path))
    assert {shelf: lines for shelf, lines in held.items() if lines > SHARED_LINES[shelf]} == {}


def function_lines(source: str) -> int:
    """Lines of code in functions and methods, from their decorators on."""
    lines, held = source.splitlines(), 0
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min(one.lineno for one in (node, *node.decorator_list))
            held += code_lines(textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno])))
    return held


def test_contracts_say_and_hardly_do() -> None:
    """Over budget means that an algorithm, or a service's rule, became a contract."""
    contracts = [path for path in under("shared") if path.parts[1] == "contracts"]
    assert len(contracts) > 10
    held = sum(function_lines(text(path)) for path in contracts)
    assert held <= CONTRACT_FUNCTION_LINES


def test_lines_of_functions_are_counted() -> None:
    source = """
class Said(Base):
    amount_fen: int

    @property
    def is_much(self) -> bool:
        \"\"\"A line that tells why.\"\"\"
        return self.amount_fen > 100
"""
    assert function_lines(source) == 3


def test_every_module_says_what_it_owns() -> None:
    silent = [str(path) for path in python() if not ast.get_docstring(parsed(path))]
    assert not silent


def test_no_vague_names() -> None:
    """No Manager, Helper or utils: a name says what the thing does."""
    vague = ("utils", "util", "helpers", "helper", "common", "misc", "impl")
    found = [str(path) for path in python() if path.stem in vague]
    for path in python():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Manager", "Helper", "Impl")):
                found.append(f"{path}: class {node.name}")
    assert not found
