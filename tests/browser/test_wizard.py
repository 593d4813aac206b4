"""The setup wizard as a new merchant follows it, against the running stack and its sandbox."""

import sys
import time

import pytest

from tests.browser.conftest import Open
from tests.browser.walk import LANGUAGES, Walk, new_merchant
from tests.fixtures.processes import Stack


@pytest.mark.timeout(400)
@pytest.mark.parametrize("language", LANGUAGES)
def test_from_first_login_to_ready_for_a_device(
    window: Open, stack: Stack, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """S6-S8, S11-S17 (the map leads from row to row), S20-S25, S26-S29 (the pair is made here; our
    own public key in Alipay's place is named and cannot be saved), S30-S37, S47, S49-S53, S101-S109
    (not signed up for face-to-face pay: said with its remedy), S114, S115."""
    opened = window(language=language)
    account = new_merchant(stack, f"开通 {language}")
    started = time.monotonic()
    Walk(opened.page, stack, account, language).to_ready()
    took = f"wizard {language}: {time.monotonic() - started:.1f} s from first login to ready"
    with capsys.disabled():
        sys.stdout.write(f"\n{took}\n")
    assert opened.axe() == []
