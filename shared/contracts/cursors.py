"""Cursors of paged lists, for both directions. A cursor holds the instant and the id of a page's
last row (for the next page) or of its first row (for the previous page)."""

import base64
import re
from datetime import datetime

from shared.contracts.fields import instant

_NAME = re.compile(r"[0-9A-Za-z_.-]{1,128}")


def cursor_text(at: datetime, name: str) -> str:
    """The cursor of the row with that instant and id."""
    raw = f"{at.isoformat()}|{name}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read(cursor: str) -> tuple[datetime, str]:
    """The instant and id that `cursor_text` wrote; ValueError for any other text."""
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    at, _, of_row = raw.partition("|")
    if _NAME.fullmatch(of_row) is None:
        raise ValueError("no cursor of ours")
    return instant(at), of_row
