"""Argon2 off the event loop, a few at a time, and the same work for a login nobody has; and which
passwords a guesser would try first."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.binding.costly import NICE_SIGN_IN, Threads
from shared.ids import random_token

MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""OWASP's minimum for argon2id, and why no more: docs/adr/0020-argon2-beside-payments.md."""
SIGN_IN_AT_ONCE = 2
"""A burst of logins must not take the machine."""
SCORE_MIN = 3
"""zxcvbn's: at least 100 million guesses"""
JUDGED_CHARACTERS = 32
"""The estimate's work grows steeply with the length; whoever is good by then is good."""


@dataclass
class Passwords:
    """Hashes and checks passwords. Signing in has threads of its own: whoever is in already can
    keep nobody else out by stepping up, however often."""

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
        """Whether the password fits; None or "" (no such login, no password yet) costs as much and
        is always False."""
        threads = self._sign_in if is_sign_in else self._others
        if self._decoy is None:
            self._decoy = await threads.run(self._hasher.hash, random_token())
        return await threads.run(self._fits, password, hashed)

    def _fits(self, password: str, hashed: str | None) -> bool:
        """Also as it was typed: hashes from before passwords were made canonical are of that."""
        fits = any(
            self._hasher.verify(text, hashed or self._decoy or "")
            for text in dict.fromkeys((canonical_password(password), password))
        )
        return fits and bool(hashed)

    async def is_guessable(self, password: str, own_words: Sequence[str] = ()) -> bool:
        """Whether it is among what is tried first: the common ones, words, names, keyboard walks,
        dates, and the usual changes to them."""
        return await self._others.run(_is_guessable, password, own_words)


def _argon2() -> Argon2Hasher:
    return Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def _is_guessable(password: str, own_words: Sequence[str]) -> bool:
    # Its word lists take 16 MB: loaded when somebody chooses a password, not at every start.
    from zxcvbn import zxcvbn

    judged = canonical_password(password)[:JUDGED_CHARACTERS]
    found: dict[str, Any] = zxcvbn(  # type: ignore[no-untyped-call]
        judged, user_inputs=list(own_words), max_length=JUDGED_CHARACTERS
    )
    return int(found["score"]) < SCORE_MIN


def canonical_password(password: str) -> str:
    """How a password is hashed and checked: one that differs only in how a keyboard spells the same
    characters (full width, composed or not) is the same (NIST 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
