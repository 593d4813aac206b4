"""Where a list that is walked by a cursor goes on: an instant and a name, the last ones shown."""

import base64
import re
from datetime import datetime
from typing import Annotated

from shared import fields
from shared.errors import InvalidBody
from shared.fields import Text

Cursor = Annotated[str, Text(400, pattern=r"^[0-9A-Za-z_-]+$")]

_NAME = re.compile(r"[0-9A-Za-z_.-]{1,128}")


def cursor_text(at: datetime, name: str) -> str:
    """Where the next page begins."""
    raw = f"{at.isoformat()}|{name}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def place(cursor: str | None) -> tuple[datetime, str] | None:
    """The place that `cursor_text` wrote; InvalidBody for anything else."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, name = raw.partition("|")
        if _NAME.fullmatch(name) is None:
            raise ValueError("no cursor of ours")
        return fields.instant(at), name
    except ValueError:
        raise not_ours() from None


def not_ours() -> InvalidBody:
    fault = {"pointer": "/cursor", "message": "not a cursor of this list"}
    return InvalidBody(errors=[fault])
