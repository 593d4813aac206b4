"""Identifiers: time-ordered UUIDs for rows, trade numbers for channels, random tokens."""

import secrets
import string
from uuid import UUID

from shared.clock import Clock

_ALPHABET = string.digits + string.ascii_uppercase


def uuid7(clock: Clock) -> UUID:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    millis = int(clock.now().timestamp() * 1000)
    random_bits = secrets.randbits(74)
    value = (millis & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= (random_bits >> 62) << 64
    value |= 0b10 << 62
    value |= random_bits & ((1 << 62) - 1)
    return UUID(int=value)


def random_token(nbytes: int = 32) -> str:
    """URL-safe text of `nbytes` random bytes."""
    return secrets.token_urlsafe(nbytes)


def trade_no(clock: Clock) -> str:
    """An out_trade_no: 32 digits and capitals, which fits both Alipay (64) and WeChat (32).

    14 characters of UTC time keep the numbers readable in a bill; 18 random ones (93 bits) keep
    them unique without a central counter. They are the digits of one random number, because a
    random number for each would take a third of the time of the payment service's own code.
    """
    drawn = secrets.randbelow(36**18)
    tail = "".join([_ALPHABET[drawn // 36**place % 36] for place in range(18)])
    return clock.now().strftime("%Y%m%d%H%M%S") + tail
