"""The committed OpenAPI and AsyncAPI documents say what the code says."""

import pytest

from tests.contract.generate import DOCUMENTS, ROOT


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_committed_document_is_up_to_date(path):
    committed = (ROOT / path).read_text() if (ROOT / path).exists() else ""
    assert committed == DOCUMENTS[path](), f"{path}: run `python -m tests.contract.generate`"
