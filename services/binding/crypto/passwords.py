"""Password hashing with argon2, outside the event loop, and the check for guessable passwords.

A login that nobody has costs the same work as one that exists.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.binding.expensive import NICE_SIGN_IN, Threads
from shared.ids import random_token

MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""OWASP's minimum for argon2id; docs/adr/0020-argon2-beside-payments.md says why not more."""
SIGN_IN_AT_ONCE = 2
"""Few, so that many sign-ins at once do not take the whole machine."""
SCORE_MIN = 3
"""zxcvbn's: at least 100 million guesses"""
JUDGED_CHARACTERS = 32
"""The estimate's cost grows steeply with the length, so only so many characters are judged."""


@dataclass
class Passwords:
    """Hashes and checks passwords. Signing in has its own threads, so that step-ups, however many,
    do not delay other people's sign-ins."""

    _hasher: PasswordHash = field(default_factory=lambda: PasswordHash((_argon2(),)))
    _sign_in: Threads = field(
        default_factory=lambda: Threads("sign-in", SIGN_IN_AT_ONCE, NICE_SIGN_IN)
    )
    _others: Threads = field(default_factory=lambda: Threads("password", 1))
    _decoy: str | None = None

    async def hash(self, password: str) -> str:
        return await self._others.run(self._hasher.hash, canonical_password(password))

    async def is_right(
        self, password: str, hashed: str | None, *, is_sign_in: bool = False
    ) -> bool:
        """Whether the password matches the hash. For None or "" (no such login, no password yet)
        the result is always False, at the same cost."""
        threads = self._sign_in if is_sign_in else self._others
        if self._decoy is None:
            self._decoy = await threads.run(self._hasher.hash, random_token())
        return await threads.run(self._fits, password, hashed)

    def _fits(self, password: str, hashed: str | None) -> bool:
        """Also tries the password as it was typed, because older hashes were made of that form."""
        fits = any(
            self._hasher.verify(text, hashed or self._decoy or "")
            for text in dict.fromkeys((canonical_password(password), password))
        )
        return fits and bool(hashed)

    async def is_guessable(self, password: str, own_words: Sequence[str] = ()) -> bool:
        """Whether an attacker would try it early: common passwords, words, names, keyboard walks,
        dates, and the usual variations of them."""
        return await self._others.run(_is_guessable, password, own_words)


def _argon2() -> Argon2Hasher:
    return Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def _is_guessable(password: str, own_words: Sequence[str]) -> bool:
    # The word lists take 16 MB, so they are loaded when somebody chooses a password, not at start.
    from zxcvbn import zxcvbn

    judged = canonical_password(password)[:JUDGED_CHARACTERS]
    found: dict[str, Any] = zxcvbn(  # type: ignore[no-untyped-call]
        judged, user_inputs=list(own_words), max_length=JUDGED_CHARACTERS
    )
    return int(found["score"]) < SCORE_MIN


def canonical_password(password: str) -> str:
    """The form in which a password is hashed and checked: different encodings of the same
    characters (full width, composed or decomposed) are equal (NIST 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
