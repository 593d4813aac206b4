"""The long look (tests/browser/every) leaves nothing out: whatever opens in the sources of the
console is opened by a visit, and each address has one. `python -m tests.browser.every` looks."""

from pathlib import Path
from urllib.parse import urlsplit

from tests.browser.every import entry, pages, source
from tests.browser.every.visits import VISITS


def test_whatever_opens_is_visited() -> None:
    visited = {opening for visit in VISITS for opening in visit.opens}
    missed, gone = source.openings() - visited, visited - source.openings()
    assert not missed, f"in no `opens` of a visit in tests/browser/every: {sorted(missed)}"
    assert not gone, f"visits open what is no longer there: {sorted(gone)}"


def test_each_address_is_visited() -> None:
    known = pages.paths() | {urlsplit(visit.at).path for visit in entry.VISITS}
    named = {path.replace("{order_no}", ":orderNo") for path in known}
    named = {path.replace("{merchant_id}", ":merchantId") for path in named}
    missed = source.routes() - named
    assert not missed, f"addresses to add to tests/browser/test_pages.py: {sorted(missed)}"


def test_visits_have_names_of_their_own() -> None:
    names = [visit.name for visit in VISITS]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_what_opens_is_found(tmp_path: Path) -> None:
    """Each kind, counted by file; what only looks like one is none."""
    page = "<Modal open>\n<Dialog<A, B>\n<Modal\n<DialogThing\nmodal.confirm({\nmessage.success(x)"
    (tmp_path / "A.tsx").write_text(page)
    found = {"A Modal 1", "A Modal 2", "A Dialog 1", "A confirm 1", "A message 1"}
    assert source.openings(tmp_path) == found
