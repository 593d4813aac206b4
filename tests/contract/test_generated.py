"""The committed OpenAPI and AsyncAPI documents say what the code says."""

import pytest

from tests.contract.generate import ROOT, documents


@pytest.mark.parametrize(("path", "text"), list(documents()), ids=lambda value: str(value)[:40])
def test_the_committed_document_is_up_to_date(path, text):
    committed = (ROOT / path).read_text() if (ROOT / path).exists() else ""
    assert committed == text, f"{path}: run `python -m tests.contract.generate`"
