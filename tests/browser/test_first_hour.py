"""From the lines of `make run` to a refunded payment by what the pages say, in both languages."""

import sys

import pytest

from tests.browser.conftest import Open
from tests.browser.first_hour import Stranger
from tests.browser.walk import LANGUAGES
from tests.fixtures.processes import Stack

MINUTES, PRESSES = 15.0, 60


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("quick_alipay")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stranger_takes_and_gives_back_money(
    window: Open, stack: Stack, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No request but the browser's own; 15 minutes of reading, pressing and typing at the most,
    and 60 presses; nothing of it has an axe violation."""
    opened = window(language=language)
    found: list[str] = []
    stranger = Stranger(opened.page, language, looked=lambda: found.extend(opened.axe()))
    stranger.first_hour(stack.info["demo"]["operator"])
    cost = stranger.cost
    with capsys.disabled():
        sys.stdout.write(
            f"\nfirst hour {language}: {cost.presses} presses, {cost.fields} fields,"
            f" {cost.minutes:.1f} minutes of reading and doing\n"
        )
    assert found == []
    assert cost.presses <= PRESSES
    assert cost.minutes <= MINUTES
