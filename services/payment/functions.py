"""SQL texts that call the database functions of the stores' SQL files."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

EVENT_MEMBERS = 6


def call(function: str, arguments: int, columns: str = "*") -> str:
    marks = ", ".join(f"${number}" for number in range(1, arguments + 1))
    return f"SELECT {columns} FROM {function}({marks})"  # noqa: S608  # names of our own


def call_with(function: str, kind: str, shape: type, columns: str = "*") -> str:
    """A call with one row of the type `kind`: the fields of the dataclass `shape`, in their order,
    and an event for the outbox. The server builds the row. If asyncpg built it, each new connection
    would first query the type's members (8 ms)."""
    marks = [f"${number}" for number in range(1, len(fields(shape)) + EVENT_MEMBERS + 1)]
    own, event = marks[:-EVENT_MEMBERS], marks[-EVENT_MEMBERS:]
    row = f"ROW({', '.join(own)}, ROW({', '.join(event)})::outbox_event)::{kind}"
    return f"SELECT {columns} FROM {function}({row})"  # noqa: S608  # names of our own


def call_each(function: str, columns: Mapping[str, str], shared: str) -> str:
    """A statement that calls the function for each row of the given columns (name: type), in order.
    Each column is an array argument; the last argument, `shared`, is the same for all rows. Columns
    go to parameters by name, p_<name>."""
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(columns.values(), 1))
    names = ", ".join(columns)
    given = "".join(f"p_{name} => n.{name}, " for name in columns)
    return (
        "SELECT s.verdict, s.why, (s.payment).*"  # noqa: S608  # names of our own
        f" FROM unnest({arrays}) WITH ORDINALITY AS n({names}, place)"
        f" CROSS JOIN LATERAL {function}({given}p_{shared} => ${len(columns) + 1}) AS s"
        " ORDER BY n.place"
    )


def required_row(record: Any) -> Any:
    if record is None:
        raise RuntimeError("a function with OUT parameters answers exactly one row")
    return record
