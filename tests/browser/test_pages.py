"""Every page, light and dark, wide and narrow, in both languages: WCAG 2.2 AA, the strict policy,
our host alone, and no word that nobody should have to read (tests/browser/reading.py)."""

from itertools import cycle
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import StorageState

from tests.browser.conftest import Open
from tests.browser.faces import families, odd
from tests.browser.room import without_room
from tests.browser.watched import Watched
from tests.browser.widest import says_most
from tests.fixtures.processes import Stack

MERCHANT = (
    "/", "/orders", "/orders/refunds", "/onboarding", "/onboarding?card=program", "/miniprogram",
    "/dragonfly", "/dragonfly?tab=iot", "/devices", "/cashier", "/stores", "/staff", "/api-keys",
    "/settings/wechat", "/settings/merchant", "/audit", "/account", "/no/such/page",
)  # fmt: skip
OPERATOR = (
    "/merchants", "/grants", "/notices", "/notices/refused", "/staff", "/audit", "/account",
)  # fmt: skip
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = (("zh-CN", 1440), ("en", 390))
BUDGET_BYTES = 400 * 1024
LIST_BYTES = 520 * 1024
"""A list brings its table and its calendar: above the budget until they come after it."""
pytestmark = pytest.mark.timeout(400)


def _look(opened: Watched, paths: tuple[str, ...], texts: int, width: int) -> None:
    """Opens each page and looks at it in light and in dark, in the order that needs no repainting
    from page to page. The first is loaded, and those that differ from the one before only in their
    query; between the others one turns as by a click. Each text (headings, figures, labels, table
    cells, inputs, keys) is set in the one type; `texts` are there at least. At 1280 px, a small
    laptop, no column lies under the one that stays in sight, whatever the rows hold, and no
    placeholder is cut."""
    says_most(opened.page)
    found, wrong, crowded = {}, {}, {}
    before, seen = None, 0
    for path, (first, second) in zip(paths, cycle((SCHEMES, SCHEMES[::-1])), strict=False):
        place = urlsplit(path).path
        page = opened.go(path) if before in {None, place} else opened.turn_to(path)
        before = place
        assert page.title().endswith(("豆娘", "Damselfly"))
        opened.paint(first)
        found[path, first] = opened.axe()
        opened.paint(second)
        found[path, second] = opened.axe(only_colours=True)
        assert not opened.is_wider_than_the_window(), path
        faces = families(page)
        seen += sum(map(len, faces.values()))
        wrong[path] = odd(faces)
        opened.resize(1280)
        crowded[path] = without_room(page)
        opened.resize(width)
    assert not {seen: faults for seen, faults in found.items() if faults}
    assert not {path: faces for path, faces in wrong.items() if faces}
    assert not {path: parts for path, parts in crowded.items() if parts}
    assert seen > texts, "the reader of faces no longer finds the texts"


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_merchant_pages(
    window: Open, owner: StorageState, stack: Stack, language: str, width: int
) -> None:
    order = f"/orders/{stack.info['first_payment']['order_no']}"
    _look(window(owner, language=language, width=width), (*MERCHANT, order), 700, width)


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_operator_pages(
    window: Open, operator: StorageState, stack: Stack, language: str, width: int
) -> None:
    merchant = f"/merchants/{stack.info['demo']['merchant_id']}"
    _look(window(operator, language=language, width=width), (*OPERATOR, merchant), 100, width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in(window: Open, scheme: str) -> None:
    opened = window(scheme=scheme)
    opened.go("/login")
    assert opened.axe() == []
    assert 0 < opened.script_bytes <= BUDGET_BYTES
    assert not odd(families(opened.page))


@pytest.mark.parametrize(("path", "budget"), [("/", BUDGET_BYTES), ("/orders", LIST_BYTES)])
def test_the_first_page_is_light(window: Open, owner: StorageState, path: str, budget: int) -> None:
    opened = window(owner)
    opened.go(path)
    assert 0 < opened.script_bytes <= budget
