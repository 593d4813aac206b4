"""A page of a list with cursors for both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from shared.contracts import cursors
from shared.contracts.fields import Text
from shared.errors import InvalidBody

Row = TypeVar("Row")
Cursor = Annotated[str, Text(400, pattern=r"^[0-9A-Za-z_-]+$")]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of a page, newest first, and the rows from which the next and previous pages
    start."""

    rows: Sequence[Row]
    older_than: Row | None
    """the next page has the rows older than this one; None: this is the last page"""
    newer_than: Row | None
    """the previous page has the rows newer than this one; None: this is the first page"""


def page_of(found: Sequence[Row], limit: int, *, is_after: bool, is_before: bool) -> Page[Row]:
    """The page from `found`, which has the rows newest first and one row more than a page.
    `is_after` and `is_before`: the rows were queried after or before a cursor; neither: the top of
    the list."""
    has_more = len(found) > limit
    if is_before:
        rows = found[-limit:]
        return Page(rows, rows[-1] if rows else None, rows[0] if has_more else None)
    rows = found[:limit]
    return Page(rows, rows[-1] if has_more else None, rows[0] if rows and is_after else None)


def place(cursor: str | None, name: str = "cursor") -> tuple[datetime, str] | None:
    """The instant and id of the query parameter `name`; InvalidBody with that name for text that is
    no cursor."""
    try:
        return cursors.read(cursor) if cursor is not None else None
    except ValueError:
        raise not_ours(name) from None


def not_ours(name: str) -> InvalidBody:
    fault = {"pointer": f"/{name}", "message": "not a cursor of this list"}
    return InvalidBody(errors=[fault])


def one_way(cursor: str | None, before: str | None) -> None:
    """Raises InvalidBody if both parameters are given."""
    if cursor is not None and before is not None:
        fault = {"pointer": "/before", "message": "cursor or before, not both"}
        raise InvalidBody(errors=[fault])
