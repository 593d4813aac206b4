"""Types of what comes from outside: every body, query and path is made of these (a test says so).

`Annotated[str, Text(64)]`, `Annotated[SecretStr, Secret(256)]`, `Word`, `Instant`, `Version`.
What does not fit is 422 with the member's name, and never reaches a database: PostgreSQL takes no
NUL, UTF-8 no lone surrogate, a bigint no 20 digits, and a date of the year 1 no move to UTC.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from unicodedata import normalize
from uuid import UUID

from annotated_types import GroupedMetadata
from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, StringConstraints

YEARS = range(2000, 2100)
COUNT_MAX = 2**31 - 1

# No controls, no line separators, nothing that turns the direction of what follows; a joiner
# inside an emoji is fine. In the syntax that Rust's regex, JSON Schema and people share.
_HIDDEN = r"\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
LINE = rf"^[^\p{{Cc}}{_HIDDEN}]*$"
LINES = rf"^(?:[\t\n\r]|[^\p{{Cc}}{_HIDDEN}])*$"
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Text(GroupedMetadata):
    """Free text of `min` to `max` characters in NFC: one line, or several (`lines`), or what
    `pattern` says instead."""

    max: int
    min: int = 1
    lines: bool = False
    pattern: str = ""

    def __iter__(self) -> Iterator[Any]:
        pattern = self.pattern or (LINES if self.lines else LINE)
        yield StringConstraints(min_length=self.min, max_length=self.max, pattern=pattern)
        yield AfterValidator(self._composed)

    def _composed(self, text: str) -> str:
        found = text if text.isascii() else normalize("NFC", text)
        if len(found) > self.max:  # a few characters are longer when composed
            raise ValueError(f"at most {self.max} characters")
        return found


@dataclass(frozen=True)
class Secret(GroupedMetadata):
    """A password or key of at most `max` characters, taken as it is; a key may have lines."""

    max: int

    def __iter__(self) -> Iterator[Any]:
        yield AfterValidator(self._fit)  # a bound of pydantic's own would not name the member

    def _fit(self, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if len(text) > self.max or _UNFIT.search(text):
            raise ValueError(f"at most {self.max} characters, and no control characters")
        return secret


@dataclass(frozen=True)
class Verbatim(GroupedMetadata):
    """At most `max` characters that somebody else has said, controls and all: for evidence. It is
    cleaned where it is used."""

    max: int

    def __iter__(self) -> Iterator[Any]:
        yield StringConstraints(max_length=self.max)


def _utc(value: datetime) -> datetime:
    # By the year as written: near year 1 and 9999 the move to UTC itself would overflow.
    if value.year not in YEARS:
        raise ValueError(f"between the years {YEARS[0]} and {YEARS[-1]}")
    return value.astimezone(UTC)


def instant(text: str) -> datetime:
    """An aware RFC 3339 instant in UTC within sane years; ValueError for anything else."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("no offset from UTC")
    return _utc(value)


Instant = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_utc)]
Id = Annotated[UUID, Field(strict=False)]
"""A UUID; JSON has none, so it is read from text also in a strict body."""
Word = Annotated[str, Text(128, pattern=r"^[0-9A-Za-z_.-]+$")]
"""A name without blanks: of a row, a key, a reason, a trade."""
PathPart = Annotated[str, Verbatim(8192)]
"""For a path whose reader says 404 of whatever cannot be a name there."""
Version = Annotated[int, Field(ge=0, le=COUNT_MAX)]
PageNumber = Annotated[int, Field(ge=1, le=10_000)]
PageSize = Annotated[int, Field(ge=1, le=100)]
