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
    """Statements that call a function with rows of a type: for one row, for many in order, and for
    many of which several are of one tenant."""

    one: str
    many: str
    by_tenant: str


def row_calls(function: str, together: str, kind: str, shape: type, columns: str) -> RowCalls:
    """The function's first argument is a row of the type `kind`: the fields of the dataclass
    `shape`, and an event for the outbox. Each member is an argument of the statement, an array of
    them for many rows; the last argument is the function's last. The function `together` takes the
    rows of one tenant and their places in the batch; tenants follow each other in their own order,
    in which a batch has to be sorted, too, so that any two statements lock common rows alike. The
    server builds the rows. If asyncpg built them, each new connection would first query the type's
    members (8 ms)."""
    own = {name: _sql_type(hint) for name, hint in get_type_hints(shape).items()}
    members = own | {f"event_{name}": kind for name, kind in EVENT_TYPES.items()}
    names, last = list(members), f"${len(members) + 1}"

    def row(values: Sequence[str]) -> str:
        fields, event = values[: len(own)], values[len(own) :]
        return f"ROW({', '.join(fields)}, ROW({', '.join(event)})::outbox_event)::{kind}"

    one = row([f"${number}" for number in range(1, len(names) + 1)])
    of_many = row([f"n.{name}" for name in names])
    return RowCalls(
        one=f"SELECT {columns} FROM {function}({one}, {last}) AS s",  # noqa: S608  # names of our own
        many=_for_each(members, f"{function}({of_many}, {last}) AS s", columns),
        by_tenant=f"SELECT {columns} FROM (SELECT"  # noqa: S608  # names of our own
        f" array_agg({of_many} ORDER BY n.place) AS rows,"
        f" array_agg(n.place ORDER BY n.place) AS places FROM {_numbered(members)}"
        " GROUP BY n.tenant_id ORDER BY n.tenant_id) AS t"
        f" CROSS JOIN LATERAL {together}(t.rows, t.places, {last}) AS s ORDER BY s.place",
    )


def _for_each(members: Mapping[str, str], called: str, columns: str) -> str:
    """A statement that makes the call for each row of the members (name: type), in order. Each
    member is an array argument; the call finds it as n.<name>."""
    return (
        f"SELECT {columns} FROM {_numbered(members)}"  # noqa: S608  # names of our own
        f" CROSS JOIN LATERAL {called} ORDER BY n.place"
    )


def _numbered(members: Mapping[str, str]) -> str:
    """The rows n of the members (name: type), each an array argument, and their place."""
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(members.values(), 1))
    return f"unnest({arrays}) WITH ORDINALITY AS n({', '.join(members)}, place)"


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
