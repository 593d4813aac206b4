"""Money as whole fen, and the yuan text that only channels use: envelope, notices, bills."""

import re
from typing import Annotated

from pydantic import Field

FEN_MAX = 10_000_000_000
"""100,000,000.00 yuan: the largest amount Alipay takes in one trade."""

Fen = Annotated[int, Field(strict=True, ge=0, le=FEN_MAX)]

_YUAN = re.compile(r"(0|[1-9]\d{0,8})(?:\.(\d{1,2}))?", re.ASCII)


def yuan_text(amount_fen: int) -> str:
    """1207 -> "12.07"."""
    if amount_fen < 0:
        raise ValueError("an amount is never negative")
    yuan, fen = divmod(amount_fen, 100)
    return f"{yuan}.{fen:02d}"


def parse_yuan(text: str) -> int:
    """ "12.07" -> 1207 fen; refuses signs, exponents, spaces and a third decimal (ValueError)."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("not an amount in yuan with at most two decimals")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
