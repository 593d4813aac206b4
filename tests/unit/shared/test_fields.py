"""What comes from outside fits a database, a log line and UTF-8, or is refused by its name."""

import json
from datetime import UTC, datetime
from typing import Annotated

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from shared.contracts.fields import (
    Id,
    Instant,
    PageNumber,
    Secret,
    Text,
    Verbatim,
    Version,
    Word,
    instant,
)


class Body(BaseModel):
    line: Annotated[str, Text(8)] = "x"
    several: Annotated[str, Text(20, min=0, lines=True)] = ""
    secret: Annotated[SecretStr, Secret(12)] = SecretStr("")
    word: Word = "x"
    at: Instant = datetime(2026, 7, 4, tzinfo=UTC)
    id: Id | None = None
    version: Version = 1
    page: PageNumber = 1
    said: Annotated[str, Verbatim(4)] = ""


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("line", ""),
        ("line", "a\0b"),
        ("line", "\ud800"),
        ("line", "a\udfffb"),
        ("line", "a\nb"),
        ("line", "a\x1b[2J"),
        ("line", "a\x7f"),
        ("line", "a\x85b"),
        ("line", "a\u2028b"),
        ("line", "gnp.\u202eexe"),
        ("line", "a\uffff"),
        ("line", "123456789"),
        ("line", "\u0958" * 8),  # eight characters that are sixteen in NFC
        ("line", 5),
        ("several", "a\0b"),
        ("several", "a\x0bb"),
        ("several", "\ud83d"),
        ("secret", "a\0b"),
        ("secret", "\ud800"),
        ("secret", "1234567890123"),
        ("word", ""),
        ("word", "a b"),
        ("word", "a\n"),
        ("word", "a\0"),
        ("word", "\u0661"),
        ("word", "x" * 129),
        ("at", "0001-01-01T00:00:00+14:00"),
        ("at", "9999-12-31T23:59:59-14:00"),
        ("at", "1999-12-31T23:59:59Z"),
        ("at", "2100-01-01T00:00:00Z"),
        ("at", "2026-07-04T00:00:00"),
        ("at", "-1"),
        ("at", 1e300),
        ("id", "\0"),
        ("id", "7"),
        ("version", 2**31),
        ("version", -1),
        ("version", 10**400),
        ("page", 10_001),
        ("page", 0),
        ("said", "12345"),
    ],
)
def test_what_does_not_fit_is_named(member, value):
    with pytest.raises(ValidationError) as caught:
        Body.model_validate({member: value})
    assert [fault["loc"][:1] for fault in caught.value.errors()] == [(member,)]


@pytest.mark.parametrize(
    ("member", "value", "kept"),
    [
        ("line", "咖啡 ☕", "咖啡 ☕"),
        ("line", "e\u0301", "é"),
        ("line", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("several", "a\r\n\tb", "a\r\n\tb"),
        ("word", "DF_2026-07.x", "DF_2026-07.x"),
        ("at", "2026-07-04T08:00:00+08:00", datetime(2026, 7, 4, tzinfo=UTC)),
        ("at", "2000-01-01T00:00:00+14:00", datetime(1999, 12, 31, 10, tzinfo=UTC)),
        ("at", "2099-12-31T23:59:59-12:00", datetime(2100, 1, 1, 11, 59, 59, tzinfo=UTC)),
        ("said", "a\0\n", "a\0\n"),
    ],
)
def test_what_fits_is_kept_composed_and_in_utc(member, value, kept):
    found = getattr(Body.model_validate_json(json.dumps({member: value})), member)
    assert found == kept
    if isinstance(found, datetime):
        assert found.utcoffset().total_seconds() == 0


def test_a_secret_is_taken_as_it_is():
    assert Body(secret="e\u0301 \n").secret.get_secret_value() == "e\u0301 \n"


@pytest.mark.parametrize(
    "text", ["", "x", "2026-07-04T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-09"]
)
def test_no_instant_of_text_overflows(text):
    with pytest.raises(ValueError):
        instant(text)
