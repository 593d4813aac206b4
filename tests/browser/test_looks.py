"""How it looks: one type for what opens, too (test_pages.py asks for it on every page), labels that
are read in the dark, and what opens stays inside the window."""

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.conftest import Open
from tests.browser.faces import families, odd
from tests.browser.room import figures_in_rows
from tests.fixtures.processes import Stack

SETTLED_LOOKS = 20
MARGIN_PX = 8
CONTRAST_MIN = 4.5
_LABELS = """
() => {
  const parts = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((parts(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('.chart-mark, .chart-name')]
    .filter((one) => one.textContent.trim())
    .map((one) => {
      const [a, b] = [light(getComputedStyle(one).color), light(ground(one))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
}
"""


def test_what_opens_has_it_too(look: Open, owner: StorageState) -> None:
    opened = look(owner)
    page = opened.at("/devices")
    page.get_by_role("button", name="生成激活码").first.click()
    page.get_by_role("dialog").get_by_role("combobox").click()
    page.get_by_role("option").first.wait_for(state="attached")
    assert not odd(families(page))
    page.keyboard.press("Escape")
    opened.turn_to("/orders")
    page.get_by_role("button", name="外观").click()
    page.get_by_role("menuitem").first.wait_for()
    page.keyboard.press("?")
    assert not odd(families(page))


CHINESE_FACES = {"PingFang SC", "HarmonyOS Sans SC", "MiSans", "Noto Sans SC", "Noto Sans CJK SC"}
_QUOTES = """
() => ['’', '“', '”'].map((one) => {
  const box = document.createElement('span');
  box.textContent = one.repeat(20);
  document.querySelector('h1').append(box);
  const { width } = box.getBoundingClientRect();
  const em = parseFloat(getComputedStyle(box).fontSize);
  box.remove();
  return width / 20 / em;
})
"""
"""How wide, in em; a Chinese character takes a whole one."""


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_each_language_has_its_own_face_first(
    look: Open, owner: StorageState, language: str
) -> None:
    """A Chinese face draws quotes as wide as a character, which tears English words apart."""
    page = look(owner, language=language).at("/orders")
    for family in families(page):
        *named, generic = [one.strip().strip('"') for one in family.split(",")]
        if generic == "sans-serif":
            assert (named[0] in CHINESE_FACES) == (language == "zh-CN"), family
            assert set(named) & CHINESE_FACES, "names in Chinese are met in either"
    if language == "en":
        assert max(page.evaluate(_QUOTES)) < 0.8


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_of_the_chart_are_read(look: Open, owner: StorageState, scheme: str) -> None:
    """It is hidden from whoever does not look at drawings; axe might leave it out, too."""
    page = look(owner, scheme=scheme).at("/")
    page.locator(".chart-name").first.wait_for()
    found = page.evaluate(_LABELS)
    assert len(found) > 5
    assert min(found) >= CONTRAST_MIN


def test_no_figure_stands_alone(
    look: Open, owner: StorageState, operator: StorageState, stack: Stack
) -> None:
    """Beside the others, or below them all: four are four, or two and two."""
    merchant = f"/merchants/{stack.info['demo']['merchant_id']}"
    for state, path, rows in (
        (owner, "/", {1440: [4], 1280: [4], 1200: [2, 2], 1000: [2, 2], 390: [1, 1, 1, 1]}),
        (operator, merchant, {1440: [3], 1280: [3], 1200: [3], 1000: [3], 390: [1, 1, 1]}),
    ):
        opened = look(state, width=1440)
        page = opened.at(path)
        page.locator(".figures-row > .card").first.wait_for()
        for width, wanted in rows.items():
            opened.resize(width)
            assert figures_in_rows(page) == wanted, (path, width)


def stays_inside(page: Page, box: Locator) -> None:
    """With a margin: what touches the edge looks cut off."""
    expect(box).to_be_visible()
    size = page.viewport_size
    assert size is not None
    found = None
    # What opens is moved to its place once its size is known.
    for _ in range(SETTLED_LOOKS):
        found = box.bounding_box()
        assert found is not None
        is_inside = (
            found["x"] >= MARGIN_PX and found["x"] + found["width"] <= size["width"] - MARGIN_PX
        )
        if is_inside:
            return
        page.wait_for_timeout(100)
    raise AssertionError(found)


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1440), ("en", 1280), ("en", 390)])
def test_what_opens_stays_inside_the_window(
    look: Open, owner: StorageState, language: str, width: int
) -> None:
    opened = look(owner, language=language, width=width)
    page = opened.at("/devices")
    is_chinese = language == "zh-CN"
    page.get_by_role("button", name="停用" if is_chinese else "Revoke").first.click()
    stays_inside(page, page.locator(".ant-popover:visible"))
    page.keyboard.press("Escape")
    for path, chinese, english in (
        ("/stores", "新建门店", "New store"),
        ("/devices", "生成激活码", "New enrolment code"),
        ("/staff", "添加员工", "Add staff"),
        ("/devices", "编辑", "Edit"),
        ("/api-keys", "新建密钥", "New key"),
    ):
        opened.turn_to(path)
        page.get_by_role("button", name=chinese if is_chinese else english).first.click()
        stays_inside(page, page.locator(".ant-modal:visible"))
