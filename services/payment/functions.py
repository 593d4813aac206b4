"""Calls of the database functions that the stores' SQL files make."""

from dataclasses import fields
from typing import Any

EVENT_MEMBERS = 6


def call(function: str, arguments: int, columns: str = "*") -> str:
    marks = ", ".join(f"${number}" for number in range(1, arguments + 1))
    return f"SELECT {columns} FROM {function}({marks})"  # noqa: S608  # names of our own


def call_with(function: str, kind: str, shape: type, columns: str = "*") -> str:
    """A call with one row of the type `kind`: the fields of the dataclass `shape`, in their order,
    and an event for the outbox. The server makes the row: with asyncpg making it, each new
    connection would first ask for the type's members (8 ms)."""
    marks = [f"${number}" for number in range(1, len(fields(shape)) + EVENT_MEMBERS + 1)]
    own, event = marks[:-EVENT_MEMBERS], marks[-EVENT_MEMBERS:]
    row = f"ROW({', '.join(own)}, ROW({', '.join(event)})::outbox_event)::{kind}"
    return f"SELECT {columns} FROM {function}({row})"  # noqa: S608  # names of our own


def call_each(function: str, types: str) -> str:
    """One statement that calls it for each place of arrays of these types, in their order; the
    last argument is the same for all."""
    kinds = types.split()
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(kinds, 1))
    names = ", ".join(f"c{number}" for number in range(1, len(kinds) + 1))
    return (
        "SELECT s.verdict, s.why, (s.payment).*"  # noqa: S608  # names of our own
        f" FROM unnest({arrays}) WITH ORDINALITY AS n({names}, place)"
        f" CROSS JOIN LATERAL {function}({names}, ${len(kinds) + 1}) AS s ORDER BY n.place"
    )


def there(record: Any) -> Any:
    if record is None:
        raise RuntimeError("a function with OUT parameters answers exactly one row")
    return record
