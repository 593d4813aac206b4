"""What a password is hashed with where nothing else was asked for."""

import re

import pytest

from services.binding.passwords import Passwords


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
