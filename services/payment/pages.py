"""A page of a list that is walked by a cursor, either way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of a page, newest first, and where the pages beside it are."""

    rows: Sequence[Row]
    older_than: Row | None
    """the page after this one has the rows older than it; None: this is the last"""
    newer_than: Row | None
    """the page before this one has the rows newer than it; None: this is the first"""


def page_of(found: Sequence[Row], limit: int, *, is_after: bool, is_before: bool) -> Page[Row]:
    """Of what was found, newest first and one row more than the page has: the page behind a place
    (`is_after`), in front of one (`is_before`), or the top of the list."""
    has_more = len(found) > limit
    if is_before:
        rows = found[-limit:]
        return Page(rows, rows[-1] if rows else None, rows[0] if has_more else None)
    rows = found[:limit]
    return Page(rows, rows[-1] if has_more else None, rows[0] if rows and is_after else None)
