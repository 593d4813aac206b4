"""Types of all input: every body, query and path uses these (a test checks it).

`Annotated[str, Text(64)]`, `Annotated[SecretStr, Secret(256)]`, `Word`, `Instant`, `Version`.
Input that does not fit is 422 with the member's name and never reaches a database: PostgreSQL
accepts no NUL, UTF-8 no lone surrogate, a bigint no 20 digits, and a date in the year 1 cannot be
converted to UTC.
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

# No control characters, line separators or marks that change the direction of text; joiners inside
# emoji are allowed. The syntax is valid in Rust's regex and in JSON Schema.
_HIDDEN = r"\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
LINE = rf"^[^\p{{Cc}}{_HIDDEN}]*$"
LINES = rf"^(?:[\t\n\r]|[^\p{{Cc}}{_HIDDEN}])*$"
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Text(GroupedMetadata):
    """Free text of `min` to `max` characters in NFC: one line, several (`lines`), or text that
    matches `pattern`."""

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
        if len(found) > self.max:  # some characters become longer in NFC
            raise ValueError(f"at most {self.max} characters")
        return found


@dataclass(frozen=True)
class Secret(GroupedMetadata):
    """A password or key of at most `max` characters, unchanged; a key may have several lines."""

    max: int

    def __iter__(self) -> Iterator[Any]:
        yield AfterValidator(self._fit)  # pydantic's own limit would not name the member

    def _fit(self, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if len(text) > self.max or _UNFIT.search(text):
            raise ValueError(f"at most {self.max} characters, and no control characters")
        return secret


@dataclass(frozen=True)
class Verbatim(GroupedMetadata):
    """At most `max` characters from a third party, unchanged, with control characters: evidence. It
    is cleaned where it is used."""

    max: int

    def __iter__(self) -> Iterator[Any]:
        yield StringConstraints(max_length=self.max)


def _utc(value: datetime) -> datetime:
    # The year as written: near the years 1 and 9999 the conversion to UTC would overflow.
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
"""A UUID; JSON has no such type, so it is parsed from text also in a strict body."""
Word = Annotated[str, Text(128, pattern=r"^[0-9A-Za-z_.-]+$")]
"""An identifier without blanks: of a row, a key, a reason, a trade."""
PathPart = Annotated[str, Verbatim(8192)]
"""For a path whose route answers 404 to text that cannot be an identifier there."""
Version = Annotated[int, Field(ge=0, le=COUNT_MAX)]
PageNumber = Annotated[int, Field(ge=1, le=10_000)]
PageSize = Annotated[int, Field(ge=1, le=100)]
