"""Every page, light and dark, wide and narrow: WCAG 2.2 AA, the strict policy, our host alone."""

import pytest
from playwright.sync_api import StorageState

from tests.browser.conftest import Open

MERCHANT = (
    "/", "/orders", "/onboarding", "/miniprogram", "/dragonfly", "/dragonfly?tab=iot", "/devices",
    "/stores", "/staff", "/api-keys", "/settings/wechat", "/settings/merchant", "/audit",
    "/account",
)  # fmt: skip
OPERATOR = ("/merchants", "/notices", "/staff", "/audit")
LOOKS = (("zh-CN", 1440, "light"), ("en", 390, "dark"))
BUDGET_BYTES = 450 * 1024


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_merchant_pages(
    window: Open, owner: StorageState, language: str, width: int, scheme: str
) -> None:
    opened = window(owner, language=language, width=width, scheme=scheme)
    found = {}
    for path in MERCHANT:
        page = opened.go(path)
        assert page.title().endswith("豆娘" if language == "zh-CN" else "Damselfly")
        found[path] = opened.axe()
        assert not opened.is_wider_than_the_window(), path
    assert not {path: faults for path, faults in found.items() if faults}


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_operator_pages(
    window: Open, operator: StorageState, language: str, width: int, scheme: str
) -> None:
    opened = window(operator, language=language, width=width, scheme=scheme)
    found = {}
    for path in OPERATOR:
        opened.go(path)
        found[path] = opened.axe()
        assert not opened.is_wider_than_the_window(), path
    assert not {path: faults for path, faults in found.items() if faults}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in(window: Open, scheme: str) -> None:
    opened = window(scheme=scheme)
    opened.go("/login")
    assert opened.axe() == []
    assert 0 < opened.script_bytes <= BUDGET_BYTES


def test_the_first_page_is_light(window: Open, owner: StorageState) -> None:
    opened = window(owner)
    opened.go("/orders")
    assert 0 < opened.script_bytes <= BUDGET_BYTES
