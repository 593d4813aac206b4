"""Logins: `<username>@<handle>` for accounts that a merchant creates, any text for those that an
operator creates.

A handle is a merchant's short sign-in name. Nobody outside the merchant has a login that ends with
`@` and its handle, so the answer "this login is taken" reveals nothing about other merchants
(accounts.add_user and merchants.create_merchant ensure it). A handle never changes, because it is a
part of logins that people know by heart.

    Problem: HandleTaken 409, ForeignHandle 422
"""

import secrets
import unicodedata

from shared.errors import Conflict, InvalidBody

AT = "@"
USERNAME_MAX = 40
HANDLE_MIN, HANDLE_MAX = 3, 20
HANDLE = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
"""Characters that every keyboard has and that need no case folding."""
NEW_HANDLE_LETTERS = "bcdfghjkmnpqrstvwxz23456789"
"""For generated handles: no characters that look alike (0 o, 1 i l), and no vowels, so no words."""
NEW_HANDLE_LENGTH = 6
"""390 million possible handles; one that is taken is generated again."""


class HandleTaken(Conflict):
    """Another merchant has the handle, or an existing login ends with it."""

    code = "binding.handle_taken"
    title = "该登录后缀已被使用 This sign-in handle is in use."


class ForeignHandle(InvalidBody):
    code = "binding.foreign_handle"
    title = "@ 后面是另一商户的登录后缀 What follows the @ is another merchant's sign-in handle."


def canonical(login: str) -> str:
    """The form in which logins are compared: width, case and surrounding space make no
    difference."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def check_username(text: str) -> str:
    """The text itself; ValueError when it contains an `@`, in any width."""
    if AT in canonical(text):
        raise ValueError("不用写 @，系统会自动加上 without the @ part, which is added to it")
    return text


def of_merchant(username: str, handle: str) -> str:
    """The login of an account that a merchant creates."""
    return f"{username}{AT}{handle}"


def handle_in(login: str) -> str:
    """The part after the last `@`, in canonical form; empty without an `@`."""
    _, at, behind = canonical(login).rpartition(AT)
    return behind if at else ""


def words_of(login: str) -> tuple[str, str]:
    """The words that a password must not contain: the login, and its part before the `@`."""
    return login, canonical(login).rpartition(AT)[0]


def new_handle() -> str:
    return "".join(secrets.choice(NEW_HANDLE_LETTERS) for _ in range(NEW_HANDLE_LENGTH))
