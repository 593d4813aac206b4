"""The mutation run can judge: each patch fits its file once, and its tests are there."""

from tests.architecture.tree import ROOT, text
from tests.mutants.__main__ import PATCHES


def test_each_patch_fits_and_has_tests() -> None:
    """Found here in a second, where the run itself would find it after the whole suite."""
    broken = []
    for patch in PATCHES:
        fits = text(ROOT / patch.file).count(patch.old) if (ROOT / patch.file).is_file() else 0
        missing = [test for test in patch.tests if not (ROOT / test.partition("::")[0]).exists()]
        if fits != 1 or missing:
            broken.append((patch.what, patch.file, fits, missing))
    assert not broken
