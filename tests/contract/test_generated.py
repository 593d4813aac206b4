"""The committed OpenAPI and AsyncAPI documents say what the code says."""

import pytest

from tests.contract.coverage import whole_and_parts
from tests.contract.generate import DOCUMENTS, ROOT


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_committed_document_is_up_to_date(path):
    committed = (ROOT / path).read_text() if (ROOT / path).exists() else ""
    assert committed == DOCUMENTS[path](), f"{path}: run `python -m tests.contract.generate`"


def test_parts_of_a_row_are_not_the_row():
    """docs/coverage.md: what a test says that it proves in part does not count as proven."""
    told = (
        "S1, S3-S5, and parts of S7, S9-S10,\n S12: no zip. Parts of\n S2; S11 (S14, parts of S15)."
    )
    assert whole_and_parts(told) == ({1, 3, 4, 5, 11, 14}, {2, 7, 9, 10, 12, 15})
