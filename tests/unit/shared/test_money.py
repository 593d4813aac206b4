"""Money is whole fen; yuan text is exact (parts of S100)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.money import FEN_MAX, parse_yuan, yuan_text


@given(st.integers(min_value=0, max_value=FEN_MAX))
def test_yuan_text_and_back(amount_fen):
    if amount_fen <= 99_999_999_999:
        assert parse_yuan(yuan_text(amount_fen)) == amount_fen


@pytest.mark.parametrize(
    ("text", "fen"), [("0.01", 1), ("0", 0), ("0.1", 10), ("1207.20", 120720), ("19.99", 1999)]
)
def test_known_amounts(text, fen):
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "1.",
        ".1",
        "1.001",
        "1e2",
        " 1",
        "1 ",
        "01",
        "１",
        "nan",
        "1,000.00",
        "1.0\n",
    ],
)
def test_refuses_what_is_not_an_amount(text):
    with pytest.raises(ValueError, match="yuan"):
        parse_yuan(text)


def test_no_negative_text():
    with pytest.raises(ValueError, match="negative"):
        yuan_text(-1)
