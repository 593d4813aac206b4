"""What a password is hashed with where nothing else was asked for."""

import re
import subprocess
import sys

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.binding.crypto.passwords import Passwords


@pytest.mark.asyncio
async def test_a_hash_costs_what_it_must() -> None:
    """argon2id with at least 19 MiB and two passes (OWASP's floor), salted, and it checks."""
    passwords = Passwords()
    hashed = await passwords.hash("correct horse battery")
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$", hashed)
    assert found is not None
    assert (int(found[1]) >= 19 * 1024, int(found[2]) >= 2) == (True, True)
    assert await passwords.is_right("correct horse battery", hashed)
    assert not await passwords.is_right("correct horse batterx", hashed)
    assert not await passwords.is_right("correct horse battery", None)
    assert await passwords.hash("correct horse battery") != hashed


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password2024!", "qwertyuiop12", "123456789012", "iloveyou1234",
        "1qaz2wsx3edc", "passwordpassword", "ｐａｓｓｗｏｒｄ１２３４", "zxcvbnm,./12",
        "abcdefghijkl", "P4$$w0rd1234", "letmein12345",
    ],
)  # fmt: skip
async def test_what_is_tried_first_is_guessable(password: str) -> None:
    """The common ones, words, walks over the keyboard and the usual changes to them."""
    assert await Passwords().is_guessable(password)


@pytest.mark.asyncio
async def test_what_takes_long_to_guess_is_not() -> None:
    passwords = Passwords()
    for password in ("correct horse battery", "gW9xk2mPq8Lz", "豆娘飞过清水池塘三回"):
        assert not await passwords.is_guessable(password)
    assert not await passwords.is_guessable("yunyin chapu 88")
    assert await passwords.is_guessable("yunyin chapu 88", ["yunyin chapu"])


@pytest.mark.asyncio
async def test_another_normal_form_opens_too() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("cafe\u0301 au lait 42")
    assert await passwords.is_right("caf\u00e9 au lait 42", hashed)
    assert not await passwords.is_right("cafe au lait 42", hashed)
    assert not await passwords.is_right("caf\u00e9 au lait 42", "")


@pytest.mark.asyncio
async def test_a_hash_from_before_the_normal_form_opens() -> None:
    typed = "ｃｏｒｒｅｃｔ　horse battery"
    hashed = PasswordHash((Argon2Hasher(),)).hash(typed)
    passwords = Passwords()
    assert await passwords.is_right(typed, hashed)
    assert not await passwords.is_right("correct horse battery", hashed)
    assert not await passwords.is_right(typed + "x", hashed)
    assert not await passwords.is_right(typed, None)


def test_the_word_lists_are_loaded_when_a_password_is_chosen_only() -> None:
    """16 MB that a start of the process does not pay for."""
    told = "import sys, services.binding.app; sys.exit('zxcvbn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
