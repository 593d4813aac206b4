"""SQL texts that call the database functions of the stores' SQL files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

EVENT_TYPES = {
    "event_id": "uuid",
    "topic": "text",
    "key": "text",
    "type": "text",
    "payload": "bytea",
    "created_at": "timestamptz",
}
"""The members of the type outbox_event."""
_SQL_TYPES: dict[Any, str] = {
    UUID: "uuid",
    str: "text",
    bool: "boolean",
    int: "bigint",
    float: "float8",
    bytes: "bytea",
    datetime: "timestamptz",
}


def call(function: str, arguments: int, columns: str = "*") -> str:
    marks = ", ".join(f"${number}" for number in range(1, arguments + 1))
    return f"SELECT {columns} FROM {function}({marks})"  # noqa: S608  # names of our own


class RowCalls(NamedTuple):
    """Statements that call a function with rows of a type: for one row, and for many in order."""

    one: str
    many: str


def row_calls(function: str, kind: str, shape: type, columns: str) -> RowCalls:
    """The function's first argument is a row of the type `kind`: the fields of the dataclass
    `shape`, and an event for the outbox. Each member is an argument of the statement, an array of
    them for many rows; the last argument is the function's second. The server builds the rows. If
    asyncpg built them, each new connection would first query the type's members (8 ms)."""
    own = {name: _sql_type(hint) for name, hint in get_type_hints(shape).items()}
    members = own | {f"event_{name}": kind for name, kind in EVENT_TYPES.items()}
    names = list(members)

    def call_with(values: Sequence[str]) -> str:
        row, event = values[: len(own)], values[len(own) :]
        row = f"ROW({', '.join(row)}, ROW({', '.join(event)})::outbox_event)::{kind}"
        return f"{function}({row}, ${len(names) + 1}) AS s"

    one = call_with([f"${number}" for number in range(1, len(names) + 1)])
    return RowCalls(
        one=f"SELECT {columns} FROM {one}",  # noqa: S608  # names of our own
        many=_for_each(members, call_with([f"n.{name}" for name in names]), columns),
    )


def _for_each(members: Mapping[str, str], called: str, columns: str) -> str:
    """A statement that makes the call for each row of the members (name: type), in order. Each
    member is an array argument; the call finds it as n.<name>."""
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(members.values(), 1))
    return (
        f"SELECT {columns}"  # noqa: S608  # names of our own
        f" FROM unnest({arrays}) WITH ORDINALITY AS n({', '.join(members)}, place)"
        f" CROSS JOIN LATERAL {called} ORDER BY n.place"
    )


def _sql_type(hint: Any) -> str:
    """The SQL type of a dataclass's field; the cast to the row's type narrows a number."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    return "text" if get_origin(hint) is Literal else _SQL_TYPES[hint]


def call_each(function: str, columns: Mapping[str, str], shared: str) -> str:
    """A statement that calls the function for each row of the given columns (name: type), in order.
    Each column is an array argument; the last argument, `shared`, is the same for all rows. Columns
    go to parameters by name, p_<name>."""
    given = "".join(f"p_{name} => n.{name}, " for name in columns)
    called = f"{function}({given}p_{shared} => ${len(columns) + 1}) AS s"
    return _for_each(columns, called, "s.verdict, s.why, (s.payment).*")


def required_row(record: Any) -> Any:
    if record is None:
        raise RuntimeError("a function with OUT parameters answers exactly one row")
    return record
