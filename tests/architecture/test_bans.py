"""Texts that once cost somebody money, and the only files that may hold them."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.architecture.tree import PRODUCT, files, lines_with, parsed, python, text, under

RUNTIME = ("gateway", "services", "shared")
WRITTEN = {".py", ".sql", ".js", ".ts", ".tsx", ".md", ".yaml", ".yml", ".toml"}

# name: (what is banned, where, the files that own it, why)
BANS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], str]] = {
    "machine-clock": (
        r"datetime\.now\(|utcnow|\btime\.time\(|date\.today\(",
        RUNTIME,
        ("shared/clock.py",),
        "the clock is injected",
    ),
    "stray-commit": (
        r"\.commit\(\)",
        RUNTIME,
        ("shared/db.py", "shared/kafka.py"),
        "transactions are opened and closed by db.tx()",
    ),
    "orphan-task": (
        r"(?:(?<![\w.])|asyncio\.|loop\.)create_task\(",
        PRODUCT,
        (),
        "a task belongs to a TaskGroup, else its failure is silent",
    ),
    "print": (r"(?<![\w.])print\(", PRODUCT, (), "logs are JSON; command lines use sys.stdout"),
    "plain-httpx": (
        r"httpx\.AsyncClient\(|httpx\.Client\(|aiohttp\.ClientSession\(",
        RUNTIME,
        ("gateway/http_client.py",),
        "one bounded pool per destination, made in one place (performance §0.2, §0.9)",
    ),
    "slow-middleware": (
        r"BaseHTTPMiddleware|\.middleware\(\s*[\"']http",
        PRODUCT,
        ("shared/web.py",),  # names it in its docstring, as a warning
        "225 µs a request (performance §2.1)",
    ),
    "import-by-name": (
        r"\bimport_module\b|\b__import__\b|\bimportlib\b(?!\.metadata)",
        PRODUCT,
        (
            "deploy/local/demo/merchant.py",
            "deploy/local/postgres.py",
            "shared/migrate.py",
            "shared/process.py",
        ),
        "the import contracts see import statements only",
    ),
    "second-kafka-door": (
        r"^\s*(?:from|import)\s+aiokafka",
        PRODUCT,
        ("shared/kafka.py",),
        "one Kafka door",
    ),
    "float-money": (
        r"float\([^)]*fen|fen[^=\n]*=\s*float\(|_fen\s*/\s*100(?!\d)|\bfen\s*/\s*100(?!\d)",
        (*PRODUCT, "tests"),
        ("tests/architecture/test_bans.py",),
        "money is integer fen",
    ),
    "verification-switch": (
        r"(?i)(?:skip|disable|no|without)_(?:verify|verification|signature_check)\b|verify\s*=\s*False",
        RUNTIME,
        (),
        "nothing in production code can switch verification off",
    ),
}


@pytest.mark.parametrize("name", BANS)
def test_banned_text(name: str) -> None:
    pattern, folders, owners, why = BANS[name]
    banned = re.compile(pattern)
    hits = [
        f"{path}:{number}: {line.strip()}"
        for path in under(*folders)
        if str(path) not in owners
        for number, line in lines_with(path)
        if banned.search(line) and not line.lstrip().startswith("#")
    ]
    assert not hits, why


@pytest.mark.parametrize(
    "line",
    [
        "import importlib",
        "from importlib import import_module as load",
        "import importlib.util",
        'rules = __import__("services.payment.payments.rules")',
    ],
)
def test_an_import_by_name_is_seen(line: str) -> None:
    assert re.search(BANS["import-by-name"][0], line)
    assert not re.search(BANS["import-by-name"][0], "import importlib.metadata")


def test_no_failure_is_swallowed() -> None:
    """`except Exception: pass` hides the one failure that mattered."""
    wide = {"Exception", "BaseException"}
    hits = []
    for path in under(*PRODUCT):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = node.type
                is_wide = caught is None or (isinstance(caught, ast.Name) and caught.id in wide)
                body = node.body
                if is_wide and len(body) == 1 and isinstance(body[0], ast.Pass | ast.Continue):
                    hits.append(f"{path}:{node.lineno}")
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
                hits += [
                    f"{path}:{node.lineno}"
                    for argument in node.args
                    if isinstance(argument, ast.Name) and argument.id in wide
                ]
    assert not hits


def test_nothing_is_left_for_later() -> None:
    """No unfinished work in the tree, no stub, no test that does not run."""
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplementedError\(\"?later")
    unrun = re.compile(r"pytest\.mark\.(?:skip|xfail)|pytest\.skip\(|unittest\.skip")
    hits = []
    for path in files():
        if path.suffix not in WRITTEN:
            continue
        for number, line in lines_with(path):
            if marks.search(line) or (
                path != Path("tests/architecture/test_bans.py") and unrun.search(line)
            ):
                hits.append(f"{path}:{number}: {line.strip()}")
    assert not hits


def problem_codes() -> dict[str, list[str]]:
    """code -> the classes that declare it; a Problem is a class with `code` and `title`."""
    found: dict[str, list[str]] = {}
    for path in under(*RUNTIME):
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.ClassDef):
                continue
            named = {}
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    named[item.target.id] = item.value
                elif isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name):
                    named[item.targets[0].id] = item.value
                elif isinstance(item, ast.Assign) and isinstance(item.value, ast.Tuple):
                    assert isinstance(item.targets[0], ast.Tuple)
                    names = (t.id for t in item.targets[0].elts if isinstance(t, ast.Name))
                    named.update(zip(names, item.value.elts, strict=True))
            code = named.get("code")
            if isinstance(code, ast.Constant) and isinstance(code.value, str) and "title" in named:
                found.setdefault(code.value, []).append(f"{path}:{node.name}")
    return found


def test_every_problem_code_is_declared_once() -> None:
    """A code is stable API: two meanings under one code cannot be told apart by a caller."""
    found = problem_codes()
    assert "not_found" in found, "the reader above no longer understands shared/errors.py"
    assert not {code: classes for code, classes in found.items() if len(classes) > 1}
    shape = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
    assert not [code for code in found if not shape.fullmatch(code)]


def test_money_is_named_for_its_unit() -> None:
    """A field that holds money ends in _fen: amounts without a unit become mistakes by 100."""
    money = re.compile(r"^\s+\w*(?:amount|price|payable|refund_total|balance)\s*:\s*(?:int|Fen)\b")
    hits = [
        f"{path}:{number}: {line.strip()}"
        for path in python()
        for number, line in lines_with(path)
        if money.match(line)
    ]
    assert not hits


def test_sql_files_are_repeatable() -> None:
    """The SQL files are applied on every migrate: each function is dropped before it is made."""
    for path in under("services", suffix=".sql"):
        if path.parent.name != "invariants":
            made = re.findall(r"(?i)CREATE (?:OR REPLACE )?FUNCTION\s+([\w.]+)", text(path))
            dropped = re.findall(r"(?i)DROP FUNCTION IF EXISTS\s+([\w.]+)", text(path))
            replaced = re.findall(r"(?i)CREATE OR REPLACE FUNCTION\s+([\w.]+)", text(path))
            assert set(made) <= set(dropped) | set(replaced), path


STORE_FILES = {"store.sql", "store_worker.sql"}


def functions_elsewhere(paths: Iterable[Path]) -> list[Path]:
    """SQL files of functions that stand under another name than `store.sql`, or for the system
    role's functions `store_worker.sql`."""
    return [p for p in paths if p.parent.name != "invariants" and p.name not in STORE_FILES]


def test_the_functions_of_every_service_stand_in_files_of_one_name() -> None:
    found = list(under("services", suffix=".sql"))
    assert functions_elsewhere(found) == []
    assert {path.parts[1] for path in found if path.name in STORE_FILES} >= {"campaign", "order"}
    own_name = Path("services/order/order.sql")
    assert functions_elsewhere([*found, own_name]) == [own_name]
