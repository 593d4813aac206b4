"""Where a list that is walked by a cursor goes on, either way: an instant and a name, those of the
last row shown, or of the first."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from shared.contracts import fields
from shared.contracts.fields import Text
from shared.errors import InvalidBody

Cursor = Annotated[str, Text(400, pattern=r"^[0-9A-Za-z_-]+$")]

_NAME = re.compile(r"[0-9A-Za-z_.-]{1,128}")


def cursor_text(at: datetime, name: str) -> str:
    """Where the next page begins."""
    raw = f"{at.isoformat()}|{name}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def place(cursor: str | None, name: str = "cursor") -> tuple[datetime, str] | None:
    """The place that `cursor_text` wrote; InvalidBody, under that name, for anything else."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, of_row = raw.partition("|")
        if _NAME.fullmatch(of_row) is None:
            raise ValueError("no cursor of ours")
        return fields.instant(at), of_row
    except ValueError:
        raise not_ours(name) from None


def not_ours(name: str = "cursor") -> InvalidBody:
    fault = {"pointer": f"/{name}", "message": "not a cursor of this list"}
    return InvalidBody(errors=[fault])


def one_way(cursor: str | None, before: str | None) -> None:
    """InvalidBody when a page is asked for from two places."""
    if cursor is not None and before is not None:
        fault = {"pointer": "/before", "message": "cursor or before, not both"}
        raise InvalidBody(errors=[fault])


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
