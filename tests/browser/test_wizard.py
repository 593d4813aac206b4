"""The setup wizard as a new merchant follows it, against the running stack and its sandbox."""

import sys
import time

import pytest

from tests.browser.conftest import Open
from tests.browser.people import new_merchant
from tests.browser.walk import LANGUAGES, Walk
from tests.fixtures.processes import Stack


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("quick_alipay")
@pytest.mark.parametrize("language", LANGUAGES)
def test_from_first_login_to_ready_for_a_device(
    window: Open, stack: Stack, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """S11, S14, S16: the map leads from row to row and says how far one is; parts of S12, S13, S15,
    S17: no package is here to download, no test before the upload, no device at the end, and the
    keys are looked at again. S5, S18, S19, S25, S42-S46, S48, S114-S116, and parts of S23: what
    only a person can do is told in the row. S26, S28, S29, S37, S129: the pair is made here; our
    own public key in Alipay's place is named and cannot be saved; saved is bound. S53, and
    parts of S47, S52: upload (no device is picked), review (no logo, no industry) and release over
    the platform's API. S101-S103, S105, S106, S108, and parts of S107: without face-to-face pay
    the check says so and what to do, but not what the contact is for."""
    opened = window(language=language)
    account = new_merchant(stack, f"开通 {language}")
    started = time.monotonic()
    Walk(opened.page, stack, account, language).to_ready()
    took = f"wizard {language}: {time.monotonic() - started:.1f} s from first login to ready"
    with capsys.disabled():
        sys.stdout.write(f"\n{took}\n")
    assert opened.axe() == []
