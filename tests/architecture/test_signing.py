"""docs/signing.md says which test proves each rule; and keys are validated in one place."""

import ast
import re
from pathlib import Path

from tests.architecture.tree import PRODUCT, ROOT, parsed, text, under

PAGE = Path("docs/signing.md")
OWN_KEYS = ("deploy/",)
"""What the sandbox and the local stack make for themselves is not the product's."""
SERVICE_KEYS = {
    Path("shared/contracts/pairs.py"),
    Path("services/binding/crypto/signing.py"),
}
"""PEM is what our own service keys come in."""
_PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def _functions(path: str) -> set[str]:
    tree = ast.walk(parsed(Path(path)))
    return {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_named_proof_exists() -> None:
    proofs = _PROOF.findall(text(PAGE))
    assert len(proofs) > 40
    missing = [
        f"{path}::{name}"
        for path, name in proofs
        if not (ROOT / path).is_file() or name not in _functions(path)
    ]
    assert not missing


def test_every_rule_names_its_proof() -> None:
    in_rules, bare = False, []
    for line in text(PAGE).splitlines():
        if line.startswith("| rule | proof |"):
            in_rules = True
        elif not line.startswith("|"):
            in_rules = False
        elif in_rules and not line.startswith("| ---") and not _PROOF.search(line):
            bare.append(line)
    assert not bare


def test_the_page_is_linked() -> None:
    assert "(signing.md)" in text(Path("docs/architecture.md"))


READER = Path("shared/keys/rsa_keys.py")
COMMAND_LINE = {
    Path("gateway/alipay/protocol/keys.py"),
    Path("gateway/alipay/protocol/cli.py"),
}


def test_no_private_key_is_validated_in_full_outside_the_reader() -> None:
    """33 ms of CPU each: binding pays once, then the seal vouches for the bytes. PEM is what our
    own service keys come in; an RSA key of an app never does."""
    slow = []
    for path in under(*PRODUCT):
        if str(path).startswith(OWN_KEYS) or path == READER:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and _is_slow(ast.unparse(node), path):
                slow.append(f"{path}:{node.lineno}")
    assert not slow


def test_no_serving_process_of_the_gateway_reads_a_private_key_from_text() -> None:
    """It would pay those 33 ms for each key it loads; it takes the bytes that the seal vouches
    for."""
    reads = re.compile(r"\b(read_private_key|read_key)\b|protocol\.keys import")
    assert {path for path in under("gateway") if reads.search(text(path))} == COMMAND_LINE
    imports = re.compile(r"import .*\bcli\b|protocol\.cli import")
    starts = {path for path in under("gateway") if imports.search(text(path))}
    assert starts == {Path("gateway/alipay/__main__.py")}


def _is_slow(call: str, path: Path) -> bool:
    if re.match(r"[\w.]*load_pem_private_key\(", call):
        return path not in SERVICE_KEYS
    is_der = re.match(r"[\w.]*load_der_private_key\(", call) is not None
    return is_der and "unsafe_skip_rsa_key_validation=True" not in call
