"""Yuan text on the wire, integer fen inside."""

import re

LIMIT_FEN = 10_000_000_000
_YUAN = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,2}))?")


def yuan(fen: int) -> str:
    """Two decimals, as every amount in an answer is spelled."""
    return f"{fen // 100}.{fen % 100:02d}"


def fen_of(text: object) -> int | None:
    """None unless it is a positive amount with at most two decimals."""
    match = _YUAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    fen = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
    return fen if fen > 0 else None


def signed_yuan(fen: int) -> str:
    """As `yuan`, also for the negative amounts of bills."""
    return f"-{yuan(-fen)}" if fen < 0 else yuan(fen)
