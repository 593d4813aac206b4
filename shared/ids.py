"""Identifiers: time-ordered UUIDs for rows, random tokens."""

import secrets
from uuid import UUID

from shared.clock import Clock


def uuid7(clock: Clock) -> UUID:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    millis, random_bits = int(clock.now().timestamp() * 1000), secrets.randbits(74)
    fixed = (millis & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | 0b10 << 62
    return UUID(int=fixed | (random_bits >> 62) << 64 | random_bits & ((1 << 62) - 1))


def random_token(nbytes: int = 32) -> str:
    """URL-safe text of `nbytes` random bytes."""
    return secrets.token_urlsafe(nbytes)
