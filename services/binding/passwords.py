"""Argon2 off the event loop, a few at a time, and the same work for a login nobody has."""

import asyncio
from dataclasses import dataclass, field

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shared.ids import random_token

PARALLEL = 4
"""Each takes 64 MiB for a tenth of a second: a burst of logins must not take the machine."""


@dataclass
class Passwords:
    """Hashes and checks passwords."""

    _hasher: PasswordHash = field(default_factory=lambda: PasswordHash((Argon2Hasher(),)))
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARALLEL))
    _decoy: str | None = None

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, password: str, hashed: str | None) -> bool:
        """Whether the password fits; None (no such login) costs as much and is always False."""
        async with self._slots:
            if self._decoy is None:
                self._decoy = await asyncio.to_thread(self._hasher.hash, random_token())
            fits = await asyncio.to_thread(self._hasher.verify, password, hashed or self._decoy)
        return fits and hashed is not None
