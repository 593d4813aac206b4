"""What the console lets a person enter is what the API takes: no field cuts a good password off,
and none lets a person send what is refused anyway."""

import itertools
import re
from pathlib import Path

import pytest

from services.binding.tenancy.rules import WeakPassword, check_password

SRC = Path(__file__).resolve().parents[2] / "gateway/spa/console/src"
FORM = SRC / "session/NewPassword.tsx"
ITEM = SRC / "session/PasswordItem.tsx"
LETTERS = "豆娘蜻蜓茶🍵🐉abcdefgh"


def _password(count: int) -> str:
    return "".join(itertools.islice(itertools.cycle(LETTERS), count))


def test_the_length_of_a_new_password() -> None:
    found = re.search(r"PASSWORD_LENGTH = \{ min: (\d+), max: (\d+) \}", ITEM.read_text())
    assert found is not None
    least, most = int(found[1]), int(found[2])
    for count in (least, most):
        check_password(_password(count), ())
    for count in (least - 1, most + 1):
        with pytest.raises(WeakPassword):
            check_password(_password(count), ())


def test_every_new_password_is_chosen_in_the_one_form() -> None:
    """The one field asks the browser for a new password, and the one form alone says that it is."""
    written = {path: path.read_text() for path in SRC.rglob("*.tsx") if path.parent.name != "test"}
    assert [path for path, text in written.items() if 'kind="new"' in text] == [FORM]
    asks = [path for path, text in written.items() if re.search("new-password|-password`", text)]
    assert asks == [ITEM]
