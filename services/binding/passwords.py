"""Argon2 off the event loop, a few at a time, and the same work for a login nobody has."""

from dataclasses import dataclass, field

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.binding.costly import NICE_SIGN_IN, Threads
from shared.ids import random_token

SIGN_IN_AT_ONCE = 2
"""Each takes 64 MiB for a tenth of a second: a burst of logins must not take the machine."""


@dataclass
class Passwords:
    """Hashes and checks passwords. Signing in has threads of its own: whoever is in already can
    keep nobody else out by stepping up, however often."""

    _hasher: PasswordHash = field(default_factory=lambda: PasswordHash((Argon2Hasher(),)))
    _sign_in: Threads = field(
        default_factory=lambda: Threads("sign-in", SIGN_IN_AT_ONCE, NICE_SIGN_IN)
    )
    _others: Threads = field(default_factory=lambda: Threads("password", 1))
    _decoy: str | None = None

    async def hash(self, password: str) -> str:
        return await self._others.run(self._hasher.hash, password)

    async def is_right(
        self, password: str, hashed: str | None, *, is_sign_in: bool = False
    ) -> bool:
        """Whether the password fits; None (no such login) costs as much and is always False."""
        threads = self._sign_in if is_sign_in else self._others
        if self._decoy is None:
            self._decoy = await threads.run(self._hasher.hash, random_token())
        return await threads.run(self._fits, password, hashed)

    def _fits(self, password: str, hashed: str | None) -> bool:
        fits = self._hasher.verify(password, hashed or self._decoy or "")
        return fits and hashed is not None
