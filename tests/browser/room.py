"""What has no room on a page: a column that lies under the one that stays in sight, and a
placeholder that is cut."""

from typing import Any

from playwright.sync_api import Page

_FIND = """
() => {
  const found = [];
  for (const box of document.querySelectorAll('.ant-table-content')) {
    if (box.scrollWidth > box.clientWidth + 1)
      found.push(`the table, ${box.scrollWidth} px wide, in ${box.clientWidth}`);
  }
  const pen = document.createElement('canvas').getContext('2d');
  for (const one of document.querySelectorAll('input[placeholder]')) {
    const style = getComputedStyle(one);
    const sides = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const isSeen = one.checkVisibility() && !one.value;
    if (isSeen && pen.measureText(one.placeholder).width > one.clientWidth - sides)
      found.push(`“${one.placeholder}” in ${one.clientWidth - sides} px`);
  }
  return found;
}
"""
_ROWS = """
() => {
  const rows = new Map();
  for (const card of document.querySelectorAll('.figures-row > .card')) {
    const { top } = card.getBoundingClientRect();
    rows.set(Math.round(top), (rows.get(Math.round(top)) ?? 0) + 1);
  }
  return [...rows.values()];
}
"""


def without_room(page: Page) -> list[str]:
    """What a person would have to scroll for, or cannot read to its end."""
    found: Any = page.evaluate(_FIND)
    return list(found)


def figures_in_rows(page: Page) -> list[int]:
    """How many figures stand in each row of them."""
    found: Any = page.evaluate(_ROWS)
    return list(found)
