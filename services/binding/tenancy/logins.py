"""What a login is: `<username>@<handle>` for the people whom a merchant makes, or what an operator
gave.

A handle is a merchant's short sign-in name. Nobody outside the merchant has a login that ends with
`@` and its handle, so "this login is taken" can speak only about the merchant's own people
(service._add_user and service.create_merchant keep it so). A handle never changes: it is a part of
logins that people know by heart.

    Problem: HandleTaken 409, ForeignHandle 422
"""

import secrets
import unicodedata

from shared.errors import Conflict, InvalidBody

AT = "@"
USERNAME_MAX = 40
HANDLE_MIN, HANDLE_MAX = 3, 20
HANDLE = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
"""What is in all keyboards, reads the same in any font's lower case, and needs no folding."""
NEW_HANDLE_LETTERS = "bcdfghjkmnpqrstvwxz23456789"
"""For handles made here: nothing that looks like another (0 o, 1 i l), no vowel, so no word."""
NEW_HANDLE_LENGTH = 6
"""3.9 hundred million: a taken one is drawn again."""


class HandleTaken(Conflict):
    """A merchant has it, or the login of somebody outside the new merchant ends with it."""

    code = "binding.handle_taken"
    title = "该登录后缀已被使用 This sign-in handle is in use."


class ForeignHandle(InvalidBody):
    code = "binding.foreign_handle"
    title = "@ 后面是另一商户的登录后缀 What follows the @ is another merchant's sign-in handle."


def canonical(login: str) -> str:
    """How logins compare: width, case and surrounding space do not make another person."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def check_username(text: str) -> str:
    """The text itself, or ValueError when it holds an `@` in any of its spellings."""
    if AT in canonical(text):
        raise ValueError("不用写 @，系统会自动加上 without the @ part, which is added to it")
    return text


def of_merchant(username: str, handle: str) -> str:
    """The login of a merchant's person."""
    return f"{username}{AT}{handle}"


def handle_in(login: str) -> str:
    """What stands behind the last `@`, as logins compare; empty without one."""
    _, at, behind = canonical(login).rpartition(AT)
    return behind if at else ""


def words_of(login: str) -> tuple[str, str]:
    """What a password must not hold: the login, and its part before the `@`."""
    return login, canonical(login).rpartition(AT)[0]


def new_handle() -> str:
    return "".join(secrets.choice(NEW_HANDLE_LETTERS) for _ in range(NEW_HANDLE_LENGTH))
