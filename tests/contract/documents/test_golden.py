"""What processes said to each other inside stays readable: golden files are added, never edited."""

import json
import subprocess
from pathlib import Path

import pytest

from shared.contracts.documents import ResponseDocument
from tests.contract.documents.golden_files import GOLDEN, known_documents, spelled

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(GOLDEN.glob("*.json"))
KNOWN = known_documents()


def test_every_document_has_its_sample_and_none_ever_goes() -> None:
    """A file is missing: run tests.contract.documents.golden_files; a class is: put it back."""
    assert {path.stem for path in FILES} == set(KNOWN)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_todays_code_reads_and_repeats_the_sample(path: Path) -> None:
    """Every member of the sample survives a round trip with its value: additive only."""
    read = KNOWN[path.stem].model_validate_json(path.read_bytes())
    repeated = json.loads(read.model_dump_json())
    document = json.loads(path.read_text())
    assert {name: repeated.get(name) for name in document} == document


@pytest.mark.parametrize("name", KNOWN)
def test_members_that_came_later_are_optional(name: str) -> None:
    """Without a default, what a process of the former version says would not read."""
    said = set(json.loads((GOLDEN / f"{name}.json").read_text()))
    fields = KNOWN[name].model_fields
    assert not [field for field in fields if field not in said and fields[field].is_required()]


@pytest.mark.parametrize("name", KNOWN)
def test_a_newer_answer_reads_and_an_odd_report_does_not(name: str) -> None:
    document = json.loads((GOLDEN / f"{name}.json").read_text()) | {"said_tomorrow": 1}
    raw = json.dumps(document)
    if issubclass(KNOWN[name], ResponseDocument):
        KNOWN[name].model_validate_json(raw)
    else:
        with pytest.raises(ValueError, match="said_tomorrow"):
            KNOWN[name].model_validate_json(raw)


def test_golden_files_are_never_edited() -> None:
    words = ["log", "--diff-filter=MD", "--format=", "--name-status", "--"]
    done = subprocess.run(
        ["git", *words, str(GOLDEN.relative_to(ROOT))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == ""
    for path in FILES:
        assert path.read_text() == spelled(json.loads(path.read_text()))
