"""Computes the audit chain a second time, outside the database (S132, reliability §5.7).

An entry's hash covers the hash before it, its tenant, its number and every member. A change, a gap,
an insertion or a swap breaks the chain at that entry. A chain cannot show that its tail was cut or
that all of it was written again. For that the head is anchored: written to a file outside the
database.

The hashed text is each field as `length:bytes`, or `-` for NULL, one after the other. The time is
in microseconds since 1970. `audit_digest` in the migrations is the same rule in SQL.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.binding.audit.anchors import Anchor

FIELDS = (
    "prev_hash",
    "tenant_id",
    "seq",
    "audit_id",
    "at_us",
    "actor",
    "actor_name",
    "action",
    "subject",
    "before",
    "after",
    "request_id",
    "address",
    "reason",
)


def digest(entry: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the members in the order of FIELDS; JSON members as stored text."""
    hashed = hashlib.sha256()
    for name in FIELDS:
        value = entry[name]
        if value is None:
            hashed.update(b"-")
            continue
        raw = str(value).encode()
        hashed.update(b"%d:" % len(raw))
        hashed.update(raw)
    return hashed.hexdigest()


@dataclass(slots=True)
class Walk:
    """One pass over a tenant's entries, in order; `broken_at` is the first number that is wrong."""

    anchors: Sequence[Anchor] = ()
    entries: int = 0
    head: str = ""
    broken_at: int | None = None
    why: str = ""
    _wanted: dict[int, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._wanted = {}
        for anchor in self.anchors:
            self._wanted.setdefault(anchor.seq, set()).add(anchor.hash)

    def take(self, rows: Iterable[Mapping[str, Any]]) -> bool:
        """Checks the next rows; False as soon as one does not fit."""
        return all(self._fits(row) for row in rows)

    def _fits(self, row: Mapping[str, Any]) -> bool:
        number = self.entries + 1
        if row["seq"] != number:
            return self._broken(number, "number")
        if row["prev_hash"] != self.head:
            return self._broken(number, "link")
        if digest(row) != row["hash"]:
            return self._broken(number, "content")
        if not self._wanted.pop(number, set()) <= {row["hash"]}:
            return self._broken(number, "anchor")
        self.entries, self.head = number, row["hash"]
        return True

    def finish(self, head: tuple[int, str]) -> None:
        """Called after the last row: no anchored or counted entry may be missing behind it."""
        if self.broken_at is not None:
            return
        if self._wanted or head != (self.entries, self.head):
            self._broken(self.entries + 1, "tail")

    def _broken(self, number: int, why: str) -> bool:
        self.broken_at, self.why = number, why
        return False
